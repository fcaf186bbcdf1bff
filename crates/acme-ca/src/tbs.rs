//! The ASN.1 of a certificate ([RFC 5280 § 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)):
//! written and read with its parts as they are, so that a name or key is never encoded anew.

use acme_types::Timestamp;
use aws_lc_rs::digest;
use const_oid::AssociatedOid;
use der::asn1::{Any, AnyRef, BitStringRef, OctetString, UintRef};
use der::{DateTime, Encode, Sequence};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::time::{Time, Validity};

/// A certificate, signed.
#[derive(Clone, Debug, Sequence)]
pub(crate) struct SignedCertificate<'a> {
    pub(crate) tbs: AnyRef<'a>,
    pub(crate) algorithm: AnyRef<'a>,
    pub(crate) signature: BitStringRef<'a>,
}

/// What is signed. Unique identifiers, which nobody uses, are not read.
#[derive(Clone, Debug, Sequence)]
pub(crate) struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(crate) version: u8,
    pub(crate) serial_number: UintRef<'a>,
    pub(crate) signature: AnyRef<'a>,
    pub(crate) issuer: AnyRef<'a>,
    pub(crate) validity: Validity,
    pub(crate) subject: AnyRef<'a>,
    pub(crate) subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    pub(crate) extensions: Vec<Extension>,
}

/// Version 3 is written as 2.
pub(crate) const VERSION_3: u8 = 2;

/// Puts a signature to what was signed.
pub(crate) fn assemble(tbs: &[u8], algorithm: &Any, signature: &[u8]) -> der::Result<Vec<u8>> {
    SignedCertificate {
        tbs: AnyRef::try_from(tbs)?,
        algorithm: algorithm.into(),
        signature: BitStringRef::from_bytes(signature)?,
    }
    .to_der()
}

/// An extension of a type that knows its object identifier.
pub(crate) fn extension<T: AssociatedOid + Encode>(
    critical: bool,
    value: &T,
) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: T::OID,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

/// First and last second of validity; UTCTime up to 2049, GeneralizedTime from then on.
pub(crate) fn validity(not_before: Timestamp, not_after: Timestamp) -> der::Result<Validity> {
    Ok(Validity::new(time(not_before)?, time(not_after)?))
}

pub(crate) fn time(timestamp: Timestamp) -> der::Result<Time> {
    let seconds = u64::try_from(timestamp.as_secs())?;
    DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).map(Time::from)
}

/// The second that a certificate's time is.
pub(crate) fn timestamp(time: Time) -> Timestamp {
    let seconds = time.to_unix_duration().as_secs();
    Timestamp::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A name with one attribute in each of its parts, as UTF-8.
pub(crate) fn name(attributes: &[(ObjectIdentifier, &str)]) -> der::Result<Any> {
    let mut parts = RdnSequence::default();
    for (oid, value) in attributes {
        let attribute = AttributeTypeAndValue {
            oid: *oid,
            value: Any::new(der::Tag::Utf8String, value.as_bytes())?,
        };
        parts.push(RelativeDistinguishedName::try_from(vec![attribute])?);
    }
    Any::encode_from(&parts)
}

/// The key identifier of a public key: the left 160 bits of the SHA-256 of its bits
/// ([RFC 7093 § 2](https://www.rfc-editor.org/rfc/rfc7093#section-2), method 1).
pub(crate) fn key_identifier(key: &SubjectPublicKeyInfoRef<'_>) -> der::Result<OctetString> {
    let hash = digest::digest(&digest::SHA256, key.subject_public_key.raw_bytes());
    OctetString::new(&hash.as_ref()[..20])
}
