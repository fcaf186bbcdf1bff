//! Answers about the status of certificates
//! ([RFC 6960 § 4.2](https://www.rfc-editor.org/rfc/rfc6960#section-4.2)).

use acme_core::{CertificateStatus, OcspRequest, Revocation};
use acme_types::Timestamp;
use aws_lc_rs::digest;
use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, Null, OctetString};
use der::{Choice, Decode, Encode, Enumerated, Sequence};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;

use crate::signer::Signer;
use crate::{CaError, crl, oid};

/// The to-be-signed form of an answer. The issuer's own key signs it, so no certificate goes with
/// it.
pub(crate) fn to_be_signed(signer: &Signer, request: &OcspRequest<'_>) -> Result<Vec<u8>, CaError> {
    let responses = request.certificates.iter().map(|(certificate, status)| {
        Ok(SingleResponse {
            certificate: AnyRef::from_der(&certificate.der)?,
            status: CertStatus::new(status)?,
            this_update: generalized(request.this_update)?,
            next_update: generalized(request.next_update)?,
        })
    });
    let extensions = match request.nonce {
        Some(nonce) => Some(vec![Extension {
            extn_id: oid::OCSP_NONCE,
            critical: false,
            extn_value: OctetString::new(nonce)?,
        }]),
        None => None,
    };
    let data = ResponseData {
        responder: key_hash(signer.spki())?,
        produced_at: generalized(request.produced_at)?,
        responses: responses.collect::<der::Result<_>>()?,
        extensions,
    };
    Ok(data.to_der()?)
}

/// Puts a signature to what was signed, and the status "successful" before it.
pub(crate) fn assemble(data: &[u8], signer: &Signer, signature: &[u8]) -> der::Result<Vec<u8>> {
    let basic = BasicResponse {
        data: AnyRef::try_from(data)?,
        algorithm: signer.algorithm().into(),
        signature: BitStringRef::from_bytes(signature)?,
    };
    Response {
        status: ResponseStatus::Successful,
        bytes: ResponseBytes {
            kind: oid::OCSP_BASIC,
            response: OctetString::new(basic.to_der()?)?,
        },
    }
    .to_der()
}

/// SHA-1 of the bits of the public key, as RFC 6960 § 4.2.1 has it for the name of the responder.
fn key_hash(spki: &[u8]) -> der::Result<OctetString> {
    let key = SubjectPublicKeyInfoRef::from_der(spki)?;
    let bits = key.subject_public_key.raw_bytes();
    OctetString::new(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bits).as_ref())
}

fn generalized(timestamp: Timestamp) -> der::Result<GeneralizedTime> {
    let seconds = u64::try_from(timestamp.as_secs())?;
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))
}

#[derive(Sequence)]
struct Response {
    status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    bytes: ResponseBytes,
}

/// The other ones have no bytes; see [`acme_core::OcspRefusal`].
#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct BasicResponse<'a> {
    data: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

#[derive(Sequence)]
struct ResponseData<'a> {
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    responder: OctetString,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct SingleResponse<'a> {
    certificate: AnyRef<'a>,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    next_update: GeneralizedTime,
}

#[derive(Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

impl CertStatus {
    fn new(status: &CertificateStatus) -> der::Result<Self> {
        Ok(match status {
            CertificateStatus::Good => Self::Good(Null),
            CertificateStatus::Revoked(Revocation { at, reason }) => Self::Revoked(RevokedInfo {
                at: generalized(*at)?,
                reason: crl::reason(*reason),
            }),
            CertificateStatus::Unknown => Self::Unknown(Null),
        })
    }
}

#[derive(Sequence)]
struct RevokedInfo {
    at: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<CrlReason>,
}
