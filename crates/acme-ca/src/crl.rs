//! Revocation lists ([RFC 5280 § 5](https://www.rfc-editor.org/rfc/rfc5280#section-5)).

use acme_core::{CrlRequest, RevocationEntry, RevocationReason};
use der::asn1::{AnyRef, OctetString, UintRef};
use der::{Encode, Sequence};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::time::Time;

use crate::profile::url_name;
use crate::signer::Signer;
use crate::tbs::{extension, time};
use crate::{CaError, oid};

/// The to-be-signed form of a list.
///
/// It is about leaves alone, and about all of the issuer's. `url` is where it is found: it stands
/// in the leaves too, and a client takes a list for a leaf only when the two are the same.
pub(crate) fn to_be_signed(
    signer: &Signer,
    request: &CrlRequest<'_>,
    url: Option<&str>,
) -> Result<Vec<u8>, CaError> {
    let authority_key = AuthorityKeyIdentifier {
        key_identifier: Some(signer.certificate().key_id.clone()),
        ..AuthorityKeyIdentifier::default()
    };
    let scope = IssuingDistributionPoint {
        distribution_point: match url {
            Some(url) => Some(DistributionPointName::FullName(vec![url_name(url)?])),
            None => None,
        },
        only_contains_user_certs: true,
        only_contains_ca_certs: false,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    let extensions = vec![
        extension(false, &authority_key)?,
        extension(false, &CrlNumber::try_from(request.number)?)?,
        // The object identifier that x509-cert 0.3 has for this type is that of another extension.
        Extension {
            extn_id: oid::ISSUING_DISTRIBUTION_POINT,
            critical: true,
            extn_value: OctetString::new(scope.to_der()?)?,
        },
    ];
    let revoked = request.revoked.iter().map(RevokedCertificate::new);
    let revoked: Vec<_> = revoked.collect::<der::Result<_>>()?;
    let list = TbsCertList {
        version: VERSION_2,
        signature: signer.algorithm().into(),
        issuer: (&signer.certificate().subject).into(),
        this_update: time(request.this_update)?,
        next_update: time(request.next_update)?,
        revoked: (!revoked.is_empty()).then_some(revoked),
        extensions,
    };
    Ok(list.to_der()?)
}

/// The reason as lists and answers name it; none where RFC 5280 § 5.3.1 says that it should be
/// absent.
pub(crate) const fn reason(reason: RevocationReason) -> Option<CrlReason> {
    match reason {
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(CrlReason::KeyCompromise),
        RevocationReason::AffiliationChanged => Some(CrlReason::AffiliationChanged),
        RevocationReason::Superseded => Some(CrlReason::Superseded),
        RevocationReason::CessationOfOperation => Some(CrlReason::CessationOfOperation),
        RevocationReason::PrivilegeWithdrawn => Some(CrlReason::PrivilegeWithdrawn),
    }
}

/// Version 2 is written as 1.
const VERSION_2: u8 = 1;

#[derive(Sequence)]
struct TbsCertList<'a> {
    version: u8,
    signature: AnyRef<'a>,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    /// Absent when nothing is revoked.
    #[asn1(optional = "true")]
    revoked: Option<Vec<RevokedCertificate<'a>>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct RevokedCertificate<'a> {
    serial: UintRef<'a>,
    revoked_at: Time,
    #[asn1(optional = "true")]
    extensions: Option<Vec<Extension>>,
}

impl<'a> RevokedCertificate<'a> {
    fn new(entry: &'a RevocationEntry) -> der::Result<Self> {
        let extensions = match reason(entry.revocation.reason) {
            Some(reason) => Some(vec![Extension {
                extn_id: oid::CRL_REASON,
                critical: false,
                extn_value: OctetString::new(reason.to_der()?)?,
            }]),
            None => None,
        };
        Ok(Self {
            serial: UintRef::new(entry.serial.as_bytes())?,
            revoked_at: time(entry.revocation.at)?,
            extensions,
        })
    }
}
