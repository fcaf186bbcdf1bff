//! What SHA-256 says of keys and key authorizations.

use acme_types::{Jwk, KeyAuthorization, Thumbprint, encode_base64url};
use aws_lc_rs::digest::{SHA256, digest};

/// The thumbprint of a key: SHA-256 of its canonical JSON
/// ([RFC 7638 § 3](https://www.rfc-editor.org/rfc/rfc7638#section-3)).
#[must_use]
pub fn thumbprint(jwk: &Jwk) -> Thumbprint {
    Thumbprint(sha256(jwk.thumbprint_input().as_bytes()))
}

/// SHA-256 of a key authorization: what a tls-alpn-01 certificate carries
/// ([RFC 8737 § 3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
#[must_use]
pub fn key_authorization_digest(key_authorization: &KeyAuthorization) -> [u8; 32] {
    sha256(key_authorization.as_str().as_bytes())
}

/// The value of the TXT record that meets dns-01: the digest of the key authorization in base64url
/// ([RFC 8555 § 8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).
#[must_use]
pub fn dns01_value(key_authorization: &KeyAuthorization) -> String {
    encode_base64url(key_authorization_digest(key_authorization))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest(&SHA256, bytes).as_ref());
    octets
}
