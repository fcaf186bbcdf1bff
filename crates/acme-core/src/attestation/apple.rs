//! `apple`: Apple certifies the key and names the device in extensions of its own.
//!
//! The certificate is made before the account's key is known to Apple's servers, so it is bound to the
//! challenge by its token alone.

use acme_types::{Identifier, Jwk, PermanentIdentifier};
use der::asn1::ObjectIdentifier;

use super::statement::{Refusal, Statement};
use crate::digest::sha256;

const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.9.1");
const UDID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.9.2");
const FRESHNESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.11.1");

pub(super) fn attested_key(statement: &Statement<'_, '_>) -> Result<Jwk, Refusal> {
    let certificate = statement.certificate()?;
    if certificate.is_authority().map_err(Refusal)? {
        return Err(Refusal::new("its certificate is that of an authority"));
    }
    let expected = sha256(statement.claim.token.as_str().as_bytes());
    if certificate.extension(FRESHNESS) != Some(&expected[..]) {
        return Err(Refusal::new(
            "its certificate does not hold the SHA-256 digest of this challenge's token; attest the \
             token of this challenge",
        ));
    }
    // The extensions hold the bare text.
    let named = [SERIAL_NUMBER, UDID].into_iter().filter_map(|oid| {
        let value = std::str::from_utf8(certificate.extension(oid)?).ok()?;
        PermanentIdentifier::new(value, None).ok()
    });
    let named: Vec<_> = named.map(Identifier::PermanentIdentifier).collect();
    statement.expect_device(&named)?;
    Ok(certificate.jwk)
}
