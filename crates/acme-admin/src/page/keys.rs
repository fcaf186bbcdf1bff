//! External account keys: handed out to those who may make accounts.

use acme_core::Role;
use acme_types::{ExternalAccountKeyId, Timestamp};
use maud::{Markup, html};

use super::shell::{badge, facts, more, page, question, question_link, time, token};
use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::wire::{Listed, NewKeyRequest, ShownKey};

const TITLE: &str = "Account keys";

impl Desk {
    pub(crate) async fn keys_page(&self, asked: &Asked<'_>) -> Outcome {
        let (found, now) = (self.found_keys(asked).await?, asked.now);
        let listed = Listed::new("eab-keys", found, |key| {
            (ShownKey::new(key, now), key.created_at, key.expires_at)
        });
        let body = html! {
            p.soft {
                "Who is handed a key for external account binding can make an account where the provisioner asks for one."
            }
            ul.rows {
                @for (key, created_at, expires_at) in &listed.items {
                    li.row {
                        div.head {
                            h2.mono { (key.id) }
                            (badge(&key.status))
                        }
                        p {
                            "at " (key.provisioner) ", used " (key.uses)
                            @if let Some(most) = key.max_uses { " of " (most) }
                            " times, made " (time(*created_at, now))
                        }
                        @if let Some(end) = expires_at { p { "ends " (time(*end, now)) } }
                        @if !key.names.is_empty() { p { "for " (key.names.join(", ")) } }
                        @if key.status == "good" {
                            (question_link(asked, Role::Operator, &format!("/keys/{}/revoke", key.id), "Revoke"))
                        }
                    }
                }
            }
            @if listed.items.is_empty() { p.panel { "None was made." } }
            (more("/keys", &[], listed.next.as_deref()))
            @if asked.may(Role::Operator) { (form(asked)) }
        };
        Ok(page(asked, "/keys", TITLE, &body))
    }

    /// Makes a key and shows its secret, this once.
    pub(crate) async fn create_key_page(&self, asked: &Asked<'_>) -> Outcome {
        let wanted = wanted(asked)?;
        let key = self.made_key(wanted, asked).await?;
        let all = [
            ("Key id", html! { code #key-id { (key.id) } }),
            (
                "HMAC key",
                html! { code #hmac-key { (key.secret.to_base64url()) } },
            ),
            ("Provisioner", html! { (key.provisioner) }),
        ];
        let body = html! {
            p role="status" { "The key is made. Its HMAC key is shown this once: copy it now." }
            section.panel aria-label="The key" { (facts(&all)) }
            p { a href="/keys" { "All keys" } }
        };
        Ok(page(asked, "/keys", TITLE, &body))
    }

    pub(crate) async fn ask_revoke_key(&self, asked: &Asked<'_>) -> Outcome {
        let id: ExternalAccountKeyId = asked.id("key")?;
        let found = self.services.store.find_external_account_key(&id).await?;
        let key = found.ok_or_else(|| Refusal::not_found("key", id.as_str()))?;
        let told = html! {
            p { "Revoke the key " code { (key.id) } "? It makes no more accounts; accounts that it made stay." }
        };
        let action = format!("/keys/{id}/revoke");
        let body = question(asked, &action, &told, "Revoke the key", "/keys");
        Ok(page(asked, "/keys", "Revoke a key?", &body))
    }

    pub(crate) async fn revoke_key_page(&self, asked: &Asked<'_>) -> Outcome {
        self.revoked_key(asked).await?;
        Ok(Answer::see("/keys"))
    }
}

fn form(asked: &Asked<'_>) -> Markup {
    html! {
        h2 { "Make a key" }
        form.fields method="post" action="/keys" {
            (token(asked))
            div {
                label for="provisioner" { "Provisioner" }
                input #provisioner name="provisioner" value="default" required autocomplete="off";
            }
            div {
                label for="max_uses" { "How many accounts it may make " span.soft { "(empty: any number)" } }
                input #max_uses name="max_uses" inputmode="numeric" value="1" autocomplete="off";
            }
            div {
                label for="days" { "Days until it ends " span.soft { "(empty: never)" } }
                input #days name="days" inputmode="numeric" autocomplete="off";
            }
            div {
                label for="names" { "For these names only " span.soft { "(as a.example *.b.example 10.0.0.0/8; empty: all)" } }
                input #names name="names" autocomplete="off";
            }
            div.actions { button.main { "Make it" } }
        }
    }
}

/// What the form asks for.
fn wanted(asked: &Asked<'_>) -> Result<NewKeyRequest, Refusal> {
    let field = |name: &str| {
        let text = asked.request.field(name).unwrap_or_default();
        text.trim().to_owned()
    };
    let number = |name: &str| -> Result<Option<u32>, Refusal> {
        let text = field(name);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse();
        let wrong = |_| Refusal::malformed(format!("{name}: {text:?} is no whole number"));
        number.map(Some).map_err(wrong)
    };
    let names = field("names");
    let names = names
        .split([' ', ',', '\n', '\r'])
        .filter(|name| !name.is_empty());
    Ok(NewKeyRequest {
        provisioner: field("provisioner"),
        max_uses: number("max_uses")?,
        expires_at: number("days")?.map(|days| end(asked.now, days)),
        names: names.map(str::to_owned).collect(),
        profiles: Vec::new(),
    })
}

fn end(now: Timestamp, days: u32) -> Timestamp {
    now.plus(std::time::Duration::from_secs(u64::from(days) * 86_400))
}
