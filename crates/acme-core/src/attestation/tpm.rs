//! `tpm` ([WebAuthn § 8.3](https://www.w3.org/TR/webauthn-2/#sctn-tpm-attestation)): the attestation key of a
//! Trusted Platform Module certifies that another of its keys is its own. The attestation key's
//! certificate names the device.

mod structures;

use acme_types::Jwk;
use const_oid::db::rfc5912;
use der::Tag;
use der::asn1::ObjectIdentifier;

use self::structures::{Certified, PublicArea, TpmSignature};
use super::cbor::Value;
use super::certificate::Certificate;
use super::statement::{CoseAlgorithm, Refusal, Statement};
use crate::element::{Element, children, oid_of, tagged};

/// That a certificate is one of an attestation key.
const ATTESTATION_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
/// Manufacturer, model and version of a TPM.
const DETAILS: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.23.133.2.1"),
    ObjectIdentifier::new_unwrap("2.23.133.2.2"),
    ObjectIdentifier::new_unwrap("2.23.133.2.3"),
];

pub(super) fn attested_key(statement: &Statement<'_, '_>) -> Result<Jwk, Refusal> {
    if !matches!(statement.fields.get("ver"), Some(Value::Text("2.0"))) {
        return Err(Refusal::new("its ver is not \"2.0\""));
    }
    let certificate = statement.certificate()?;
    check_attestation_key(&certificate)?;
    let algorithm = statement.algorithm()?;
    let hash = algorithm
        .hash()
        .ok_or_else(|| Refusal::new("its alg is not one of a TPM"))?;

    let certified = statement.fields.bytes("certInfo")?;
    let signature = TpmSignature::read(statement.fields.bytes("sig")?)
        .filter(|signature| signature.hash == hash)
        .ok_or_else(|| Refusal::new("its sig is not a TPMT_SIGNATURE by its alg"))?;
    if !signature.fits(algorithm)
        || !algorithm.verifies(&certificate.jwk, certified, &signature.octets)
    {
        return Err(Refusal::new(
            "its sig is not the attestation key's over its certInfo",
        ));
    }

    let certified = Certified::read(certified).ok_or_else(|| {
        Refusal::new("its certInfo is not a TPMS_ATTEST that certifies a key of a TPM")
    })?;
    let key_authorization = statement.claim.key_authorization.as_str();
    if certified.extra_data != hash.digest(key_authorization.as_bytes()).as_ref() {
        return Err(Refusal::new(
            "the extraData of its certInfo is not the digest of this challenge's key authorization",
        ));
    }
    let area = statement.fields.bytes("pubArea")?;
    let public = PublicArea::read(area)
        .ok_or_else(|| Refusal::new("its pubArea is not a TPMT_PUBLIC of an RSA or EC key"))?;
    if !public.has_name(area, certified.name) {
        return Err(Refusal::new(
            "its certInfo certifies another key than that of its pubArea",
        ));
    }
    public.check_attributes().map_err(Refusal::new)?;
    statement.expect_device(&certificate.devices().map_err(Refusal)?)?;
    Ok(public.jwk)
}

/// The rules for the certificate of an attestation key
/// ([WebAuthn § 8.3.1](https://www.w3.org/TR/webauthn-2/#sctn-tpm-cert-requirements)).
fn check_attestation_key(certificate: &Certificate<'_>) -> Result<(), Refusal> {
    let of = |why: &str| Refusal(format!("the certificate of its attestation key {why}"));
    if !certificate.has_empty_subject() {
        return Err(of("has a subject; it must be empty"));
    }
    if certificate.is_authority().map_err(Refusal)? {
        return Err(of("is that of an authority"));
    }
    if certificate
        .extension(rfc5912::ID_CE_BASIC_CONSTRAINTS)
        .is_none()
    {
        return Err(of("does not say that it is no authority"));
    }
    let purposes = certificate.purposes().map_err(Refusal)?;
    if !purposes.contains(&ATTESTATION_KEY) {
        return Err(of(
            "is not for attestation keys (extended key usage 2.23.133.8.3)",
        ));
    }
    let mut told = Vec::new();
    for name in certificate.alternative_names().map_err(Refusal)? {
        told.extend(attributes(name).unwrap_or_default());
    }
    if DETAILS.iter().all(|detail| told.contains(detail)) {
        Ok(())
    } else {
        Err(of(
            "does not tell manufacturer, model and version of the TPM in its subjectAltName",
        ))
    }
}

/// The kinds of attribute of a directory name that are not empty; none of another name.
fn attributes(name: Element<'_>) -> Option<Vec<ObjectIdentifier>> {
    let mut kinds = Vec::new();
    for sequence in children(name, tagged(4)).ok()? {
        for set in children(sequence, Tag::Sequence).ok()? {
            for attribute in children(set, Tag::Set).ok()? {
                let [kind, value] = children(attribute, Tag::Sequence).ok()?[..] else {
                    return None;
                };
                kinds.extend(oid_of(kind).filter(|_| !value.value.is_empty()));
            }
        }
    }
    Some(kinds)
}

impl TpmSignature {
    /// Whether its scheme is that of an algorithm.
    fn fits(&self, algorithm: CoseAlgorithm) -> bool {
        use structures::SignatureScheme as S;
        matches!(
            (self.scheme, algorithm),
            (S::RsaSsa, CoseAlgorithm::Pkcs1(_))
                | (S::RsaPss, CoseAlgorithm::Pss(_))
                | (S::Ecdsa, CoseAlgorithm::Ecdsa(..))
        )
    }
}
