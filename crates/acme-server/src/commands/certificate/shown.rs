//! Certificates as they are shown, to people and to machines.

use acme_core::{Certificate, Replacement, roughly};
use acme_types::{Identifier, Timestamp};
use serde::Serialize;

use super::sha256_hex;
use crate::commands::more;
use crate::output::{Report, columns, facts};

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Certificates {
    pub(super) certificates: Vec<ShownCertificate>,
    #[serde(skip)]
    pub(super) are_more: bool,
}

#[derive(Serialize)]
pub(super) struct ShownCertificate {
    serial: String,
    id: String,
    status: &'static str,
    identifiers: Vec<Identifier>,
    not_before: Timestamp,
    not_after: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renew_early_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal_explanation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    provisioner: String,
    account: String,
    order: String,
    created_at: Timestamp,
    #[serde(skip)]
    now: Timestamp,
}

impl ShownCertificate {
    pub(super) fn new(certificate: &Certificate, now: Timestamp) -> Self {
        let status = match (&certificate.der, &certificate.revocation) {
            (None, _) => "unsigned",
            (Some(_), Some(_)) => "revoked",
            (Some(_), None) if certificate.not_after < now => "expired",
            (Some(_), None) => "valid",
        };
        Self {
            serial: certificate.serial.to_string(),
            id: certificate.id.to_string(),
            status,
            identifiers: certificate.identifiers.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            revoked_at: certificate.revocation.map(|revocation| revocation.at),
            revocation_reason: certificate
                .revocation
                .map(|revocation| revocation.reason.as_str()),
            renew_early_since: certificate.early_renewal.as_ref().map(|early| early.at),
            renewal_explanation: certificate
                .early_renewal
                .as_ref()
                .and_then(|early| early.explanation_url.clone()),
            replaced_by: match &certificate.replacement {
                Some(Replacement::Issued(id)) => Some(id.to_string()),
                Some(Replacement::Ordered(_)) | None => None,
            },
            sha256: certificate.der.as_deref().map(sha256_hex),
            provisioner: certificate.provisioner.to_string(),
            account: certificate.account_id.to_string(),
            order: certificate.order_id.to_string(),
            created_at: certificate.created_at,
            now,
        }
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.identifiers.iter().map(ToString::to_string).collect();
        names.join(" ")
    }
}

impl Report for Certificates {
    fn text(&self) -> String {
        if self.certificates.is_empty() {
            return "There are no such certificates.\n".to_owned();
        }
        let row = |one: &ShownCertificate| {
            [
                one.serial.clone(),
                one.status.to_owned(),
                one.not_after.to_string(),
                one.provisioner.clone(),
                one.names(),
            ]
        };
        let rows: Vec<_> = self.certificates.iter().map(row).collect();
        let table = columns(
            ["SERIAL", "STATUS", "EXPIRES", "PROVISIONER", "IDENTIFIERS"],
            &rows,
        );
        table + &more(rows.len(), self.are_more)
    }
}

impl Report for ShownCertificate {
    fn text(&self) -> String {
        let revoked = self.revoked_at.map_or_else(String::new, |at| {
            format!("{at}, {}", self.revocation_reason.unwrap_or_default())
        });
        let left = if self.not_after > self.now {
            format!("{} left", roughly(self.not_after.since(self.now)))
        } else {
            format!("{} ago", roughly(self.now.since(self.not_after)))
        };
        let early = self.renew_early_since.map_or_else(String::new, |at| {
            let why = self.renewal_explanation.as_deref().unwrap_or_default();
            format!("since {at} {why}").trim_end().to_owned()
        });
        facts(&[
            ("Serial", self.serial.clone()),
            ("Status", self.status.to_owned()),
            ("Identifiers", self.names()),
            ("Begins", self.not_before.to_string()),
            ("Ends", format!("{} ({left})", self.not_after)),
            ("Revoked", revoked),
            ("Renew early", early),
            ("Replaced by", self.replaced_by.clone().unwrap_or_default()),
            ("SHA-256", self.sha256.clone().unwrap_or_default()),
            ("Provisioner", self.provisioner.clone()),
            ("Account", self.account.clone()),
            ("Order", self.order.clone()),
            ("Id", self.id.clone()),
            ("Created", self.created_at.to_string()),
        ])
    }
}

#[derive(Serialize)]
pub(super) struct Revoked {
    pub(super) serial: String,
    pub(super) revoked_at: Timestamp,
    pub(super) reason: &'static str,
    pub(super) was_revoked_before: bool,
}

impl Report for Revoked {
    fn text(&self) -> String {
        let before = if self.was_revoked_before {
            " was revoked before"
        } else {
            " is revoked"
        };
        format!(
            "{}{before}, {} ({})\n",
            self.serial, self.revoked_at, self.reason
        )
    }
}
