//! The DER of a certificate signing request ([RFC 2986]): empty subject, P-256 key, names in
//! subjectAltName.
//!
//! [RFC 2986]: https://www.rfc-editor.org/rfc/rfc2986

use std::net::IpAddr;

use crate::name::Name;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
/// `[0]`, constructed: the attributes of the request.
const ATTRIBUTES: u8 = 0xa0;
/// `[2]` and `[7]` of GeneralName, primitive.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// INTEGER 0: the one version there is.
const VERSION: &[u8] = &[2, 1, 0];
/// id-ecPublicKey and prime256v1, in their SEQUENCE.
const P256_KEY: &[u8] = &[
    0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
];
/// ecdsa-with-SHA256, in its SEQUENCE.
const ECDSA_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// pkcs-9-at-extensionRequest.
const EXTENSION_REQUEST: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: &[u8] = &[6, 3, 0x55, 0x1d, 17];

/// What is signed: CertificationRequestInfo of this uncompressed point and these names.
pub(crate) fn info(point: &[u8], names: &[Name]) -> Vec<u8> {
    let key = tlv(SEQUENCE, &[P256_KEY, &tlv(BIT_STRING, &[&[0], point])]);
    let names: Vec<Vec<u8>> = names.iter().map(general_name).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let names = tlv(OCTET_STRING, &[&tlv(SEQUENCE, &names)]);
    let extension = tlv(SEQUENCE, &[SUBJECT_ALT_NAME, &names]);
    let extensions = tlv(SET, &[&tlv(SEQUENCE, &[&extension])]);
    let attribute = tlv(SEQUENCE, &[EXTENSION_REQUEST, &extensions]);
    let subject = tlv(SEQUENCE, &[]);
    let attributes = tlv(ATTRIBUTES, &[&attribute]);
    tlv(SEQUENCE, &[VERSION, &subject, &key, &attributes])
}

/// The whole request, of what was signed and the signature's DER.
pub(crate) fn request(info: &[u8], signature: &[u8]) -> Vec<u8> {
    let signature = tlv(BIT_STRING, &[&[0], signature]);
    tlv(SEQUENCE, &[info, ECDSA_SHA256, &signature])
}

fn general_name(name: &Name) -> Vec<u8> {
    match name {
        Name::Dns(name) => tlv(DNS_NAME, &[name.as_bytes()]),
        Name::Ip(IpAddr::V4(ip)) => tlv(IP_ADDRESS, &[&ip.octets()]),
        Name::Ip(IpAddr::V6(ip)) => tlv(IP_ADDRESS, &[&ip.octets()]),
    }
}

/// Tag, length and content.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let octets = length.to_be_bytes();
    let octets = &octets[length.leading_zeros() as usize / 8..];
    let mut der = Vec::with_capacity(length + 6);
    der.push(tag);
    match octets {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | long.len() as u8);
            der.extend_from_slice(long);
        }
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::CertificateKey;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        assert_eq!(tlv(4, &[]), [4, 0]);
        assert_eq!(tlv(4, &[&[7; 127]])[..2], [4, 127]);
        assert_eq!(tlv(4, &[&[7; 128]])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[&[7; 300]])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn openssl_reads_and_verifies_a_request() {
        let key = CertificateKey::generate().unwrap();
        let names = [
            Name::Dns("a.bench.test".to_owned()),
            Name::Ip("127.0.0.1".parse().unwrap()),
        ];
        let request = key.request(&names).unwrap();
        let mut openssl = Command::new("openssl")
            .args(["req", "-inform", "DER", "-verify", "-noout", "-text"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        openssl.stdin.take().unwrap().write_all(&request).unwrap();
        let output = openssl.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(
            text.contains("DNS:a.bench.test, IP Address:127.0.0.1"),
            "{text}"
        );
    }
}
