//! Renewal information and `replaces` ([RFC 9773](https://www.rfc-editor.org/rfc/rfc9773)).

use acme_core::{Certificate, Order, Provisioner, RenewalId, Replacement, check_replacement};
use acme_types::{Problem, ProblemKind, RenewalInfoBody, SuggestedWindow};

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};

impl Api {
    /// When a certificate should be renewed, for whoever asks: it is no secret, and costs one row.
    pub(super) async fn renewal_info(
        &self,
        provisioner: &Provisioner,
        id: Option<&str>,
    ) -> Outcome {
        let id = id.ok_or_else(|| {
            Failure::malformed("append the name of a certificate to this URL, after a slash")
        })?;
        let id: RenewalId = id.parse().map_err(Problem::from)?;
        let certificate = self
            .named(provisioner, &id)
            .await?
            .ok_or_else(|| Failure::not_found("this directory has issued no such certificate"))?;
        let info = provisioner.renewal.renewal_info(&certificate);
        let body = RenewalInfoBody {
            suggested_window: SuggestedWindow {
                start: info.start,
                end: info.end,
            },
            explanation_url: info.explanation_url,
        };
        Ok(Answer::json(&body).retry_after(Some(info.retry_after)))
    }

    /// The certificate that a new order says it replaces, once it is known that it may.
    pub(super) async fn replaced(
        &self,
        provisioner: &Provisioner,
        order: &Order,
        replaces: Option<&str>,
    ) -> Result<Option<RenewalId>, Failure> {
        let Some(replaces) = replaces else {
            return Ok(None);
        };
        let id: RenewalId = replaces.parse().map_err(Problem::from)?;
        let certificate = self.named(provisioner, &id).await?;
        check_replacement(order, &certificate.ok_or_else(nothing_to_replace)?)?;
        Ok(Some(id))
    }

    async fn named(
        &self,
        provisioner: &Provisioner,
        id: &RenewalId,
    ) -> Result<Option<Certificate>, Failure> {
        let store = &self.services.store;
        let found = store.find_certificate_by_serial(id.serial()).await?;
        let is_ours = |found: &Certificate| found.provisioner == provisioner.name;
        Ok(found.filter(|found| is_ours(found) && id.names(found)))
    }
}

/// [RFC 9773 § 7.4](https://www.rfc-editor.org/rfc/rfc9773#section-7.4).
pub(super) fn already_replaced(by: &Replacement) -> Failure {
    let detail = match by {
        Replacement::Issued(id) => format!(
            "the certificate was replaced already, by the certificate {id}; order without replaces"
        ),
        Replacement::Ordered(id) => format!(
            "the certificate is being replaced by the order {id}, which is being signed; order \
             without replaces"
        ),
    };
    Failure::new(ProblemKind::AlreadyReplaced, detail)
}

pub(super) fn nothing_to_replace() -> Failure {
    Failure::not_found(
        "replaces names a certificate that this directory has not issued; leave it out",
    )
}
