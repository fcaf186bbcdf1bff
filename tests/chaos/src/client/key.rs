//! Account keys, and requests signed with them.

use acme_types::{Curve, Jwk, Thumbprint, encode_base64url};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::Serialize;

use crate::error::{Error, Result};

/// An account's ES256 key.
#[derive(Debug)]
pub struct AccountKey {
    pair: EcdsaKeyPair,
    jwk: Jwk,
    thumbprint: Thumbprint,
}

/// The protected header; a request shows its key or names its account.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<&'a Jwk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    nonce: &'a str,
    url: &'a str,
}

impl AccountKey {
    /// A new key.
    ///
    /// # Errors
    /// When the library makes none.
    pub fn generate() -> Result<Self> {
        let broken = || Error::stage("a key could not be made");
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| broken())?;
        let point = pair.public_key().as_ref();
        let coordinates = point
            .strip_prefix(&[4])
            .and_then(|xy| xy.split_at_checked(32));
        let (x, y) = coordinates.ok_or_else(broken)?;
        let jwk = Jwk::Ec {
            curve: Curve::P256,
            x: x.to_vec(),
            y: y.to_vec(),
        };
        Ok(Self {
            thumbprint: acme_core::thumbprint(&jwk),
            pair,
            jwk,
        })
    }

    /// The key's thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The body of a signed request; `payload` is empty for POST-as-GET.
    pub(super) fn sign(
        &self,
        kid: Option<&str>,
        nonce: &str,
        url: &str,
        payload: &str,
    ) -> Result<String> {
        let broken = || Error::stage("a request could not be signed");
        let jwk = kid.is_none().then_some(&self.jwk);
        let header = Header {
            alg: "ES256",
            jwk,
            kid,
            nonce,
            url,
        };
        let header = serde_json::to_vec(&header).map_err(|_| broken())?;
        let (protected, payload) = (encode_base64url(header), encode_base64url(payload));
        let signed = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = encode_base64url(signature.map_err(|_| broken())?);
        Ok(format!(
            r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
        ))
    }
}
