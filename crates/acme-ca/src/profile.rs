//! What a leaf certificate says: the settings, and the to-be-signed form made by them.

use acme_core::{
    AuthorityError, IssueRequest, IssuerId, KeyKind, LeafContents, LeafKeyUsage, device_other_name,
    jwk_from_spki,
};
use acme_types::{Identifier, Timestamp};
use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, Ia5String, UintRef};
use der::flagset::FlagSet;
use der::{Decode, Encode};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};

use crate::ca_certificate::CaCertificate;
use crate::chain::Chain;
use crate::constraints::ChainConstraints;
use crate::tbs::{TbsCertificate, VERSION_3, extension, key_identifier, name, validity};
use crate::{CaError, CaKey, oid};

/// Most characters in a common name (ub-common-name of RFC 5280, appendix A.1).
pub(crate) const MAX_COMMON_NAME: usize = 64;

/// Where a client of a leaf finds what else it needs; `{issuer}` in each stands for the issuer's id.
/// Which of the first two a certificate tells is for the request to say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LeafProfile {
    /// URL of the revocation list. Default: none.
    pub crl_url: Option<String>,
    /// URL of the OCSP responder. Default: none.
    pub ocsp_url: Option<String>,
    /// URL of the issuer's certificate. Default: none.
    pub issuer_url: Option<String>,
}

impl LeafProfile {
    /// The profile with the URLs of one issuer.
    pub(crate) fn of_issuer(&self, id: IssuerId) -> Self {
        let filled = |url: &Option<String>| {
            let url = url.as_ref()?;
            Some(url.replace("{issuer}", &id.to_string()))
        };
        Self {
            crl_url: filled(&self.crl_url),
            ocsp_url: filled(&self.ocsp_url),
            issuer_url: filled(&self.issuer_url),
        }
    }
}

/// All that is the same in every leaf of one issuer, encoded once.
#[derive(Debug)]
pub(crate) struct LeafTemplate {
    pub(crate) issuer: Any,
    algorithm: Any,
    constraints: ChainConstraints,
    /// Last second of validity of the chain.
    not_after: Timestamp,
    /// That it is no authority, and whose key signs it: in every leaf.
    marks: [Extension; 2],
    /// The issuer and those above it, whose purposes bound those of a leaf.
    authorities: Vec<CaCertificate>,
    ocsp: Option<AccessDescription>,
    issuers: Option<AccessDescription>,
    crl: Option<Extension>,
}

impl LeafTemplate {
    /// The template of what `key` signs, that of the first in the chain.
    pub(crate) fn new(key: &CaKey, chain: &Chain, profile: &LeafProfile) -> Result<Self, CaError> {
        let no_authority = BasicConstraints {
            ca: false,
            path_len_constraint: None,
        };
        let authority_key = AuthorityKeyIdentifier {
            key_identifier: Some(chain.first.key_id.clone()),
            ..AuthorityKeyIdentifier::default()
        };
        let access = |access_method, url: &Option<String>| {
            let location = url.as_deref().map(url_name).transpose()?;
            Ok::<_, CaError>(location.map(|access_location| AccessDescription {
                access_method,
                access_location,
            }))
        };
        Ok(Self {
            issuer: chain.first.subject.clone(),
            algorithm: Any::encode_from(&key.algorithm())?,
            constraints: chain
                .iter()
                .filter_map(|certificate| certificate.name_constraints.clone())
                .collect(),
            not_after: chain
                .iter()
                .fold(chain.first.not_after, |end, certificate| {
                    end.min(certificate.not_after)
                }),
            marks: [
                extension(true, &no_authority)?,
                extension(false, &authority_key)?,
            ],
            authorities: chain.iter().cloned().collect(),
            ocsp: access(oid::OCSP, &profile.ocsp_url)?,
            issuers: access(oid::CA_ISSUERS, &profile.issuer_url)?,
            crl: profile.crl_url.as_deref().map(crl_point).transpose()?,
        })
    }

    /// The to-be-signed form of what is asked for, and its last second of validity: never beyond
    /// that of the chain, for a client would refuse it from then on.
    pub(crate) fn fill(
        &self,
        request: &IssueRequest,
    ) -> Result<(Vec<u8>, Timestamp), AuthorityError> {
        let refuse = |reason: String| Err(AuthorityError::Refused(reason));
        if request.identifiers.is_empty() {
            return refuse("a certificate needs a name".to_owned());
        }
        for identifier in &request.identifiers {
            self.check_identifier(identifier)
                .map_err(AuthorityError::Refused)?;
        }
        let not_after = request.not_after.min(self.not_after).truncated_to_second();
        if not_after <= request.not_before {
            return refuse(format!(
                "the authority's own certificate ends at {not_after}"
            ));
        }
        let spki = SubjectPublicKeyInfoRef::from_der(&request.spki)
            .map_err(|error| AuthorityError::Refused(format!("the public key: {error}")))?;
        let key_usages = key_usages(request);
        if key_usages.is_empty() {
            return refuse("no key usage of its profile fits this kind of key".to_owned());
        }
        let purposes = self.purposes(&request.contents);
        if purposes.is_empty() {
            return refuse("the issuer's certificate allows no purpose of its profile".to_owned());
        }
        let tbs = self
            .encode(request, &spki, not_after, key_usages, purposes)
            .map_err(|error| AuthorityError::Refused(format!("it cannot be encoded: {error}")))?;
        Ok((tbs, not_after))
    }

    /// Whether the chain may certify an identifier; the error says why not, and what to do.
    pub(crate) fn check_identifier(&self, identifier: &Identifier) -> Result<(), String> {
        self.constraints.check(identifier)
    }

    /// The purposes of a certificate, but for those that the chain does not allow: a client would
    /// refuse the certificate for them.
    fn purposes(&self, contents: &LeafContents) -> Vec<ObjectIdentifier> {
        let wanted = contents.extended_key_usages.iter().map(|usage| usage.oid());
        wanted
            .filter(|purpose| {
                let mut authorities = self.authorities.iter();
                authorities.all(|above| above.allows_purpose(*purpose))
            })
            .collect()
    }

    fn encode(
        &self,
        request: &IssueRequest,
        spki: &SubjectPublicKeyInfoRef<'_>,
        not_after: Timestamp,
        key_usages: FlagSet<KeyUsages>,
        purposes: Vec<ObjectIdentifier>,
    ) -> der::Result<Vec<u8>> {
        let contents = &request.contents;
        let common_name = contents
            .common_name
            .then(|| self.common_name(&request.identifiers))
            .flatten();
        let subject = match common_name {
            Some(common_name) => name(&[(oid::COMMON_NAME, common_name)])?,
            None => name(&[])?,
        };

        let mut extensions = Vec::with_capacity(9);
        extensions.push(extension(true, &KeyUsage(key_usages))?);
        extensions.extend_from_slice(&self.marks);
        extensions.push(extension(false, &ExtendedKeyUsage(purposes))?);
        if !contents.policies.is_empty() {
            let policies = contents.policies.iter().map(|policy| PolicyInformation {
                policy_identifier: *policy,
                policy_qualifiers: None,
            });
            extensions.push(extension(false, &CertificatePolicies(policies.collect()))?);
        }
        let ocsp = self.ocsp.iter().filter(|_| contents.ocsp_url);
        let access: Vec<_> = ocsp.chain(&self.issuers).cloned().collect();
        if !access.is_empty() {
            extensions.push(extension(false, &AuthorityInfoAccessSyntax(access))?);
        }
        extensions.extend(self.crl.iter().filter(|_| contents.crl_url).cloned());
        if contents.subject_key_identifier {
            let key_id = SubjectKeyIdentifier(key_identifier(spki)?);
            extensions.push(extension(false, &key_id)?);
        }
        let names = SubjectAltName(general_names(&request.identifiers)?);
        // RFC 5280 § 4.2.1.6: critical if the subject is empty.
        extensions.push(extension(common_name.is_none(), &names)?);

        TbsCertificate {
            version: VERSION_3,
            serial_number: UintRef::new(request.serial.as_bytes())?,
            signature: (&self.algorithm).into(),
            issuer: (&self.issuer).into(),
            validity: validity(request.not_before, not_after)?,
            subject: (&subject).into(),
            subject_public_key_info: AnyRef::from_der(&request.spki)?,
            extensions,
        }
        .to_der()
    }

    /// Checks that a to-be-signed form is one of a leaf that `fill` wrote. What stands in the store
    /// is signed as it is: whoever can write to the store must not gain an authority by it.
    pub(crate) fn check(&self, tbs: &[u8]) -> Result<(), AuthorityError> {
        let refuse = |reason: &str| Err(AuthorityError::Refused(reason.to_owned()));
        let Ok(tbs) = TbsCertificate::from_der(tbs) else {
            return refuse("the stored form is damaged");
        };
        if tbs.issuer != AnyRef::from(&self.issuer)
            || tbs.signature != AnyRef::from(&self.algorithm)
            || !self.marks.iter().all(|mark| tbs.extensions.contains(mark))
        {
            return refuse("the stored form is not that of a leaf of this issuer");
        }
        Ok(())
    }

    /// The first DNS name that fits into a common name; none when the chain constrains subjects.
    fn common_name<'a>(&self, identifiers: &'a [Identifier]) -> Option<&'a str> {
        if self.constraints.name_directories() {
            return None;
        }
        identifiers.iter().find_map(|identifier| match identifier {
            Identifier::Dns(name) if name.as_str().len() <= MAX_COMMON_NAME => Some(name.as_str()),
            Identifier::Dns(_)
            | Identifier::Ip(_)
            | Identifier::PermanentIdentifier(_)
            | Identifier::HardwareModule(_) => None,
        })
    }
}

fn general_names(identifiers: &[Identifier]) -> der::Result<Vec<GeneralName>> {
    identifiers
        .iter()
        .map(|identifier| match identifier {
            Identifier::Dns(name) => Ia5String::new(name.as_str()).map(GeneralName::DnsName),
            Identifier::Ip(ip) => Ok(GeneralName::from(*ip)),
            Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_) => {
                device(identifier)
            }
        })
        .collect()
}

/// A device, which is an `otherName`.
fn device(identifier: &Identifier) -> der::Result<GeneralName> {
    let (type_id, value) =
        device_other_name(identifier).ok_or_else(|| der::ErrorKind::Failed.to_error())?;
    let value = Any::from_der(&value)?;
    Ok(GeneralName::OtherName(OtherName { type_id, value }))
}

/// What the profile says the key may do, where its kind can do it.
fn key_usages(request: &IssueRequest) -> FlagSet<KeyUsages> {
    let kind = jwk_from_spki(&request.spki).map(|jwk| KeyKind::of(&jwk));
    let wanted = request.contents.key_usages.iter();
    let fitting = wanted.filter(|usage| match kind {
        Some(kind) => usage.fits(kind),
        // Every key signs.
        None => matches!(
            usage,
            LeafKeyUsage::DigitalSignature | LeafKeyUsage::ContentCommitment
        ),
    });
    fitting.fold(FlagSet::default(), |usages, usage| {
        usages
            | match usage {
                LeafKeyUsage::DigitalSignature => KeyUsages::DigitalSignature,
                LeafKeyUsage::ContentCommitment => KeyUsages::NonRepudiation,
                LeafKeyUsage::KeyEncipherment => KeyUsages::KeyEncipherment,
                LeafKeyUsage::DataEncipherment => KeyUsages::DataEncipherment,
                LeafKeyUsage::KeyAgreement => KeyUsages::KeyAgreement,
            }
    })
}

fn crl_point(url: &str) -> Result<Extension, CaError> {
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![url_name(url)?])),
        reasons: None,
        crl_issuer: None,
    };
    Ok(extension(false, &CrlDistributionPoints(vec![point]))?)
}

pub(crate) fn url_name(url: &str) -> Result<GeneralName, CaError> {
    Ia5String::new(url)
        .map(GeneralName::UniformResourceIdentifier)
        .map_err(|_| CaError::Setting(format!("{url:?} is not an ASCII URL")))
}
