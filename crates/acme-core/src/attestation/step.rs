//! `step`: a key in a smart card. The card's maker certifies the key and tells the card's number in an
//! extension; the key itself signs the key authorization.

use acme_types::{Identifier, Jwk, PermanentIdentifier};
use der::Tag;
use der::asn1::ObjectIdentifier;

use super::cbor::{self, Value};
use super::certificate::Certificate;
use super::statement::{CoseAlgorithm, Refusal, Statement};
use crate::element::{children, elements};
use crate::{KeyKind, printable};

/// The number of a YubiKey: an INTEGER.
const YUBIKEY_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.7");
/// The identity of a device that is managed by Smallstep's agent: a SEQUENCE with one text.
const MANAGED_DEVICE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.37476.9000.64.4");

pub(super) fn attested_key(statement: &Statement<'_, '_>) -> Result<Jwk, Refusal> {
    let certificate = statement.certificate()?;
    if certificate.is_authority().map_err(Refusal)? {
        return Err(Refusal::new("its certificate is that of an authority"));
    }
    // The signature is CBOR within CBOR.
    let Ok(Value::Bytes(signature)) = cbor::read(statement.fields.bytes("sig")?) else {
        return Err(Refusal::new(
            "its sig does not hold the CBOR of a byte string",
        ));
    };
    let kind = KeyKind::of(&certificate.jwk);
    let algorithm = match kind {
        KeyKind::P256 => CoseAlgorithm::of(-7),
        KeyKind::Rsa => CoseAlgorithm::of(-257),
        KeyKind::Ed25519 => CoseAlgorithm::of(-8),
        _ => None,
    };
    let algorithm = algorithm.ok_or_else(|| {
        Refusal(format!(
            "its key is {kind}; this format has p256, rsa and ed25519"
        ))
    })?;
    statement.expect_signed(&certificate.jwk, algorithm, signature)?;
    statement.expect_device(&named(&certificate)?)?;
    Ok(certificate.jwk)
}

/// The card, by the extension that tells its number.
fn named(certificate: &Certificate<'_>) -> Result<Vec<Identifier>, Refusal> {
    let unreadable = || Refusal::new("the number of the device in its certificate cannot be read");
    let mut named = Vec::new();
    if let Some(value) = certificate.extension(YUBIKEY_NUMBER) {
        named.push(number(value).ok_or_else(unreadable)?);
    }
    if let Some(value) = certificate.extension(MANAGED_DEVICE) {
        named.push(managed(value).ok_or_else(unreadable)?);
    }
    let named = named.iter().map(|name| {
        PermanentIdentifier::new(name, None)
            .map(Identifier::PermanentIdentifier)
            .map_err(|error| {
                let name = printable(name.as_bytes(), 40);
                Refusal(format!(
                    "its certificate names the device {name:?}: {error}"
                ))
            })
    });
    named.collect()
}

fn number(value: &[u8]) -> Option<String> {
    let [integer] = elements(value).ok()?[..] else {
        return None;
    };
    integer.tag.assert_eq(Tag::Integer).ok()?;
    // Positive and at most 64 bits.
    let octets = integer.value.strip_prefix(&[0]).unwrap_or(integer.value);
    let is_positive = integer.value.first().is_some_and(|first| *first < 0x80);
    if !is_positive || octets.len() > 8 {
        return None;
    }
    let number = octets
        .iter()
        .fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    Some(number.to_string())
}

fn managed(value: &[u8]) -> Option<String> {
    let [sequence] = elements(value).ok()?[..] else {
        return None;
    };
    let [text] = children(sequence, Tag::Sequence).ok()?[..] else {
        return None;
    };
    matches!(
        text.tag,
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String
    )
    .then(|| String::from_utf8(text.value.to_vec()).ok())?
}
