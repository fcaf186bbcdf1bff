//! Certificates.

use acme_core::{
    Certificate, CertificateFilter, Issuer, Page, RevocationReason, RevokeVerdict, Role, Serial,
};
use acme_types::{CertificateId, Timestamp};
use hyper::Method;

use super::authorizations::identifier;
use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::query::{CURSOR, LIMIT, Parameter};
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::{Listed, RevokeRequest, ShownCertificate, WholeCertificate};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/certificates",
        role: Some(Role::Viewer),
        summary: "Certificates, newest first; with `expires_before`, those that are still valid, \
                  the first to end first",
        query: &[
            CURSOR,
            LIMIT,
            Parameter::text("name", "Only those for this name or address"),
            Parameter::text(
                "serial",
                "Only the one of this serial number, in hexadecimal",
            ),
            Parameter::text("account", "Only those of this account"),
            Parameter::text(
                "expires_before",
                "Only those that end before this, RFC 3339",
            ),
            Parameter {
                name: "revoked",
                means: "Only those that are revoked, or are not",
                words: &["true", "false"],
            },
        ],
        body: None,
        answer: Content::Json(shape::<Listed<ShownCertificate>>),
        does: |desk, asked| Box::pin(desk.certificates(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/certificates/{certificate}",
        role: Some(Role::Viewer),
        summary: "A certificate, by its id or its serial number, with its chain",
        query: &[],
        body: None,
        answer: Content::Json(shape::<WholeCertificate>),
        does: |desk, asked| Box::pin(desk.certificate(asked)),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/certificates/{certificate}/revoke",
        role: Some(Role::Operator),
        summary: "Revokes a certificate, by its id or its serial number",
        query: &[],
        body: Some(shape::<RevokeRequest>),
        answer: Content::Json(shape::<ShownCertificate>),
        does: |desk, asked| Box::pin(desk.revoke_certificate(asked)),
    },
];

impl Desk {
    async fn certificates(&self, asked: &Asked<'_>) -> Outcome {
        let (query, now) = (&asked.query, asked.now);
        let store = &self.services.store;
        let filter = CertificateFilter {
            identifier: query.text("name").map(identifier).transpose()?,
            account_id: query.value("account")?,
            expires_before: query.value::<Timestamp>("expires_before")?,
            revoked: query.value("revoked")?,
        };
        let show = |certificate: &_| ShownCertificate::new(certificate, now);
        if let Some(serial) = query.value::<Serial>("serial")? {
            let found = store.find_certificate_by_serial(&serial).await?;
            let items = found.iter().map(show).collect();
            return Ok(Answer::json(&Listed { items, next: None }));
        }
        let (list, found) = self.found_certificates(asked, &filter).await?;
        Ok(Answer::json(&Listed::new(list, found, show)))
    }

    /// The page of certificates that the filter finds, and the name of the list that it is of.
    pub(crate) async fn found_certificates(
        &self,
        asked: &Asked<'_>,
        filter: &CertificateFilter,
    ) -> Result<(&'static str, Page<Certificate>), Refusal> {
        let (query, store) = (&asked.query, &self.services.store);
        let limit = query.limit()?;
        // The end alone has an index of its own; beside others it narrows what they find.
        let is_alone =
            filter.identifier.is_none() && filter.account_id.is_none() && filter.revoked.is_none();
        if let (Some(before), true) = (filter.expires_before, is_alone) {
            let after = query.after("expiring")?;
            let found = store.expiring_certificates(asked.now, before, after.as_deref(), limit);
            return Ok(("expiring", found.await?));
        }
        let after = query.after("certificates")?;
        let found = store.list_certificates(filter, after.as_deref(), limit);
        Ok(("certificates", found.await?))
    }

    async fn certificate(&self, asked: &Asked<'_>) -> Outcome {
        let (certificate, issuer) = self.named_certificate(asked).await?;
        let whole = WholeCertificate::new(&certificate, Some(&issuer), asked.now);
        Ok(Answer::json(&whole))
    }

    async fn revoke_certificate(&self, asked: &Asked<'_>) -> Outcome {
        let wanted: RevokeRequest = asked.request.json()?;
        let revoked = self.revoked_certificate(asked, wanted.reason()?).await?;
        Ok(Answer::json(&ShownCertificate::new(&revoked, asked.now)))
    }

    /// Revokes the certificate that the path names.
    pub(crate) async fn revoked_certificate(
        &self,
        asked: &Asked<'_>,
        reason: RevocationReason,
    ) -> Result<Certificate, Refusal> {
        let (certificate, _) = self.named_certificate(asked).await?;
        let (store, serial) = (&self.services.store, &certificate.serial);
        match store
            .revoke_certificate(serial, reason, asked.now, &self.origin(asked))
            .await?
        {
            RevokeVerdict::Revoked(certificate) => {
                if let Some(publisher) = &self.services.publisher {
                    publisher.wake();
                }
                Ok(*certificate)
            }
            RevokeVerdict::AlreadyRevoked(before) => Err(Refusal::Conflict(format!(
                "the certificate was revoked at {}, reason {}",
                before.at,
                before.reason.as_str()
            ))),
            RevokeVerdict::NotFound => Err(Refusal::Conflict(
                "the certificate was never signed: there is nothing to revoke".to_owned(),
            )),
        }
    }

    /// The certificate that the path names, by its id or its serial number.
    pub(crate) async fn named_certificate(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(Certificate, Issuer), Refusal> {
        let text = asked.segment("certificate");
        let missing = || Refusal::not_found("certificate", text);
        let store = &self.services.store;
        let id = match text.parse::<CertificateId>() {
            Ok(id) => id,
            Err(_) => {
                let serial: Serial = text.parse().map_err(|_| missing())?;
                let found = store.find_certificate_by_serial(&serial).await?;
                found.ok_or_else(missing)?.id
            }
        };
        let found = store.find_certificate(&id).await?;
        found.ok_or_else(missing)
    }
}
