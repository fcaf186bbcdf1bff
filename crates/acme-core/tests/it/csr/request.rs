//! A writer of certificate signing requests, good ones and others.

use std::net::IpAddr;

use acme_core::{Csr, spki_of};
use acme_types::{Curve, Identifier, Jwk, Problem, encode_base64url};
use der::asn1::ObjectIdentifier;

use super::{account_key, refused};
use crate::support::Signer;

pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let len = value.len();
    let mut out = match len {
        0..=0x7f => vec![tag, len as u8],
        0x80..=0xff => vec![tag, 0x81, len as u8],
        0x100..=0xffff => vec![tag, 0x82, (len >> 8) as u8, len as u8],
        _ => vec![tag, 0x83, (len >> 16) as u8, (len >> 8) as u8, len as u8],
    };
    out.extend(value);
    out
}

pub(super) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub(super) fn oid(text: &str) -> Vec<u8> {
    tlv(6, &[ObjectIdentifier::new(text).unwrap().as_bytes()])
}

pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const TELETEX: u8 = 0x14;
pub(super) const IA5: u8 = 0x16;
pub(super) const BMP: u8 = 0x1e;
pub(super) const DNS: u8 = 0x82;
pub(super) const IP: u8 = 0x87;

#[derive(Clone)]
pub(super) struct Request {
    pub(super) version: Vec<u8>,
    /// Common names: tag of the string and its octets.
    pub(super) common_names: Vec<(u8, Vec<u8>)>,
    /// Entries of subjectAltName: tag and value.
    pub(super) alternative: Option<Vec<(u8, Vec<u8>)>>,
    /// Attributes beside the requested extensions.
    pub(super) attributes: Vec<Vec<u8>>,
    /// Extensions before and after subjectAltName.
    pub(super) extensions: Vec<Vec<u8>>,
    /// Whether the list of attributes is there at all.
    pub(super) has_attributes: bool,
    /// The public key, instead of the signer's.
    pub(super) spki: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn new(names: &[&str]) -> Self {
        let names = names.iter().map(|name| match name.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => (IP, ip.octets().to_vec()),
            Ok(IpAddr::V6(ip)) => (IP, ip.octets().to_vec()),
            Err(_) => (DNS, name.as_bytes().to_vec()),
        });
        Self {
            version: vec![2, 1, 0],
            common_names: Vec::new(),
            alternative: Some(names.collect()),
            attributes: Vec::new(),
            extensions: Vec::new(),
            has_attributes: true,
            spki: None,
        }
    }

    pub(super) fn cn(mut self, name: &str) -> Self {
        self.common_names.push((UTF8, name.as_bytes().to_vec()));
        self
    }

    pub(super) fn without_san(mut self) -> Self {
        self.alternative = None;
        self
    }

    pub(super) fn info(&self, jwk: &Jwk) -> Vec<u8> {
        let subject: Vec<u8> = self
            .common_names
            .iter()
            .flat_map(|(tag, value)| tlv(0x31, &[&seq(&[&oid("2.5.4.3"), &tlv(*tag, &[value])])]))
            .collect();
        let mut extensions = self.extensions.concat();
        if let Some(names) = &self.alternative {
            let names: Vec<u8> = names.iter().flat_map(|(tag, v)| tlv(*tag, &[v])).collect();
            extensions.extend(extension("2.5.29.17", &seq(&[&names])));
        }
        let mut attributes = self.attributes.concat();
        if !extensions.is_empty() {
            attributes.extend(attribute("1.2.840.113549.1.9.14", &seq(&[&extensions])));
        }
        let attributes = match self.has_attributes {
            true => tlv(0xa0, &[&attributes]),
            false => Vec::new(),
        };
        let spki = self.spki.clone().unwrap_or_else(|| spki_of(jwk));
        seq(&[&self.version, &seq(&[&subject]), &spki, &attributes])
    }

    pub(super) fn der(&self, signer: &Signer) -> Vec<u8> {
        let info = self.info(&signer.jwk());
        let (algorithm, signature) = signer.x509(&info);
        seq(&[
            &info,
            &seq(&[&oid(algorithm)]),
            &tlv(3, &[&[0], &signature]),
        ])
    }

    pub(super) fn text(&self, signer: &Signer) -> String {
        encode_base64url(self.der(signer))
    }

    /// Signed by a fresh P-256 key.
    pub(super) fn parse(&self) -> Result<Csr, Problem> {
        Csr::parse(&self.text(&Signer::ec(Curve::P256)))
    }

    #[track_caller]
    pub(super) fn asks_for(&self, identifiers: &[Identifier]) {
        let csr = self.parse().unwrap();
        assert_eq!(csr.identifiers(), identifiers);
        assert_eq!(csr.check(identifiers, &account_key()), Ok(()));
    }

    #[track_caller]
    pub(super) fn refused(&self, needle: &str) {
        refused(self.parse(), needle);
    }
}

pub(super) fn extension(kind: &str, value: &[u8]) -> Vec<u8> {
    seq(&[&oid(kind), &tlv(4, &[value])])
}

pub(super) fn attribute(kind: &str, value: &[u8]) -> Vec<u8> {
    seq(&[&oid(kind), &tlv(0x31, &[value])])
}
