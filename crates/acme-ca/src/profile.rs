//! What a leaf certificate says: the settings, and the to-be-signed form made by them.

use acme_core::{AuthorityError, IssueRequest, IssuerId};
use acme_types::{Identifier, Timestamp};
use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, Ia5String, UintRef};
use der::{Decode, Encode};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};

use crate::chain::Chain;
use crate::constraints::ChainConstraints;
use crate::tbs::{TbsCertificate, VERSION_3, extension, key_identifier, name, validity};
use crate::{CaError, CaKey, oid};

/// Most characters in a common name (ub-common-name of RFC 5280, appendix A.1).
pub(crate) const MAX_COMMON_NAME: usize = 64;

/// What leaf certificates say beside names, key and validity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeafProfile {
    /// Whether they are for TLS clients too, not for servers alone. Default: yes.
    pub client_auth: bool,
    /// Whether they carry an identifier of their own key, as
    /// [RFC 5280 § 4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2) says they
    /// should. Default: yes.
    pub subject_key_identifier: bool,
    /// The policies they are issued under. Default: none.
    pub policies: Vec<ObjectIdentifier>,
    /// URL of the revocation list; `{issuer}` in it stands for the issuer's id, as in the next two.
    /// Default: none.
    pub crl_url: Option<String>,
    /// URL of the OCSP responder. Default: none.
    pub ocsp_url: Option<String>,
    /// URL of the issuer's certificate. Default: none.
    pub issuer_url: Option<String>,
}

impl Default for LeafProfile {
    fn default() -> Self {
        Self {
            client_auth: true,
            subject_key_identifier: true,
            policies: Vec::new(),
            crl_url: None,
            ocsp_url: None,
            issuer_url: None,
        }
    }
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
            ..self.clone()
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
    subject_key_identifier: bool,
    /// That it is no authority, and whose key signs it: in every leaf.
    marks: [Extension; 2],
    /// Digital signature, and with RSA keys also key encipherment.
    key_usages: [Extension; 2],
    common: Vec<Extension>,
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
        let signs = KeyUsages::DigitalSignature;
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
            subject_key_identifier: profile.subject_key_identifier,
            marks: [
                extension(true, &no_authority)?,
                extension(false, &authority_key)?,
            ],
            key_usages: [
                extension(true, &KeyUsage(signs.into()))?,
                extension(true, &KeyUsage(signs | KeyUsages::KeyEncipherment))?,
            ],
            common: common_extensions(chain, profile)?,
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
            self.constraints
                .check(identifier)
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
        let tbs = self
            .encode(request, &spki, not_after)
            .map_err(|error| AuthorityError::Refused(format!("it cannot be encoded: {error}")))?;
        Ok((tbs, not_after))
    }

    fn encode(
        &self,
        request: &IssueRequest,
        spki: &SubjectPublicKeyInfoRef<'_>,
        not_after: Timestamp,
    ) -> der::Result<Vec<u8>> {
        let common_name = self.common_name(&request.identifiers);
        let subject = match common_name {
            Some(common_name) => name(&[(oid::COMMON_NAME, common_name)])?,
            None => name(&[])?,
        };

        let mut extensions = Vec::with_capacity(self.common.len() + 5);
        let enciphers = usize::from(spki.algorithm.oid == oid::RSA_ENCRYPTION);
        extensions.push(self.key_usages[enciphers].clone());
        extensions.extend_from_slice(&self.marks);
        extensions.extend_from_slice(&self.common);
        if self.subject_key_identifier {
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
            Identifier::Dns(_) | Identifier::Ip(_) => None,
        })
    }
}

fn general_names(identifiers: &[Identifier]) -> der::Result<Vec<GeneralName>> {
    identifiers
        .iter()
        .map(|identifier| match identifier {
            Identifier::Dns(name) => Ia5String::new(name.as_str()).map(GeneralName::DnsName),
            Identifier::Ip(ip) => Ok(GeneralName::from(*ip)),
        })
        .collect()
}

fn common_extensions(chain: &Chain, profile: &LeafProfile) -> Result<Vec<Extension>, CaError> {
    let mut purposes = vec![oid::SERVER_AUTH];
    let mut authorities = chain.iter();
    if profile.client_auth && authorities.all(|above| above.allows_purpose(oid::CLIENT_AUTH)) {
        purposes.push(oid::CLIENT_AUTH);
    }
    let mut extensions = vec![extension(false, &ExtendedKeyUsage(purposes))?];
    if !profile.policies.is_empty() {
        let policies = profile.policies.iter().map(|policy| PolicyInformation {
            policy_identifier: *policy,
            policy_qualifiers: None,
        });
        extensions.push(extension(false, &CertificatePolicies(policies.collect()))?);
    }
    let mut access = Vec::new();
    for (access_method, url) in [
        (oid::OCSP, &profile.ocsp_url),
        (oid::CA_ISSUERS, &profile.issuer_url),
    ] {
        if let Some(url) = url {
            access.push(AccessDescription {
                access_method,
                access_location: url_name(url)?,
            });
        }
    }
    if !access.is_empty() {
        extensions.push(extension(false, &AuthorityInfoAccessSyntax(access))?);
    }
    if let Some(url) = &profile.crl_url {
        let point = DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![url_name(url)?])),
            reasons: None,
            crl_issuer: None,
        };
        extensions.push(extension(false, &CrlDistributionPoints(vec![point]))?);
    }
    Ok(extensions)
}

pub(crate) fn url_name(url: &str) -> Result<GeneralName, CaError> {
    Ia5String::new(url)
        .map(GeneralName::UniformResourceIdentifier)
        .map_err(|_| CaError::Setting(format!("{url:?} is not an ASCII URL")))
}
