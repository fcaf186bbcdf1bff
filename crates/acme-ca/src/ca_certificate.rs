//! A certificate of a certificate authority, read: who it is, what it may do, who signed it.

use acme_types::Timestamp;
use aws_lc_rs::digest;
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{Any, OctetString};
use der::{Decode, Encode};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, NameConstraints, SubjectKeyIdentifier,
};

use crate::tbs::{SignedCertificate, TbsCertificate, VERSION_3, key_identifier, timestamp};
use crate::verify::verify;
use crate::{CaKey, oid};

/// A certificate of a certificate authority.
#[derive(Clone, Debug)]
pub(crate) struct CaCertificate {
    pub(crate) der: Vec<u8>,
    pub(crate) subject: Any,
    issuer: Any,
    spki: Vec<u8>,
    /// What stands in the authority key identifier of what it signs.
    pub(crate) key_id: OctetString,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Most authorities between it and a leaf.
    path_length: Option<u8>,
    /// Whether it may sign revocation lists.
    pub(crate) signs_crls: bool,
    /// The purposes it may certify; none means all.
    purposes: Option<Vec<ObjectIdentifier>>,
    pub(crate) name_constraints: Option<NameConstraints>,
    tbs: Vec<u8>,
    signature_algorithm: ObjectIdentifier,
    signature: Vec<u8>,
}

impl CaCertificate {
    /// Reads a certificate; the error says why it is not one of an authority.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, String> {
        let damaged = |error: der::Error| format!("it is damaged or no X.509 certificate: {error}");
        let signed = SignedCertificate::from_der(der).map_err(damaged)?;
        let tbs: TbsCertificate<'_> = signed.tbs.decode_as().map_err(damaged)?;
        if tbs.version != VERSION_3 {
            return Err("it is not of X.509 version 3".to_owned());
        }
        if signed.algorithm != tbs.signature {
            return Err("it names two different signature algorithms".to_owned());
        }
        let algorithm: AlgorithmIdentifierRef<'_> =
            signed.algorithm.decode_as().map_err(damaged)?;
        let spki: SubjectPublicKeyInfoRef<'_> =
            tbs.subject_public_key_info.decode_as().map_err(damaged)?;

        let basic: Option<BasicConstraints> = extension_of(&tbs).map_err(damaged)?;
        let basic = basic
            .filter(|basic| basic.ca)
            .ok_or("it is not that of a certificate authority (basicConstraints CA is not true)")?;
        let usage: Option<KeyUsage> = extension_of(&tbs).map_err(damaged)?;
        let allows = |purpose| usage.as_ref().is_none_or(|usage| usage.0.contains(purpose));
        if !allows(KeyUsages::KeyCertSign) {
            return Err("its key usage does not allow it to sign certificates".to_owned());
        }
        let key_id: Option<SubjectKeyIdentifier> = extension_of(&tbs).map_err(damaged)?;
        let purposes: Option<ExtendedKeyUsage> = extension_of(&tbs).map_err(damaged)?;
        Ok(Self {
            der: der.to_vec(),
            subject: tbs.subject.into(),
            issuer: tbs.issuer.into(),
            spki: tbs.subject_public_key_info.to_der().map_err(damaged)?,
            key_id: match key_id {
                Some(key_id) => key_id.0,
                None => key_identifier(&spki).map_err(damaged)?,
            },
            not_before: timestamp(tbs.validity.not_before),
            not_after: timestamp(tbs.validity.not_after),
            path_length: basic.path_len_constraint,
            signs_crls: allows(KeyUsages::CRLSign),
            purposes: purposes.map(|purposes| purposes.0),
            name_constraints: extension_of(&tbs).map_err(damaged)?,
            tbs: signed.tbs.to_der().map_err(damaged)?,
            signature_algorithm: algorithm.oid,
            signature: signed
                .signature
                .as_bytes()
                .ok_or("its signature is not a whole number of octets")?
                .to_vec(),
        })
    }

    /// Its to-be-signed form, to be changed.
    pub(crate) fn to_be_signed(&self) -> der::Result<TbsCertificate<'_>> {
        TbsCertificate::from_der(&self.tbs)
    }

    /// Whether this key is the one it certifies: tried, so that a damaged key is found too.
    pub(crate) fn is_of(&self, key: &CaKey) -> bool {
        const PROBE: &[u8] = b"does this key fit its certificate?";
        key.sign_message(PROBE).is_ok_and(|signature| {
            verify(&self.spki, key.algorithm().oid, PROBE, &signature).is_ok()
        })
    }

    /// Whether what this one signed is signed by the other just as well: the same name and key, and
    /// known to leaves by the same identifier.
    pub(crate) fn stands_for(&self, other: &Self) -> bool {
        self.subject == other.subject && self.spki == other.spki && self.key_id == other.key_id
    }

    /// Checks that `issuer` signed this and may have that many authorities below it.
    pub(crate) fn check_issuer(&self, issuer: &Self, authorities_below: u8) -> Result<(), String> {
        if !self.names_issuer(issuer) {
            return Err("the next certificate in the chain is not its issuer".to_owned());
        }
        if issuer
            .path_length
            .is_some_and(|most| most < authorities_below)
        {
            return Err("its chain is longer than an authority in it allows (pathLen)".to_owned());
        }
        verify(
            &issuer.spki,
            self.signature_algorithm,
            &self.tbs,
            &self.signature,
        )
        .map_err(|error| error.to_string())
    }

    /// Whether it names `issuer` as its issuer.
    pub(crate) fn names_issuer(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    /// SHA-256 of the whole certificate.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.der).as_ref());
        hash
    }

    /// Checks that it is valid at `now`.
    pub(crate) fn check_validity(&self, now: Timestamp) -> Result<(), String> {
        if now < self.not_before {
            Err(format!(
                "it is not valid before {}; is the clock right?",
                self.not_before
            ))
        } else if now.truncated_to_second() > self.not_after {
            Err(format!("it expired at {}", self.not_after))
        } else {
            Ok(())
        }
    }

    /// Whether what it signs may be for this purpose.
    pub(crate) fn allows_purpose(&self, purpose: ObjectIdentifier) -> bool {
        self.purposes.as_ref().is_none_or(|purposes| {
            purposes.contains(&purpose) || purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE)
        })
    }
}

fn extension_of<T>(tbs: &TbsCertificate<'_>) -> der::Result<Option<T>>
where
    T: AssociatedOid + for<'a> Decode<'a, Error = der::Error>,
{
    tbs.extensions
        .iter()
        .find(|extension| extension.extn_id == T::OID)
        .map(|extension| T::from_der(extension.extn_value.as_bytes()))
        .transpose()
}
