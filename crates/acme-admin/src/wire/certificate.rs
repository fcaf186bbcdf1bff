//! Certificates as they are shown.

use acme_core::{Certificate, Issuer, RevocationReason, pem};
use acme_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// A certificate.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownCertificate {
    /// Its id.
    pub(crate) id: String,
    /// Its serial number, in hexadecimal.
    pub(crate) serial: String,
    /// `valid`, `expired`, `revoked`, or `unsigned` when it is not signed (yet).
    pub(crate) status: String,
    /// Its order.
    pub(crate) order: String,
    /// Its account.
    pub(crate) account: String,
    /// Its provisioner.
    pub(crate) provisioner: String,
    /// What it certifies.
    pub(crate) identifiers: Vec<String>,
    /// First second of validity.
    pub(crate) not_before: String,
    /// Last second of validity.
    pub(crate) not_after: String,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it was revoked.
    pub(crate) revoked_at: Option<String>,
    /// Why it was revoked.
    pub(crate) revocation_reason: Option<String>,
}

impl ShownCertificate {
    pub(crate) fn new(certificate: &Certificate, now: Timestamp) -> Self {
        let revocation = certificate.revocation.as_ref();
        let status = if revocation.is_some() {
            "revoked"
        } else if certificate.der.is_none() {
            "unsigned"
        } else if certificate.not_after < now {
            "expired"
        } else {
            "valid"
        };
        Self {
            id: certificate.id.to_string(),
            serial: certificate.serial.to_string(),
            status: status.to_owned(),
            order: certificate.order_id.to_string(),
            account: certificate.account_id.to_string(),
            provisioner: certificate.provisioner.to_string(),
            identifiers: certificate
                .identifiers
                .iter()
                .map(ToString::to_string)
                .collect(),
            not_before: certificate.not_before.to_string(),
            not_after: certificate.not_after.to_string(),
            created_at: certificate.created_at.to_string(),
            revoked_at: revocation.map(|revocation| revocation.at.to_string()),
            revocation_reason: revocation.map(|revocation| revocation.reason.as_str().to_owned()),
        }
    }
}

/// A certificate with its PEM.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WholeCertificate {
    /// The certificate.
    #[serde(flatten)]
    pub(crate) certificate: ShownCertificate,
    /// It and those above it, as PEM; absent when it is not signed.
    pub(crate) chain: Option<String>,
}

impl WholeCertificate {
    pub(crate) fn new(certificate: &Certificate, issuer: Option<&Issuer>, now: Timestamp) -> Self {
        let chain = certificate.der.as_ref().map(|leaf| {
            let above = issuer.map_or(&[][..], |issuer| &issuer.chain);
            let all: Vec<&Vec<u8>> = std::iter::once(leaf).chain(above).collect();
            pem::certificates_to_pem(&all)
        });
        Self {
            certificate: ShownCertificate::new(certificate, now),
            chain,
        }
    }
}

/// Why a certificate is revoked.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeRequest {
    /// A word of RFC 5280 § 5.3.1, as `keyCompromise` or `superseded`; `unspecified` when absent.
    #[serde(default)]
    reason: Option<String>,
}

impl RevokeRequest {
    /// The reason.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when the word is none.
    pub(crate) fn reason(&self) -> Result<RevocationReason, Refusal> {
        let Some(word) = &self.reason else {
            return Ok(RevocationReason::Unspecified);
        };
        let mut all = RevocationReason::ALL.iter();
        let found = all.find(|reason| reason.as_str() == word).copied();
        found.ok_or_else(|| {
            let words: Vec<_> = RevocationReason::ALL.iter().map(|r| r.as_str()).collect();
            Refusal::malformed(format!("reason is one of {}", words.join(", ")))
        })
    }
}
