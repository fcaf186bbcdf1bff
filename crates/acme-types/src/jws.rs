//! The shape of a signed request: flattened JWS and its protected header ([RFC 8555 § 6.2]).
//!
//! [RFC 8555 § 6.2]: https://www.rfc-editor.org/rfc/rfc8555#section-6.2

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{Jwk, JwkError, decode_base64url};

macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// A signature algorithm of JWS that this server accepts; never a MAC, never `none`.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
        pub enum Algorithm {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl Algorithm {
            /// Every algorithm accepted.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in a JWS header.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

algorithms! {
    /// ECDSA on P-256 with SHA-256.
    Es256 = "ES256",
    /// ECDSA on P-384 with SHA-384.
    Es384 = "ES384",
    /// ECDSA on P-521 with SHA-512.
    Es512 = "ES512",
    /// Ed25519.
    EdDsa = "EdDSA",
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256 = "RS256",
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384 = "RS384",
    /// RSA PKCS #1 v1.5 with SHA-512.
    Rs512 = "RS512",
    /// RSA PSS with SHA-256.
    Ps256 = "PS256",
    /// RSA PSS with SHA-384.
    Ps384 = "PS384",
    /// RSA PSS with SHA-512.
    Ps512 = "PS512",
    /// ML-DSA-44, where the provisioner takes such keys.
    MlDsa44 = "ML-DSA-44",
    /// ML-DSA-65, where the provisioner takes such keys.
    MlDsa65 = "ML-DSA-65",
    /// ML-DSA-87, where the provisioner takes such keys.
    MlDsa87 = "ML-DSA-87",
}

impl Algorithm {
    /// Those that every provisioner accepts.
    pub const USUAL: &'static [Self] = &[
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A JWS in flattened JSON form: these three members and no other. An unprotected `header`, a list
/// of `signatures` and a repeated member are refused by the shape alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlattenedJws<'a> {
    /// The protected header: JSON in base64url.
    #[serde(borrow)]
    pub protected: Cow<'a, str>,
    /// The payload in base64url; empty for POST-as-GET.
    #[serde(borrow)]
    pub payload: Cow<'a, str>,
    /// The signature in base64url.
    #[serde(borrow)]
    pub signature: Cow<'a, str>,
}

impl<'a> FlattenedJws<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`JwsShapeError::Json`] when the body is not a flattened JWS.
    pub fn parse(body: &'a [u8]) -> Result<Self, JwsShapeError> {
        serde_json::from_slice(body).map_err(|e| JwsShapeError::Json(e.to_string()))
    }

    /// Decodes and reads the protected header.
    ///
    /// # Errors
    /// [`JwsShapeError`] when the header is not base64url, not JSON of the right shape, or breaks
    /// one of the rules for its members.
    pub fn protected_header(&self) -> Result<ProtectedHeader, JwsShapeError> {
        let json = decode_base64url(self.protected.as_bytes())
            .map_err(|e| JwsShapeError::Header(e.to_string()))?;
        let raw: RawHeader =
            serde_json::from_slice(&json).map_err(|e| JwsShapeError::Header(e.to_string()))?;
        ProtectedHeader::try_from(raw)
    }
}

/// Who signed: a key that is shown, or an account that is named.
#[derive(Clone, Debug)]
pub enum KeyReference {
    /// The key itself, for newAccount and for revocation by a certificate's key.
    Jwk(Box<Jwk>),
    /// The account's URL.
    Kid(String),
}

/// The protected header, its members read and their rules kept.
#[derive(Clone, Debug)]
pub struct ProtectedHeader {
    /// The signature algorithm.
    pub alg: Algorithm,
    /// Who signed.
    pub key: KeyReference,
    /// The anti-replay nonce; absent only in inner JWSs.
    pub nonce: Option<String>,
    /// The URL that the request was made for.
    pub url: String,
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    // Read in a second step, so that a bad key is told apart from a bad header.
    #[serde(default)]
    jwk: Option<Box<RawValue>>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    url: Option<String>,
    // Their mere presence is refused, whatever they hold.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl TryFrom<RawHeader> for ProtectedHeader {
    type Error = JwsShapeError;

    fn try_from(raw: RawHeader) -> Result<Self, JwsShapeError> {
        if raw.crit {
            return Err(JwsShapeError::Critical);
        }
        if raw.b64 {
            return Err(JwsShapeError::UnencodedPayload);
        }
        // Before the key: a symmetric key comes with a MAC, and the MAC is what to tell of.
        let alg = Algorithm::ALL.iter().find(|alg| alg.as_str() == raw.alg);
        let Some(alg) = alg.copied() else {
            return Err(JwsShapeError::Algorithm(raw.alg));
        };
        let key = match (raw.jwk, raw.kid) {
            (Some(jwk), None) => KeyReference::Jwk(Box::new(jwk.get().parse()?)),
            (None, Some(kid)) => KeyReference::Kid(kid),
            (Some(_), Some(_)) => return Err(JwsShapeError::JwkAndKid),
            (None, None) => return Err(JwsShapeError::NeitherJwkNorKid),
        };
        Ok(Self {
            alg,
            key,
            nonce: raw.nonce,
            url: raw.url.ok_or(JwsShapeError::NoUrl)?,
        })
    }
}

/// Why a body is not a request that ACME allows, told before any signature is looked at.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsShapeError {
    /// The body is not a flattened JWS.
    #[error("the body is not a JWS in flattened JSON form: {0}")]
    Json(String),
    /// The protected header cannot be read.
    #[error("the protected header cannot be read: {0}")]
    Header(String),
    /// `crit` is there, and no critical header is understood.
    #[error("the protected header has crit; no critical header parameter is understood here")]
    Critical,
    /// `b64` is there.
    #[error("the protected header has b64; payloads must be base64url")]
    UnencodedPayload,
    /// The signature algorithm is not accepted.
    #[error("the signature algorithm {0:?} is not accepted")]
    Algorithm(String),
    /// Both `jwk` and `kid`.
    #[error("the protected header has both jwk and kid")]
    JwkAndKid,
    /// Neither `jwk` nor `kid`.
    #[error("the protected header has neither jwk nor kid")]
    NeitherJwkNorKid,
    /// The `jwk` is no public key that can be used here.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// No `url`.
    #[error("the protected header has no url")]
    NoUrl,
}
