//! Challenges: their kinds, tokens and key authorizations ([RFC 8555 § 8]).
//!
//! [RFC 8555 § 8]: https://www.rfc-editor.org/rfc/rfc8555#section-8

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::{decode_base64url, encode_base64url};

/// One way to prove control of an identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum ChallengeKind {
    /// A file under `/.well-known/acme-challenge/` ([RFC 8555 § 8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
    #[serde(rename = "http-01")]
    Http01,
    /// A TXT record at `_acme-challenge` ([RFC 8555 § 8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).
    #[serde(rename = "dns-01")]
    Dns01,
    /// A certificate shown for the protocol `acme-tls/1` ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// A TXT record at a label that is the account's own
    /// ([draft-ietf-acme-dns-account-label](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-account-label/)).
    #[serde(rename = "dns-account-01")]
    DnsAccount01,
    /// A standing TXT record that names the authority and the account
    /// ([draft-ietf-acme-dns-persist](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/)).
    #[serde(rename = "dns-persist-01")]
    DnsPersist01,
    /// A statement of the device's maker about the device and the key it keeps, sent with the request
    /// ([draft-ietf-acme-device-attest](https://datatracker.ietf.org/doc/draft-ietf-acme-device-attest/)).
    #[serde(rename = "device-attest-01")]
    DeviceAttest01,
}

impl ChallengeKind {
    /// Every kind this server knows.
    pub const ALL: &'static [Self] = &[
        Self::Http01,
        Self::Dns01,
        Self::TlsAlpn01,
        Self::DnsAccount01,
        Self::DnsPersist01,
        Self::DeviceAttest01,
    ];

    /// The kinds of RFC 8555 and RFC 8737, which are offered unless a provisioner says otherwise:
    /// some clients stop at a kind they do not know.
    pub const USUAL: &'static [Self] = &[Self::Http01, Self::Dns01, Self::TlsAlpn01];

    /// The word on the wire, in configuration and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::DeviceAttest01 => "device-attest-01",
        }
    }

    /// Whether the client sends the proof with its request for a validation, so that it is judged at
    /// once and nothing is looked up or tried again.
    #[must_use]
    pub const fn comes_with_request(self) -> bool {
        matches!(self, Self::DeviceAttest01)
    }
}

impl fmt::Display for ChallengeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChallengeKind {
    type Err = UnknownChallengeKind;

    fn from_str(word: &str) -> Result<Self, UnknownChallengeKind> {
        Self::ALL
            .iter()
            .find(|kind| kind.as_str() == word)
            .copied()
            .ok_or_else(|| UnknownChallengeKind(word.to_owned()))
    }
}

/// The word names no challenge that this server knows.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown challenge type {0:?}; known are {known}", known = known_kinds())]
pub struct UnknownChallengeKind(pub String);

fn known_kinds() -> String {
    let words: Vec<_> = ChallengeKind::ALL.iter().map(|k| k.as_str()).collect();
    words.join(", ")
}

/// The random text of a challenge: 32 random octets (256 bits) in base64url, public
/// ([RFC 8555 § 8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3) wants at least 128 bits).
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(Box<str>);

impl Token {
    /// A new token from a cryptographic generator.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        Self(encode_base64url(bytes).into())
    }

    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        match decode_base64url(text) {
            Ok(bytes) if bytes.len() >= 16 => Ok(Self(text.into())),
            _ => Err(ParseTokenError),
        }
    }
}

impl TryFrom<String> for Token {
    type Error = ParseTokenError;

    fn try_from(text: String) -> Result<Self, ParseTokenError> {
        text.parse()
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0.into()
    }
}

/// The text is not base64url of at least 128 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a token is base64url of at least 128 bits")]
pub struct ParseTokenError;

/// SHA-256 of a public key in its canonical JSON form ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64url(self.0))
    }
}

/// Token, dot, thumbprint of the account key: what the holder of the identifier must show
/// ([RFC 8555 § 8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1)). `Debug` prints no value.
#[derive(Clone, Eq, PartialEq)]
pub struct KeyAuthorization(String);

impl KeyAuthorization {
    /// The key authorization of a challenge's token under an account's key.
    #[must_use]
    pub fn new(token: &Token, thumbprint: &Thumbprint) -> Self {
        Self(format!("{token}.{thumbprint}"))
    }

    /// The text that must be shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyAuthorization(..)")
    }
}
