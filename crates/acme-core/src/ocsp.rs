//! The online certificate status protocol ([RFC 6960](https://www.rfc-editor.org/rfc/rfc6960)): what
//! a question asks, whom it is for, and what may be answered.

use std::sync::Arc;

use acme_types::Timestamp;
use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use spki::SubjectPublicKeyInfoRef;

use crate::leaf::Certificate;
use crate::{Issuer, IssuerId, Revocation, Serial};

/// Most certificates that one question may ask about; clients ask about one.
pub const MAX_OCSP_CERTIFICATES: usize = 16;

/// A question about certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspQuery {
    /// The certificates, at least one, at most [`MAX_OCSP_CERTIFICATES`].
    pub certificates: Vec<OcspCertId>,
    /// What the answer shall repeat, so that it cannot be an old one: the extension's value.
    pub nonce: Option<Vec<u8>>,
}

/// The name of a certificate in a question: by digests of its issuer's name and key, and its
/// serial number.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct OcspCertId {
    /// Its DER as it was asked: the answer repeats it octet for octet, since clients compare it.
    pub der: Vec<u8>,
    hash: CertIdHash,
    issuer_name_hash: Vec<u8>,
    issuer_key_hash: Vec<u8>,
    /// Its serial number; none when it has more octets than any of ours.
    pub serial: Option<Serial>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum CertIdHash {
    Sha1,
    Sha256,
}

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateStatus {
    /// It was issued and is not revoked.
    Good,
    /// It was revoked.
    Revoked(Revocation),
    /// It was not issued here.
    Unknown,
}

/// What an answer shall say.
#[derive(Clone, Copy, Debug)]
pub struct OcspRequest<'a> {
    /// Who issued the certificates, and signs the answer.
    pub issuer: IssuerId,
    /// The certificates and what is known of them.
    pub certificates: &'a [(&'a OcspCertId, CertificateStatus)],
    /// When it was known to be so.
    pub this_update: Timestamp,
    /// When there will be a newer answer at the latest.
    pub next_update: Timestamp,
    /// When the answer is signed.
    pub produced_at: Timestamp,
    /// The nonce of the question.
    pub nonce: Option<&'a [u8]>,
}

/// An answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OcspReply {
    /// A signed one that anyone may keep.
    Kept(Arc<SignedOcsp>),
    /// A signed one for this question alone.
    Fresh(Arc<SignedOcsp>),
    /// That there is no answer.
    Refused(OcspRefusal),
}

/// An answer that was signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedOcsp {
    /// When it was known to be so.
    pub this_update: Timestamp,
    /// When there will be a newer answer at the latest.
    pub next_update: Timestamp,
    /// DER of the OCSPResponse.
    pub der: Vec<u8>,
}

/// Why a question has no answer; not signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OcspRefusal {
    /// The question cannot be read.
    MalformedRequest,
    /// A defect here.
    InternalError,
    /// It cannot be answered right now.
    TryLater,
    /// It is about certificates of others.
    Unauthorized,
}

impl OcspRefusal {
    /// DER of the OCSPResponse.
    #[must_use]
    pub const fn to_der(self) -> [u8; 5] {
        let status = match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::Unauthorized => 6,
        };
        // A SEQUENCE of one ENUMERATED.
        [0x30, 3, 0x0a, 1, status]
    }
}

impl OcspQuery {
    /// Reads the DER of an OCSPRequest. A signature in it is not looked at: the answer is the same
    /// for everyone.
    ///
    /// # Errors
    /// [`OcspRefusal::MalformedRequest`] when it cannot be read, asks about nothing or about too
    /// much, has a nonce longer than 128 octets or an unknown critical extension, or uses a digest other
    /// than SHA-1 and SHA-256.
    pub fn parse(der: &[u8]) -> Result<Self, OcspRefusal> {
        Self::read(der).ok_or(OcspRefusal::MalformedRequest)
    }

    fn read(der: &[u8]) -> Option<Self> {
        let request = Request::from_der(der).ok()?.tbs;
        if request.version != 0
            || request.list.is_empty()
            || request.list.len() > MAX_OCSP_CERTIFICATES
        {
            return None;
        }
        let certificates = request.list.into_iter();
        let certificates = certificates.map(|single| OcspCertId::read(single.certificate));
        let mut nonce = None;
        for extension in request.extensions.unwrap_or_default() {
            let value = extension.value.as_bytes();
            match (extension.id, extension.critical) {
                (NONCE, _) if nonce.is_none() && value.len() <= MAX_NONCE => {
                    nonce = Some(value.to_vec());
                }
                (NONCE, _) | (_, true) => return None,
                (_, false) => {}
            }
        }
        Some(Self {
            certificates: certificates.collect::<Option<_>>()?,
            nonce,
        })
    }
}

impl OcspCertId {
    fn read(der: AnyRef<'_>) -> Option<Self> {
        let id: CertId<'_> = der.decode_as().ok()?;
        let hash = match id.algorithm.oid {
            SHA1 => CertIdHash::Sha1,
            SHA_256 => CertIdHash::Sha256,
            _ => return None,
        };
        if id
            .algorithm
            .parameters
            .is_some_and(|any| any != AnyRef::NULL)
        {
            return None;
        }
        Some(Self {
            der: der.to_der().ok()?,
            hash,
            issuer_name_hash: id.name_hash.as_bytes().to_vec(),
            issuer_key_hash: id.key_hash.as_bytes().to_vec(),
            serial: Serial::from_be_bytes(id.serial.as_bytes()).ok(),
        })
    }
}

/// An issuer as questions name it.
#[derive(Clone, Debug)]
pub struct OcspIssuer {
    /// Its id.
    pub id: IssuerId,
    sha1: (Vec<u8>, Vec<u8>),
    sha256: (Vec<u8>, Vec<u8>),
}

impl OcspIssuer {
    /// The issuer whose certificate is the first of this chain; none when that cannot be read.
    #[must_use]
    pub fn new(issuer: &Issuer) -> Option<Self> {
        let tbs = Certificate::from_der(issuer.chain.first()?).ok()?.tbs;
        let name = tbs.subject.to_der().ok()?;
        let spki: SubjectPublicKeyInfoRef<'_> = tbs.subject_public_key_info.decode_as().ok()?;
        let key = spki.subject_public_key.raw_bytes();
        let hash = |algorithm: &'static Algorithm, octets: &[u8]| {
            digest(algorithm, octets).as_ref().to_vec()
        };
        let both = |algorithm| (hash(algorithm, &name), hash(algorithm, key));
        Some(Self {
            id: issuer.id,
            sha1: both(&SHA1_FOR_LEGACY_USE_ONLY),
            sha256: both(&SHA256),
        })
    }

    /// Whether this issuer is the one that a question names.
    #[must_use]
    pub fn is_named_by(&self, certificate: &OcspCertId) -> bool {
        let (name, key) = match certificate.hash {
            CertIdHash::Sha1 => &self.sha1,
            CertIdHash::Sha256 => &self.sha256,
        };
        certificate.issuer_name_hash == *name && certificate.issuer_key_hash == *key
    }
}

/// RFC 9654 § 2.1: 128 octets, and before them the header of an OCTET STRING.
const MAX_NONCE: usize = 128 + 3;
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

// RFC 6960 § 4.1.1, as far as it is looked into here.

#[derive(Sequence)]
struct Request<'a> {
    tbs: TbsRequest<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signature: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct TbsRequest<'a> {
    #[asn1(
        context_specific = "0",
        tag_mode = "EXPLICIT",
        default = "Default::default"
    )]
    version: u8,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor: Option<AnyRef<'a>>,
    list: Vec<SingleRequest<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension<'a>>>,
}

#[derive(Sequence)]
struct SingleRequest<'a> {
    certificate: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct CertId<'a> {
    algorithm: DigestAlgorithm<'a>,
    name_hash: &'a OctetStringRef,
    key_hash: &'a OctetStringRef,
    serial: UintRef<'a>,
}

#[derive(Sequence)]
struct DigestAlgorithm<'a> {
    oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct Extension<'a> {
    id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    critical: bool,
    value: &'a OctetStringRef,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        crate::asn1::tlv(tag, parts)
    }

    /// A question with this digest, these serial numbers and extensions.
    fn question(hash: ObjectIdentifier, serials: &[&[u8]], extensions: &[u8]) -> Vec<u8> {
        let algorithm = tlv(0x30, &[&crate::asn1::oid(hash), &[5, 0]]);
        let singles: Vec<_> = serials
            .iter()
            .map(|serial| {
                let hash = tlv(4, &[&[7; 20]]);
                let id = tlv(0x30, &[&algorithm, &hash, &hash, &tlv(2, &[serial])]);
                tlv(0x30, &[&id])
            })
            .collect();
        let list = tlv(0x30, &[&singles.concat()]);
        tlv(0x30, &[&tlv(0x30, &[&list, extensions])])
    }

    fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
        let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
        let one = tlv(0x30, &[&crate::asn1::oid(id), critical, &tlv(4, &[value])]);
        tlv(0xa2, &[&tlv(0x30, &[&one])])
    }

    #[test]
    fn what_is_asked_is_read() {
        let nonce = extension(NONCE, false, &[4, 2, 9, 9]);
        let query = OcspQuery::parse(&question(SHA1, &[&[5], &[0, 0x80]], &nonce)).unwrap();
        assert_eq!(query.nonce.as_deref(), Some(&[4, 2, 9, 9][..]));
        let serials: Vec<_> = query.certificates.iter().map(|id| id.serial).collect();
        assert_eq!(serials, ["05".parse().ok(), "80".parse().ok()]);
        let query = OcspQuery::parse(&question(SHA_256, &[&[1; 20]], &[])).unwrap();
        assert_eq!(
            query.certificates[0].serial, None,
            "longer than any of ours"
        );
        let query = OcspQuery::parse(&question(SHA1, &[&[5]], &extension(SHA1, false, &[])));
        assert_eq!(query.unwrap().nonce, None, "an unknown extension");
    }

    #[test]
    fn what_cannot_be_answered_is_malformed() {
        let good = question(SHA1, &[&[5]], &extension(NONCE, false, &[0; MAX_NONCE]));
        assert!(OcspQuery::parse(&good).is_ok());
        for end in 0..good.len() {
            assert!(OcspQuery::parse(&good[..end]).is_err(), "cut at {end}");
        }
        for (case, der) in [
            ("more after it", [&good[..], &[0]].concat()),
            ("nothing", question(SHA1, &[], &[])),
            ("too many", question(SHA1, &[&[5][..]; 17], &[])),
            ("a negative number", question(SHA1, &[&[0x80]], &[])),
            ("another digest", question(NONCE, &[&[5]], &[])),
            (
                "a long nonce",
                question(SHA1, &[&[5]], &extension(NONCE, false, &[0; MAX_NONCE + 1])),
            ),
            (
                "a critical extension",
                question(SHA1, &[&[5]], &extension(SHA1, true, &[])),
            ),
        ] {
            let refusal = Err(OcspRefusal::MalformedRequest);
            assert_eq!(OcspQuery::parse(&der), refusal, "{case}");
        }
    }
}
