//! Signatures as certificates, requests and attestations have them: by which scheme, and whether
//! they are good.

use acme_types::{Curve, Jwk, MlDsa};
use aws_lc_rs::digest::{Digest, SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPssSaltLength, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use const_oid::db::{rfc5912, rfc8410};
use der::Tag;

use crate::element::{Element, children, elements, oid_of, tagged};
use crate::key::{ml_dsa, ml_dsa_oid};

/// The salt's length in octets when the parameters do not tell it.
const PSS_SALT: u16 = 20;

/// The hash of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The digest of some octets.
    pub(crate) fn digest(self, octets: &[u8]) -> Digest {
        let algorithm = match self {
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        };
        digest(algorithm, octets)
    }
}

/// How a signature is made.
#[derive(Clone, Copy)]
pub(crate) enum Scheme {
    Ecdsa(Hash),
    Pkcs1(Hash),
    Pss(Hash, RsaPssSaltLength),
    Ed25519,
    MlDsa(MlDsa),
}

/// Why a signature is not good, as words about "its signature".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BadSignature {
    /// The algorithm is not accepted.
    Algorithm,
    /// The algorithm is not one of the key's.
    AnotherKind,
    /// It is not that key's over that message.
    Wrong,
}

/// Verifies a signature; `algorithm` is the value of its AlgorithmIdentifier.
pub(crate) fn verify(
    jwk: &Jwk,
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let scheme = scheme(algorithm).ok_or(BadSignature::Algorithm)?;
    verify_by(scheme, jwk, message, signature)
}

/// The same by a scheme that is known.
pub(crate) fn verify_by(
    scheme: Scheme,
    jwk: &Jwk,
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let verdict = match (jwk, scheme) {
        (Jwk::Ec { curve, x, y }, Scheme::Ecdsa(hash)) => {
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            UnparsedPublicKey::new(ecdsa(*curve, hash), point).verify(message, signature)
        }
        (Jwk::Rsa { n, e }, Scheme::Pkcs1(hash)) => {
            RsaPublicKeyComponents { n, e }.verify(pkcs1(hash), message, signature)
        }
        (Jwk::Rsa { n, e }, Scheme::Pss(hash, salt)) => {
            let parameters = pss(hash).with_pss_salt_length(salt);
            RsaPublicKeyComponents { n, e }.verify(&parameters, message, signature)
        }
        (Jwk::Ed25519 { x }, Scheme::Ed25519) => {
            UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signature)
        }
        (
            Jwk::MlDsa {
                parameters,
                public_key,
            },
            Scheme::MlDsa(by),
        ) if *parameters == by => {
            UnparsedPublicKey::new(ml_dsa(by), public_key).verify(message, signature)
        }
        _ => return Err(BadSignature::AnotherKind),
    };
    verdict.map_err(|_| BadSignature::Wrong)
}

/// The scheme of an AlgorithmIdentifier; none when it is not accepted.
fn scheme(algorithm: &[u8]) -> Option<Scheme> {
    let (oid, parameters) = match elements(algorithm).ok()?[..] {
        [oid] => (oid, None),
        [oid, parameters] => (oid, Some(parameters)),
        _ => return None,
    };
    Some(match oid_of(oid)? {
        rfc5912::ECDSA_WITH_SHA_256 => Scheme::Ecdsa(Hash::Sha256),
        rfc5912::ECDSA_WITH_SHA_384 => Scheme::Ecdsa(Hash::Sha384),
        rfc5912::ECDSA_WITH_SHA_512 => Scheme::Ecdsa(Hash::Sha512),
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Scheme::Pkcs1(Hash::Sha256),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Scheme::Pkcs1(Hash::Sha384),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Scheme::Pkcs1(Hash::Sha512),
        rfc5912::ID_RSASSA_PSS => pss_scheme(parameters?)?,
        rfc8410::ID_ED_25519 => Scheme::Ed25519,
        oid => {
            let mut all = MlDsa::ALL.iter().copied();
            // Parameters must be absent (RFC 9881 § 2).
            let found = all.find(|one| ml_dsa_oid(*one) == oid);
            Scheme::MlDsa(found.filter(|_| parameters.is_none())?)
        }
    })
}

/// Reads RSASSA-PSS-params ([RFC 4055 § 3.1](https://www.rfc-editor.org/rfc/rfc4055#section-3.1)).
/// The hash must be there, since its default is SHA-1. Another hash in the mask than in the
/// signature does not verify.
fn pss_scheme(parameters: Element<'_>) -> Option<Scheme> {
    let fields = children(parameters, Tag::Sequence).ok()?;
    let field = |number| {
        let field = fields.iter().find(|field| field.tag == tagged(number))?;
        let [inner] = elements(field.value).ok()?[..] else {
            return None;
        };
        Some(inner)
    };
    let hash = children(field(0)?, Tag::Sequence).ok()?;
    let hash = match oid_of(*hash.first()?)? {
        rfc5912::ID_SHA_256 => Hash::Sha256,
        rfc5912::ID_SHA_384 => Hash::Sha384,
        rfc5912::ID_SHA_512 => Hash::Sha512,
        _ => return None,
    };
    let salt = match field(2) {
        None => PSS_SALT,
        Some(salt) if salt.tag != Tag::Integer => return None,
        Some(salt) => match *salt.value {
            [low] => u16::from(low),
            [high, low] => u16::from_be_bytes([high, low]),
            _ => return None,
        },
    };
    Some(Scheme::Pss(hash, RsaPssSaltLength::Custom(salt)))
}

const fn ecdsa(curve: Curve, hash: Hash) -> &'static EcdsaVerificationAlgorithm {
    match (curve, hash) {
        (Curve::P256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
    }
}

const fn pkcs1(hash: Hash) -> &'static RsaParameters {
    match hash {
        Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
    }
}

const fn pss(hash: Hash) -> RsaParameters {
    match hash {
        Hash::Sha256 => signature::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => signature::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => signature::RSA_PSS_2048_8192_SHA512,
    }
}
