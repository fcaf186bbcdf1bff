//! The rows of certificates and issuers.

use acme_core::{
    Certificate, EarlyRenewal, Issuer, IssuerId, Replacement, Revocation, RevocationReason, Serial,
};
use acme_types::Slot;
use diesel::prelude::*;

use super::{from_json, identifier_text, millis, octets, parse, slot_number, timestamp, to_json};
use crate::act::{Fault, Outcome};
use crate::der::first_element;
use crate::schema::{certificate_identifiers, certificates, issuers};

/// A certificate as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = certificates, treat_none_as_default_value = false)]
pub struct CertificateRow {
    id: String,
    serial: Vec<u8>,
    order_id: String,
    account_id: String,
    provisioner: String,
    issuer: Vec<u8>,
    identifiers: String,
    not_before: i64,
    not_after: i64,
    created_at: i64,
    signing_slot: Option<i16>,
    revoked_at: Option<i64>,
    revocation_reason: Option<i16>,
    tbs: Option<Vec<u8>>,
    der: Option<Vec<u8>>,
    early_renewal_at: Option<i64>,
    explanation_url: Option<String>,
    replacement_order: Option<String>,
    replaced_by: Option<String>,
}

impl CertificateRow {
    /// The row of a certificate that `signing_slot` is about to sign.
    pub(crate) fn unsigned(certificate: &Certificate, signing_slot: Slot) -> Outcome<Self> {
        Ok(Self {
            id: certificate.id.to_string(),
            serial: certificate.serial.as_bytes().to_vec(),
            order_id: certificate.order_id.to_string(),
            account_id: certificate.account_id.to_string(),
            provisioner: certificate.provisioner.to_string(),
            issuer: certificate.issuer.0.to_vec(),
            identifiers: to_json("identifiers", &certificate.identifiers)?,
            not_before: millis(certificate.not_before),
            not_after: millis(certificate.not_after),
            created_at: millis(certificate.created_at),
            signing_slot: Some(slot_number(signing_slot)),
            revoked_at: None,
            revocation_reason: None,
            tbs: Some(certificate.tbs.clone()),
            der: None,
            early_renewal_at: None,
            explanation_url: None,
            replacement_order: None,
            replaced_by: None,
        })
    }
}

impl TryFrom<CertificateRow> for Certificate {
    type Error = Fault;

    fn try_from(row: CertificateRow) -> Outcome<Self> {
        let revocation = match (row.revoked_at, row.revocation_reason) {
            (Some(at), Some(code)) => Some(Revocation {
                at: timestamp(at),
                reason: RevocationReason::from_code(code.into())
                    .ok_or_else(|| Fault::corrupt(format!("revocation reason {code}")))?,
            }),
            (None, None) => None,
            _ => return Err(Fault::corrupt("a revocation of which parts are missing")),
        };
        let tbs = match (row.tbs, &row.der) {
            (Some(tbs), _) => tbs,
            (None, Some(der)) => first_element(der)
                .ok_or_else(|| Fault::corrupt("a certificate that is not DER"))?
                .to_vec(),
            (None, None) => return Err(Fault::corrupt("a certificate without its form")),
        };
        let early_renewal = row.early_renewal_at.map(|at| EarlyRenewal {
            at: timestamp(at),
            explanation_url: row.explanation_url,
        });
        let replacement = match (&row.replacement_order, &row.replaced_by) {
            (_, Some(id)) => Some(Replacement::Issued(parse("certificate id", id)?)),
            (Some(id), None) => Some(Replacement::Ordered(parse("order id", id)?)),
            (None, None) => None,
        };
        Ok(Self {
            id: parse("certificate id", &row.id)?,
            serial: Serial::from_be_bytes(&row.serial)
                .map_err(|error| Fault::corrupt(error.to_string()))?,
            order_id: parse("order id", &row.order_id)?,
            account_id: parse("account id", &row.account_id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            issuer: IssuerId(octets("issuer id", &row.issuer)?),
            identifiers: from_json("identifiers", &row.identifiers)?,
            not_before: timestamp(row.not_before),
            not_after: timestamp(row.not_after),
            tbs,
            der: row.der,
            revocation,
            early_renewal,
            replacement,
            created_at: timestamp(row.created_at),
        })
    }
}

/// The columns that are filled when a certificate is signed.
#[derive(AsChangeset)]
#[diesel(table_name = certificates, treat_none_as_null = true)]
pub(crate) struct SignedRow {
    der: Vec<u8>,
    tbs: Option<Vec<u8>>,
    signing_slot: Option<i16>,
}

impl SignedRow {
    /// The to-be-signed form is kept no more when it can be cut out of `der`, which halves the row.
    pub(crate) fn new(certificate: &Certificate, der: &[u8]) -> Self {
        let is_part = first_element(der) == Some(&certificate.tbs);
        Self {
            der: der.to_vec(),
            tbs: (!is_part).then(|| certificate.tbs.clone()),
            signing_slot: None,
        }
    }
}

/// The columns that tell of an early renewal.
#[derive(AsChangeset)]
#[diesel(table_name = certificates, treat_none_as_null = true)]
pub(crate) struct EarlyRenewalRow {
    early_renewal_at: Option<i64>,
    explanation_url: Option<String>,
}

impl From<Option<&EarlyRenewal>> for EarlyRenewalRow {
    fn from(early_renewal: Option<&EarlyRenewal>) -> Self {
        Self {
            early_renewal_at: early_renewal.map(|early| millis(early.at)),
            explanation_url: early_renewal.and_then(|early| early.explanation_url.clone()),
        }
    }
}

/// The columns that tell what replaces a certificate.
#[derive(AsChangeset)]
#[diesel(table_name = certificates, treat_none_as_null = true)]
pub(crate) struct ReplacementRow {
    replacement_order: Option<String>,
    replaced_by: Option<String>,
}

impl From<&Replacement> for ReplacementRow {
    fn from(replacement: &Replacement) -> Self {
        let (replacement_order, replaced_by) = match replacement {
            Replacement::Ordered(id) => (Some(id.to_string()), None),
            Replacement::Issued(id) => (None, Some(id.to_string())),
        };
        Self {
            replacement_order,
            replaced_by,
        }
    }
}

/// By which identifier a certificate is found.
#[derive(Insertable)]
#[diesel(table_name = certificate_identifiers)]
pub struct CertificateIdentifierRow<'a> {
    identifier: String,
    created_at: i64,
    certificate_id: &'a str,
}

/// One row for each identifier of a certificate.
pub(crate) fn identifier_rows(certificate: &Certificate) -> Vec<CertificateIdentifierRow<'_>> {
    certificate
        .identifiers
        .iter()
        .map(|identifier| CertificateIdentifierRow {
            identifier: identifier_text(identifier),
            created_at: millis(certificate.created_at),
            certificate_id: certificate.id.as_str(),
        })
        .collect()
}

/// An issuer as a row: the chain's certificates one after the other, each behind its length.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = issuers)]
pub struct IssuerRow {
    id: Vec<u8>,
    chain: Vec<u8>,
}

impl From<&Issuer> for IssuerRow {
    fn from(issuer: &Issuer) -> Self {
        let mut chain = Vec::new();
        for der in &issuer.chain {
            let length = u32::try_from(der.len()).unwrap_or(u32::MAX);
            chain.extend_from_slice(&length.to_be_bytes());
            chain.extend_from_slice(der);
        }
        Self {
            id: issuer.id.0.to_vec(),
            chain,
        }
    }
}

impl TryFrom<IssuerRow> for Issuer {
    type Error = Fault;

    fn try_from(row: IssuerRow) -> Outcome<Self> {
        let cut_short = || Fault::corrupt("an issuer's chain that is cut short");
        let mut chain = Vec::new();
        let mut rest = row.chain.as_slice();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
            let length = u32::from_be_bytes(*length) as usize;
            let (der, after) = after.split_at_checked(length).ok_or_else(cut_short)?;
            chain.push(der.to_vec());
            rest = after;
        }
        Ok(Self {
            id: IssuerId(octets("issuer id", &row.id)?),
            chain,
        })
    }
}
