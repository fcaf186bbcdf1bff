//! `packed` ([WebAuthn § 8.2](https://www.w3.org/TR/webauthn-2/#sctn-packed-attestation)): a certificate that
//! names the device in its subjectAltName, as an IDevID does, and its key's signature over the key
//! authorization. There is no other key in such a statement, so the certified key is the attested one.

use acme_types::Jwk;

use super::statement::{Refusal, Statement};

pub(super) fn attested_key(statement: &Statement<'_, '_>) -> Result<Jwk, Refusal> {
    let certificate = statement.certificate()?;
    if certificate.is_authority().map_err(Refusal)? {
        return Err(Refusal::new("its certificate is that of an authority"));
    }
    let signature = statement.fields.bytes("sig")?;
    statement.expect_signed(&certificate.jwk, statement.algorithm()?, signature)?;
    statement.expect_device(&certificate.devices().map_err(Refusal)?)?;
    Ok(certificate.jwk)
}
