//! What the formats of attestation have in common: the chain of certificates, the signature, and the device
//! that must be named.

use acme_types::{Curve, Identifier, Jwk};
use aws_lc_rs::signature::RsaPssSaltLength;

use super::AttestationClaim;
use super::cbor::Value;
use super::certificate::{self, Anchor, Certificate};
use crate::printable;
use crate::signature::{self, Hash, Scheme};

/// Most certificates in a statement.
const MAX_CERTIFICATES: usize = 8;

/// Why a statement is refused, as words about it.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

impl Refusal {
    pub(super) fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// A statement of a known format.
pub(super) struct Statement<'a, 'o> {
    pub(super) fields: &'a Value<'o>,
    pub(super) roots: &'a [&'a Anchor],
    pub(super) claim: &'a AttestationClaim<'a>,
}

impl<'o> Statement<'_, 'o> {
    /// The first certificate of `x5c`, once it is known to lead to one of the roots.
    pub(super) fn certificate(&self) -> Result<Certificate<'o>, Refusal> {
        let Some(Value::Array(x5c)) = self.fields.get("x5c") else {
            return Err(Refusal::new("its attStmt has no array \"x5c\""));
        };
        if x5c.is_empty() || x5c.len() > MAX_CERTIFICATES {
            return Err(Refusal(format!(
                "its x5c has {} certificates, not 1 to {MAX_CERTIFICATES}",
                x5c.len()
            )));
        }
        let read = x5c.iter().map(|one| match one {
            Value::Bytes(der) => Certificate::read(der),
            _ => Err("it is no byte string".to_owned()),
        });
        let mut chain = Vec::with_capacity(x5c.len());
        for (at, certificate) in read.enumerate() {
            let unreadable = |why| Refusal(format!("certificate {} of its x5c: {why}", at + 1));
            chain.push(certificate.map_err(unreadable)?);
        }
        certificate::verify(&chain, self.roots, self.claim.now).map_err(Refusal)?;
        Ok(chain.swap_remove(0))
    }

    /// The algorithm of the signature.
    pub(super) fn algorithm(&self) -> Result<CoseAlgorithm, Refusal> {
        match self.fields.get("alg") {
            Some(Value::Integer(number)) => CoseAlgorithm::of(*number)
                .ok_or_else(|| Refusal(format!("its alg {number} is not accepted"))),
            _ => Err(Refusal::new("its attStmt has no integer \"alg\"")),
        }
    }

    /// Checks that one of the devices that a statement names is the one of the order.
    pub(super) fn expect_device(&self, named: &[Identifier]) -> Result<(), Refusal> {
        if named.contains(self.claim.identifier) {
            return Ok(());
        }
        let names: Vec<_> = named
            .iter()
            .map(|one| format!("{} {one}", one.kind()))
            .collect();
        let names = match names.as_slice() {
            [] => "no device".to_owned(),
            names => printable(names.join(", ").as_bytes(), 120),
        };
        Err(Refusal(format!(
            "it is about {names}, not about {} {}",
            self.claim.identifier.kind(),
            self.claim.identifier
        )))
    }

    /// Checks a signature over the key authorization.
    pub(super) fn expect_signed(
        &self,
        jwk: &Jwk,
        algorithm: CoseAlgorithm,
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let message = self.claim.key_authorization.as_str().as_bytes();
        if algorithm.verifies(jwk, message, signature) {
            return Ok(());
        }
        Err(Refusal::new(
            "its signature is not that of the certified key over this challenge's key \
             authorization; attest the token of this challenge under this account's key",
        ))
    }
}

/// An algorithm of a signature, by its number in
/// [COSE](https://www.iana.org/assignments/cose/cose.xhtml#algorithms).
#[derive(Clone, Copy)]
pub(super) enum CoseAlgorithm {
    Ecdsa(Curve, Hash),
    Pkcs1(Hash),
    Pss(Hash),
    EdDsa,
}

impl CoseAlgorithm {
    pub(super) const fn of(number: i128) -> Option<Self> {
        Some(match number {
            -7 => Self::Ecdsa(Curve::P256, Hash::Sha256),
            -35 => Self::Ecdsa(Curve::P384, Hash::Sha384),
            -36 => Self::Ecdsa(Curve::P521, Hash::Sha512),
            -257 => Self::Pkcs1(Hash::Sha256),
            -258 => Self::Pkcs1(Hash::Sha384),
            -259 => Self::Pkcs1(Hash::Sha512),
            -37 => Self::Pss(Hash::Sha256),
            -38 => Self::Pss(Hash::Sha384),
            -39 => Self::Pss(Hash::Sha512),
            -8 => Self::EdDsa,
            _ => return None,
        })
    }

    /// The hash that it uses; none for EdDSA, which takes the message as it is.
    pub(super) const fn hash(self) -> Option<Hash> {
        match self {
            Self::Ecdsa(_, hash) | Self::Pkcs1(hash) | Self::Pss(hash) => Some(hash),
            Self::EdDsa => None,
        }
    }

    /// Whether a signature is this key's over a message; ECDSA's is a SEQUENCE of r and s.
    pub(super) fn verifies(self, jwk: &Jwk, message: &[u8], signature: &[u8]) -> bool {
        let scheme = match (self, jwk) {
            (Self::Ecdsa(curve, hash), Jwk::Ec { curve: of_key, .. }) if curve == *of_key => {
                Scheme::Ecdsa(hash)
            }
            (Self::Ecdsa(..), _) => return false,
            (Self::Pkcs1(hash), _) => Scheme::Pkcs1(hash),
            (Self::Pss(hash), _) => Scheme::Pss(hash, RsaPssSaltLength::Digest),
            (Self::EdDsa, _) => Scheme::Ed25519,
        };
        signature::verify_by(scheme, jwk, message, signature).is_ok()
    }
}
