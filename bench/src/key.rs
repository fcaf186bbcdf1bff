//! The client's keys: account keys that sign requests, and certificate keys that sign CSRs.

use acme_types::{Curve, Jwk, encode_base64url};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use serde::Serialize;

use crate::csr;
use crate::error::{Error, Result};
use crate::name::Name;

/// An account's ES256 key.
pub(crate) struct AccountKey {
    pair: EcdsaKeyPair,
    rng: SystemRandom,
    jwk: Jwk,
    thumbprint: String,
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
    pub(crate) fn generate() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let point = pair.public_key().as_ref();
        let (x, y) = point
            .strip_prefix(&[4])
            .and_then(|xy| xy.split_at_checked(32))
            .ok_or(Error::Key)?;
        let jwk = Jwk::Ec {
            curve: Curve::P256,
            x: x.to_vec(),
            y: y.to_vec(),
        };
        let thumbprint = encode_base64url(digest(&SHA256, jwk.thumbprint_input().as_bytes()));
        Ok(Self {
            pair,
            rng: SystemRandom::new(),
            jwk,
            thumbprint,
        })
    }

    /// What http-01 serves for a token: the token, a dot and the key's thumbprint.
    pub(crate) fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint)
    }

    /// The body of a signed request; `payload` is empty for POST-as-GET.
    pub(crate) fn sign(
        &self,
        kid: Option<&str>,
        nonce: &str,
        url: &str,
        payload: &str,
    ) -> Result<String> {
        let header = Header {
            alg: "ES256",
            jwk: kid.is_none().then_some(&self.jwk),
            kid,
            nonce,
            url,
        };
        let header = serde_json::to_vec(&header).map_err(|_| Error::Key)?;
        // The signed text stands in the body too, so it is written once and cut out of it.
        let mut signed = encode_base64url(header);
        let dot = signed.len();
        signed.push('.');
        signed.push_str(&encode_base64url(payload));
        let signature = self.pair.sign(&self.rng, signed.as_bytes())?;
        Ok(format!(
            r#"{{"protected":"{}","payload":"{}","signature":"{}"}}"#,
            &signed[..dot],
            &signed[dot + 1..],
            encode_base64url(signature)
        ))
    }
}

/// A P-256 key of certificates. One serves for all certificates of a client: servers do not
/// compare them, and the making of keys is the client's cost, not the server's.
pub(crate) struct CertificateKey {
    pair: EcdsaKeyPair,
    rng: SystemRandom,
}

impl CertificateKey {
    /// A new key.
    pub(crate) fn generate() -> Result<Self> {
        Ok(Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            rng: SystemRandom::new(),
        })
    }

    /// A signed CSR for these names, in DER.
    pub(crate) fn request(&self, names: &[Name]) -> Result<Vec<u8>> {
        let info = csr::info(self.pair.public_key().as_ref(), names);
        let signature = self.pair.sign(&self.rng, &info)?;
        Ok(csr::request(&info, signature.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acme_types::{FlattenedJws, KeyReference, decode_base64url};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn a_signed_request_is_read_and_verified() {
        let key = AccountKey::generate().unwrap();
        let body = key.sign(None, "n1", "https://ca.test/new-account", "{}");
        let body = body.unwrap();
        let jws = FlattenedJws::parse(body.as_bytes()).unwrap();
        let header = jws.protected_header().unwrap();
        assert_eq!(header.nonce.as_deref(), Some("n1"));
        assert_eq!(header.url, "https://ca.test/new-account");
        let KeyReference::Jwk(jwk) = header.key else {
            panic!("no jwk");
        };
        assert_eq!(*jwk, key.jwk);
        let signed = format!("{}.{}", jws.protected, jws.payload);
        let signature = decode_base64url(jws.signature.as_bytes()).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn post_as_get_has_an_empty_payload_and_the_account() {
        let key = AccountKey::generate().unwrap();
        let body = key.sign(Some("https://ca.test/account/1"), "n", "u", "");
        let body = body.unwrap();
        let jws = FlattenedJws::parse(body.as_bytes()).unwrap();
        assert_eq!(jws.payload, "");
        let header = jws.protected_header().unwrap();
        assert!(matches!(header.key, KeyReference::Kid(kid) if kid == "https://ca.test/account/1"));
    }
}
