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

/// The label before `_acme-challenge` that is an account's own: ten octets of the digest of its URL
/// in base32
/// ([draft-ietf-acme-dns-account-label § 3.2](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-account-label/)).
#[must_use]
pub fn dns_account01_label(account_url: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    /// 80 bits are 16 characters of 5 bits each, and nothing is left over.
    const CHARACTERS: u32 = 16;

    let mut bits = 0_u128;
    for octet in sha256(account_url.as_bytes()).into_iter().take(10) {
        bits = bits << 8 | u128::from(octet);
    }
    let character = |n: u32| {
        let index = (bits >> (5 * (CHARACTERS - 1 - n))) & 31;
        char::from(ALPHABET[index as usize])
    };
    let mut label = String::from("_");
    label.extend((0..CHARACTERS).map(character));
    label
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest(&SHA256, bytes).as_ref());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_label_is_that_of_the_draft() {
        // The example of the draft: the digest's first ten octets in base32, in lower case.
        let label = dns_account01_label("https://example.com/acme/acct/ExampleAccount");
        assert_eq!(label, "_ujmmovf2vn55tgye");
    }
}
