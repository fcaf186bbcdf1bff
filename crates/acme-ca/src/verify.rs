//! Checks the signatures of certificates, whoever made them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ML_DSA_44, ML_DSA_65, ML_DSA_87, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use const_oid::ObjectIdentifier;

use crate::oid;

/// Whether the key of this SubjectPublicKeyInfo made this signature.
pub(crate) fn verify(
    spki: &[u8],
    algorithm: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let candidates = candidates(algorithm);
    if candidates.is_empty() {
        return Err(VerifyError::Unsupported(algorithm));
    }
    // The library refuses a key that is not of the algorithm's kind and curve.
    let good = candidates.iter().any(|candidate| {
        UnparsedPublicKey::new(*candidate, spki)
            .verify(message, signature)
            .is_ok()
    });
    if good {
        Ok(())
    } else {
        Err(VerifyError::Wrong)
    }
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum VerifyError {
    /// The key did not make it.
    #[error("its signature is wrong")]
    Wrong,
    /// Nobody here knows how to check it.
    #[error("it is signed with the algorithm {0}, which is not supported here")]
    Unsupported(ObjectIdentifier),
}

/// One for each curve: an ECDSA signature does not name the curve, its key does.
fn candidates(algorithm: ObjectIdentifier) -> &'static [&'static dyn VerificationAlgorithm] {
    match algorithm {
        oid::SHA256_WITH_RSA => &[&RSA_PKCS1_2048_8192_SHA256],
        oid::SHA384_WITH_RSA => &[&RSA_PKCS1_2048_8192_SHA384],
        oid::SHA512_WITH_RSA => &[&RSA_PKCS1_2048_8192_SHA512],
        oid::ECDSA_WITH_SHA256 => &[
            &ECDSA_P256_SHA256_ASN1,
            &ECDSA_P384_SHA256_ASN1,
            &ECDSA_P521_SHA256_ASN1,
        ],
        oid::ECDSA_WITH_SHA384 => &[
            &ECDSA_P384_SHA384_ASN1,
            &ECDSA_P256_SHA384_ASN1,
            &ECDSA_P521_SHA384_ASN1,
        ],
        oid::ECDSA_WITH_SHA512 => &[
            &ECDSA_P521_SHA512_ASN1,
            &ECDSA_P384_SHA512_ASN1,
            &ECDSA_P256_SHA512_ASN1,
        ],
        oid::ED25519 => &[&ED25519],
        oid::ML_DSA_44 => &[&ML_DSA_44],
        oid::ML_DSA_65 => &[&ML_DSA_65],
        oid::ML_DSA_87 => &[&ML_DSA_87],
        _ => &[],
    }
}
