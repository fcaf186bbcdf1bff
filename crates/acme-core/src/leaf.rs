//! What a server reads out of a certificate that a client sends back, as to have it revoked.

use acme_types::{Thumbprint, Timestamp};
use der::asn1::{AnyRef, UintRef};
use der::oid::AssociatedOid as _;
use der::{Decode, Encode, Sequence};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use x509_cert::time::Validity;

use crate::{Serial, jwk_from_spki, thumbprint};

/// What stands in a certificate that was issued here. Nothing of it has been verified: the whole
/// DER must be compared with what is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeafFacts {
    /// Its serial number.
    pub serial: Serial,
    /// DER of the public key it certifies (SubjectPublicKeyInfo).
    pub spki: Vec<u8>,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// The key that it says to be signed by: `keyIdentifier` of its authorityKeyIdentifier.
    pub authority_key: Option<Vec<u8>>,
}

impl LeafFacts {
    /// Reads the DER of a certificate; none when it is not one, or one that this server cannot have
    /// issued: its serial number is negative or too long.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let tbs = Certificate::from_der(der).ok()?.tbs;
        let not_after = tbs.validity.not_after.to_unix_duration().as_secs();
        Some(Self {
            serial: Serial::from_be_bytes(tbs.serial_number.as_bytes()).ok()?,
            spki: tbs.subject_public_key_info.to_der().ok()?,
            not_after: Timestamp::from_secs(i64::try_from(not_after).ok()?),
            authority_key: authority_key(tbs.extensions),
        })
    }
}

/// The thumbprint of the key that a certificate is for, by its to-be-signed form; none when that
/// cannot be read, or the key is of a kind that no client here may have.
#[must_use]
pub fn certified_key(tbs: &[u8]) -> Option<Thumbprint> {
    let tbs = TbsCertificate::from_der(tbs).ok()?;
    let spki = tbs.subject_public_key_info.to_der().ok()?;
    Some(thumbprint(&jwk_from_spki(&spki)?))
}

fn authority_key(extensions: AnyRef<'_>) -> Option<Vec<u8>> {
    let extensions = extensions.decode_as::<Vec<Extension>>().ok()?;
    let named = AuthorityKeyIdentifier::OID;
    let found = extensions.iter().find(|one| one.extn_id == named)?;
    let found = AuthorityKeyIdentifier::from_der(found.extn_value.as_bytes()).ok()?;
    Some(found.key_identifier?.into_bytes().into_vec())
}

/// RFC 5280 § 4.1, as far as it is looked into here.
#[derive(Sequence)]
pub(crate) struct Certificate<'a> {
    pub(crate) tbs: TbsCertificate<'a>,
    algorithm: AnyRef<'a>,
    signature: AnyRef<'a>,
}

#[derive(Sequence)]
pub(crate) struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial_number: UintRef<'a>,
    signature: AnyRef<'a>,
    issuer: AnyRef<'a>,
    validity: Validity,
    pub(crate) subject: AnyRef<'a>,
    pub(crate) subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: AnyRef<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate with this serial number, as its octets stand in the INTEGER.
    fn certificate(serial: &[u8]) -> Vec<u8> {
        fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
            let value = parts.concat();
            [&[tag, u8::try_from(value.len()).unwrap()], &value[..]].concat()
        }
        let empty = tlv(0x30, &[]);
        let validity = tlv(
            0x30,
            &[
                &tlv(0x17, &[b"260101000000Z"]),
                &tlv(0x18, &[b"20500101000000Z"]),
            ],
        );
        let spki = tlv(0x30, &[&empty, &tlv(0x03, &[&[0, 7]])]);
        let tbs = tlv(
            0x30,
            &[
                &tlv(0xa0, &[&[2, 1, 2]]),
                &tlv(0x02, &[serial]),
                &empty,
                &empty,
                &validity,
                &empty,
                &spki,
                &tlv(0xa3, &[&empty]),
            ],
        );
        tlv(0x30, &[&tbs, &empty, &tlv(0x03, &[&[0]])])
    }

    #[test]
    fn serial_key_and_end_are_read() {
        let facts = LeafFacts::parse(&certificate(&[0, 0x80, 1])).unwrap();
        assert_eq!(facts.serial, "8001".parse().unwrap());
        assert_eq!(facts.spki, [0x30, 6, 0x30, 0, 3, 2, 0, 7]);
        assert_eq!(facts.not_after, "2050-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_cannot_be_ours_is_none() {
        let good = certificate(&[5]);
        assert!(LeafFacts::parse(&good).is_some());
        assert_eq!(LeafFacts::parse(&certificate(&[0x80])), None, "negative");
        assert_eq!(LeafFacts::parse(&certificate(&[1; 18])), None, "too long");
        assert_eq!(
            LeafFacts::parse(&[&good[..], &[0]].concat()),
            None,
            "more after it"
        );
        for end in 0..good.len() {
            assert_eq!(LeafFacts::parse(&good[..end]), None, "cut at {end}");
        }
    }
}
