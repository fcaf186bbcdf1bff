//! What a device's maker says of the device and the key that it keeps
//! ([draft-ietf-acme-device-attest]): which statements are believed, and what they say.
//!
//! A statement is a WebAuthn attestation object whose formats sign the challenge's key authorization, or
//! its token, in the place of what a browser would sign. Everything here reads what a stranger sent: sizes
//! and depths are bounded, and nothing is looked up.
//!
//! [draft-ietf-acme-device-attest]: https://datatracker.ietf.org/doc/draft-ietf-acme-device-attest/

mod apple;
mod cbor;
mod certificate;
mod packed;
mod statement;
mod step;
mod tpm;

use std::fmt;

use acme_types::{Identifier, Jwk, KeyAuthorization, Thumbprint, Timestamp, Token};

use self::cbor::Value;
use self::certificate::Anchor;
use self::statement::{Refusal, Statement};
use crate::{VerifyKey, printable, thumbprint};

/// A format of attestation, by its name in WebAuthn's registry or in use.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AttestationFormat {
    /// Apple's devices: a certificate of Apple's that names the device and holds the digest of the
    /// token.
    Apple,
    /// Keys in smart cards: a certificate of the card's maker for the key, and that key's signature.
    Step,
    /// Trusted Platform Modules ([WebAuthn § 8.3](https://www.w3.org/TR/webauthn-2/#sctn-tpm-attestation)).
    Tpm,
    /// A certificate that names the device, and its key's signature
    /// ([WebAuthn § 8.2](https://www.w3.org/TR/webauthn-2/#sctn-packed-attestation)).
    Packed,
}

impl AttestationFormat {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Apple, Self::Step, Self::Tpm, Self::Packed];

    /// Its name in statements and in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::Step => "step",
            Self::Tpm => "tpm",
            Self::Packed => "packed",
        }
    }
}

impl fmt::Display for AttestationFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which statements are believed: a format is, when there are roots for it, and only what one of these
/// has certified.
#[derive(Clone, Debug, Default)]
pub struct AttestationPolicy {
    roots: Vec<(AttestationFormat, Anchor)>,
}

/// What a statement must be about.
#[derive(Clone, Copy, Debug)]
pub struct AttestationClaim<'a> {
    /// The device of the order.
    pub identifier: &'a Identifier,
    /// The challenge's token.
    pub token: &'a Token,
    /// The challenge's key authorization under the account's key.
    pub key_authorization: &'a KeyAuthorization,
    /// The present time.
    pub now: Timestamp,
}

impl AttestationPolicy {
    /// Most octets of a statement.
    pub const MAX_STATEMENT: usize = 64 * 1024;

    /// Believes what a root has certified in a format; `der` is the root's certificate.
    ///
    /// # Errors
    /// It is no certificate of an authority.
    pub fn trust(
        &mut self,
        format: AttestationFormat,
        der: &[u8],
    ) -> Result<(), InvalidAttestationRoot> {
        let anchor = Anchor::read(der).map_err(InvalidAttestationRoot)?;
        self.roots.push((format, anchor));
        Ok(())
    }

    /// The formats that are believed.
    pub fn formats(&self) -> impl Iterator<Item = AttestationFormat> + '_ {
        let all = AttestationFormat::ALL.iter().copied();
        all.filter(|format| self.roots.iter().any(|(one, _)| one == format))
    }

    /// Judges a statement: gives the thumbprint of the key that the device keeps.
    ///
    /// # Errors
    /// Why it is not believed, for the client: its form, its format, who certified it, what it signs, or
    /// which device it is about.
    pub fn judge(
        &self,
        statement: &[u8],
        claim: &AttestationClaim<'_>,
    ) -> Result<Thumbprint, String> {
        self.attested_key(statement, claim)
            .and_then(|jwk| match VerifyKey::new(&jwk) {
                Ok(_) => Ok(thumbprint(&jwk)),
                Err(problem) => Err(Refusal(problem.detail)),
            })
            .map_err(|Refusal(why)| {
                let why = printable(why.as_bytes(), 300);
                format!("the attestation statement is refused: {why}")
            })
    }

    fn attested_key(&self, statement: &[u8], claim: &AttestationClaim<'_>) -> Result<Jwk, Refusal> {
        if statement.len() > Self::MAX_STATEMENT {
            return Err(Refusal::new("it is longer than 64 KiB"));
        }
        let object = cbor::read(statement)?;
        let Some(Value::Text(name)) = object.get("fmt") else {
            return Err(Refusal::new("it has no fmt"));
        };
        let Some(fields @ Value::Map(_)) = object.get("attStmt") else {
            return Err(Refusal::new("it has no attStmt"));
        };
        let believed: Vec<_> = self.formats().collect();
        let Some(format) = believed.iter().find(|format| format.as_str() == *name) else {
            let names: Vec<_> = believed.iter().map(|format| format.as_str()).collect();
            return Err(Refusal(format!(
                "its format {:?} is not taken here, only {}",
                printable(name.as_bytes(), 40),
                names.join(", ")
            )));
        };
        let of_format = self.roots.iter().filter(|(one, _)| one == format);
        let roots: Vec<&Anchor> = of_format.map(|(_, anchor)| anchor).collect();
        let statement = Statement {
            fields,
            roots: &roots,
            claim,
        };
        match format {
            AttestationFormat::Apple => apple::attested_key(&statement),
            AttestationFormat::Step => step::attested_key(&statement),
            AttestationFormat::Tpm => tpm::attested_key(&statement),
            AttestationFormat::Packed => packed::attested_key(&statement),
        }
    }
}

/// What was to be trusted is no certificate of an authority.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is no root that could certify devices: {0}")]
pub struct InvalidAttestationRoot(String);
