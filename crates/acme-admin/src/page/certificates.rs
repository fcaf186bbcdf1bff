//! Certificates: those that end soon, those of a name, one of them, and revoking it.

use std::time::Duration;

use acme_core::{Certificate, CertificateFilter, RevocationReason, Role};
use maud::{Markup, html};

use super::shell::{badge, facts, more, page, question, question_link, time, why_link};
use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::routes::identifier;
use crate::wire::{Listed, ShownCertificate, WholeCertificate};

/// What can be chosen of the list: the words of `show`, and what they mean.
const CHOICES: [(&str, &str); 4] = [
    ("", "all, newest first"),
    ("7d", "that end within 7 days"),
    ("30d", "that end within 30 days"),
    ("revoked", "revoked"),
];

/// The words of `show`.
pub(crate) const WORDS: [&str; 3] = ["7d", "30d", "revoked"];

impl Desk {
    pub(crate) async fn certificates_page(&self, asked: &Asked<'_>) -> Outcome {
        let now = asked.now;
        let (list, found) = self.found_certificates(asked, &filter(asked)?).await?;
        let listed = Listed::new(list, found, |certificate| {
            (
                ShownCertificate::new(certificate, now),
                certificate.not_after,
            )
        });
        let text = |name| asked.query.text(name).unwrap_or_default();
        let (name, show, account) = (text("name"), text("show"), text("account"));
        let body = html! {
            form.search method="get" action="/certificates" {
                div.wide {
                    label for="name" { "Name or address" }
                    input #name type="search" name="name" value=(name) autocomplete="off" spellcheck="false";
                }
                div {
                    label for="show" { "Show" }
                    select #show name="show" {
                        @for (word, means) in CHOICES {
                            option value=(word) selected[word == show] { (means) }
                        }
                    }
                }
                @if !account.is_empty() { input type="hidden" name="account" value=(account); }
                button { "Show" }
            }
            @if !account.is_empty() { p { "Of account " code { (account) } "." } }
            ul.rows {
                @for (one, not_after) in &listed.items {
                    li.row {
                        div.head {
                            h2 { a href=(format!("/certificates/{}", one.id)) { (one.identifiers.join(", ")) } }
                            (badge(&one.status))
                        }
                        p { "ends " (time(*not_after, now)) }
                        p.soft { "serial " span.mono { (one.serial) } }
                    }
                }
            }
            @if listed.items.is_empty() { p.panel { "There is none here." } }
            (more("/certificates", &[("name", name), ("show", show), ("account", account)], listed.next.as_deref()))
        };
        Ok(page(asked, "/certificates", "Certificates", &body))
    }

    pub(crate) async fn certificate_page(&self, asked: &Asked<'_>) -> Outcome {
        let now = asked.now;
        let (certificate, issuer) = self.named_certificate(asked).await?;
        let whole = WholeCertificate::new(&certificate, Some(&issuer), now);
        let shown = &whole.certificate;
        let mut all = vec![
            ("Status", badge(&shown.status)),
            ("Names", html! { (shown.identifiers.join(", ")) }),
            ("Serial number", html! { code { (shown.serial) } }),
            ("Begins", time(certificate.not_before, now)),
            ("Ends", time(certificate.not_after, now)),
            ("Order", why_link(&shown.order)),
            (
                "Account",
                html! { a.mono href=(format!("/accounts/{}", shown.account)) { (shown.account) } },
            ),
            ("Provisioner", html! { (shown.provisioner) }),
        ];
        if let Some(revocation) = &certificate.revocation {
            let reason = revocation.reason.as_str();
            all.push((
                "Revoked",
                html! { (time(revocation.at, now)) ", reason " (reason) },
            ));
        }
        let body = html! {
            section.panel aria-label="The certificate" { (facts(&all)) }
            @if can_be_revoked(&certificate) {
                div.actions {
                    (question_link(asked, Role::Operator, &format!("/certificates/{}/revoke", certificate.id), "Revoke"))
                }
            }
            @if let Some(chain) = &whole.chain {
                details { summary { "Certificate and chain, as PEM" } pre { (chain) } }
            }
        };
        Ok(page(asked, "/certificates", "A certificate", &body))
    }

    pub(crate) async fn ask_revoke_certificate(&self, asked: &Asked<'_>) -> Outcome {
        let (certificate, _) = self.named_certificate(asked).await?;
        let path = format!("/certificates/{}", certificate.id);
        let body = question(
            asked,
            &format!("{path}/revoke"),
            &reasons(&certificate),
            "Revoke the certificate",
            &path,
        );
        Ok(page(asked, "/certificates", "Revoke a certificate?", &body))
    }

    pub(crate) async fn revoke_certificate_page(&self, asked: &Asked<'_>) -> Outcome {
        let word = asked.request.field("reason").unwrap_or_default();
        let mut all = RevocationReason::ALL.iter();
        let reason = all.find(|reason| reason.as_str() == word);
        let reason = reason.ok_or_else(|| Refusal::malformed("choose a reason"))?;
        let certificate = self.revoked_certificate(asked, *reason).await?;
        Ok(Answer::see(&format!("/certificates/{}", certificate.id)))
    }
}

/// What the form's choices ask for.
fn filter(asked: &Asked<'_>) -> Result<CertificateFilter, Refusal> {
    let query = &asked.query;
    let mut filter = CertificateFilter {
        identifier: query.text("name").map(identifier).transpose()?,
        account_id: query.value("account")?,
        ..CertificateFilter::default()
    };
    let days = |days: u64| asked.now.plus(Duration::from_secs(days * 86_400));
    match query.text("show") {
        Some("7d") => filter.expires_before = Some(days(7)),
        Some("30d") => filter.expires_before = Some(days(30)),
        Some("revoked") => filter.revoked = Some(true),
        _ => {}
    }
    Ok(filter)
}

const fn can_be_revoked(certificate: &Certificate) -> bool {
    certificate.der.is_some() && certificate.revocation.is_none()
}

fn reasons(certificate: &Certificate) -> Markup {
    let names: Vec<_> = certificate
        .identifiers
        .iter()
        .map(ToString::to_string)
        .collect();
    html! {
        p {
            "Revoke the certificate of " strong { (names.join(", ")) } ", serial number "
            code { (certificate.serial) } "? This cannot be undone: whoever uses it needs a new one."
        }
        div {
            label for="reason" { "Reason" }
            select #reason name="reason" {
                @for reason in RevocationReason::ALL {
                    option value=(reason.as_str()) { (reason.as_str()) }
                }
            }
        }
    }
}
