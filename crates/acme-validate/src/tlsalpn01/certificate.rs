//! Whether a certificate is the validation certificate that is expected ([RFC 8737 § 3]).
//!
//! [RFC 8737 § 3]: https://www.rfc-editor.org/rfc/rfc8737#section-3

use std::net::IpAddr;

use acme_core::{Finding, printable};
use acme_types::{Identifier, encode_base64url};
use const_oid::{AssociatedOid as _, ObjectIdentifier};
use der::Decode as _;
use der::asn1::OctetString;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::progress::{Failure, Outcome};

/// `id-pe-acmeIdentifier` ([RFC 8737 § 6.1](https://www.rfc-editor.org/rfc/rfc8737#section-6.1)).
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");

/// Looks for the one name and the digest. Names come first: a validation certificate of another
/// name says nothing about this one's proof.
pub(super) fn check(
    certificate: &CertificateDer<'_>,
    identifier: &Identifier,
    digest: &[u8; 32],
) -> Outcome {
    let certificate = Certificate::from_der(certificate)
        .map_err(|e| wrong(format!("the certificate shown cannot be read: {e}")))?;
    let extensions = certificate
        .tbs_certificate()
        .extensions()
        .map_or(&[][..], Vec::as_slice);

    check_name(extensions, identifier)?;
    let shown = shown_digest(extensions)?;
    if shown.as_bytes() == digest {
        return Ok("the certificate shown carries the name and the expected digest".to_owned());
    }
    Err(Failure::new(
        Finding::TlsMismatch,
        format!(
            "the certificate shown for acme-tls/1 carries the digest {} where {} is expected",
            encode_base64url(shown.as_bytes()),
            encode_base64url(digest)
        ),
    ))
}

/// "a subjectAltName extension containing the dNSName being validated and no other entries"; for an
/// address an iPAddress ([RFC 8738 § 6](https://www.rfc-editor.org/rfc/rfc8738#section-6)).
fn check_name(extensions: &[Extension], identifier: &Identifier) -> Result<(), Failure> {
    let extension = the_only(extensions, SubjectAltName::OID, "subjectAltName")?;
    let SubjectAltName(names) = SubjectAltName::from_der(extension.extn_value.as_bytes())
        .map_err(|e| wrong(format!("its subjectAltName cannot be read: {e}")))?;
    let right = match names.as_slice() {
        [name] => is_name_of(name, identifier),
        _ => false,
    };
    if right {
        Ok(())
    } else {
        Err(wrong(format!(
            "it names {} where {identifier} alone is expected",
            names_in_words(&names)
        )))
    }
}

/// DNS names are compared without regard to case ([RFC 4343](https://www.rfc-editor.org/rfc/rfc4343)).
fn is_name_of(name: &GeneralName, identifier: &Identifier) -> bool {
    match (name, identifier) {
        (GeneralName::DnsName(shown), Identifier::Dns(expected)) => {
            shown.as_str().eq_ignore_ascii_case(expected.as_str())
        }
        (GeneralName::IpAddress(shown), Identifier::Ip(IpAddr::V4(expected))) => {
            shown.as_bytes() == expected.octets()
        }
        (GeneralName::IpAddress(shown), Identifier::Ip(IpAddr::V6(expected))) => {
            shown.as_bytes() == expected.octets()
        }
        _ => false,
    }
}

/// "a critical acmeIdentifier extension": an OCTET STRING of 32 octets.
fn shown_digest(extensions: &[Extension]) -> Result<OctetString, Failure> {
    let extension = the_only(extensions, ACME_IDENTIFIER, "acmeIdentifier")?;
    if !extension.critical {
        return Err(wrong("its acmeIdentifier extension is not critical"));
    }
    let digest = OctetString::from_der(extension.extn_value.as_bytes())
        .map_err(|_| wrong("its acmeIdentifier is not an OCTET STRING"))?;
    match digest.as_bytes().len() {
        32 => Ok(digest),
        length => Err(wrong(format!(
            "its acmeIdentifier is an OCTET STRING of {length} octets where 32 are expected"
        ))),
    }
}

/// RFC 5280 § 4.2: no certificate has two extensions of one kind.
fn the_only<'a>(
    extensions: &'a [Extension],
    kind: ObjectIdentifier,
    word: &str,
) -> Result<&'a Extension, Failure> {
    let mut found = extensions.iter().filter(|e| e.extn_id == kind);
    match (found.next(), found.next()) {
        (Some(extension), None) => Ok(extension),
        (None, _) => Err(wrong(format!("it has no {word} extension"))),
        (Some(_), Some(_)) => Err(wrong(format!("it has more than one {word} extension"))),
    }
}

fn wrong(why: impl std::fmt::Display) -> Failure {
    Failure::new(
        Finding::TlsWrongCertificate,
        format!("the certificate shown is not a validation certificate for this name: {why}"),
    )
}

fn names_in_words(names: &[GeneralName]) -> String {
    const SHOWN: usize = 3;

    if names.is_empty() {
        return "nothing".to_owned();
    }
    let mut words: Vec<String> = names.iter().take(SHOWN).map(name_in_words).collect();
    if let more @ 1.. = names.len().saturating_sub(SHOWN) {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn name_in_words(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => printable(name.as_str().as_bytes(), 60),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(octets).map(IpAddr::from);
            match v4.or(v6) {
                Ok(address) => address.to_string(),
                Err(_) => format!("an address of {} octets", octets.len()),
            }
        }
        _ => "a name of another kind".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CustomExtension, KeyPair};

    use super::*;

    const DIGEST: [u8; 32] = [0xa5; 32];

    fn certificate() -> Vec<u8> {
        let mut params = CertificateParams::new(["web.example".to_owned()]).unwrap();
        params
            .custom_extensions
            .push(CustomExtension::new_acme_identifier(&DIGEST));
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn identifier() -> Identifier {
        Identifier::Dns("web.example".parse().unwrap())
    }

    #[test]
    fn no_change_to_digest_or_name_passes_and_no_damage_panics() {
        let certificate = certificate();
        let holds = |part: &[u8], der: &[u8]| der.windows(part.len()).any(|w| w == part);
        assert!(check(&certificate.clone().into(), &identifier(), &DIGEST).is_ok());
        for n in 0..certificate.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = certificate.clone();
                damaged[n] ^= flip;
                let whole = holds(&DIGEST, &damaged) && holds(b"web.example", &damaged);
                let outcome = check(&damaged.into(), &identifier(), &DIGEST);
                assert!(outcome.is_err() || whole, "byte {n} flipped by {flip:#x}");
            }
            let cut = certificate[..n].to_vec();
            assert!(check(&cut.into(), &identifier(), &DIGEST).is_err());
        }
    }
}
