//! Accounts: who asks for certificates.

use acme_core::OrderFilter;
use acme_types::AccountId;
use maud::html;

use super::shell::{badge, facts, more, page, path_with, time, why_link};
use crate::answer::Outcome;
use crate::desk::Desk;
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::wire::{Listed, ShownAccount};

/// Orders that are shown with their account, the newest.
const ORDERS: u32 = 50;

impl Desk {
    pub(crate) async fn accounts_page(&self, asked: &Asked<'_>) -> Outcome {
        let found = self.found_accounts(asked).await?;
        let now = asked.now;
        let listed = Listed::new("accounts", found, |account| {
            (ShownAccount::from(account), account.created_at)
        });
        let text = |name| asked.query.text(name).unwrap_or_default();
        let (provisioner, status) = (text("provisioner"), text("status"));
        let body = html! {
            form.search method="get" action="/accounts" {
                div.wide {
                    label for="provisioner" { "Provisioner" }
                    input #provisioner name="provisioner" value=(provisioner) autocomplete="off";
                }
                div {
                    label for="status" { "Status" }
                    select #status name="status" {
                        @for word in ["", "valid", "deactivated", "revoked"] {
                            option value=(word) selected[word == status] { @if word.is_empty() { "any" } @else { (word) } }
                        }
                    }
                }
                button { "Show" }
            }
            ul.rows {
                @for (account, created_at) in &listed.items {
                    li.row {
                        div.head {
                            h2 { a.mono href=(format!("/accounts/{}", account.id)) { (account.id) } }
                            (badge(&account.status))
                        }
                        p { "at " (account.provisioner) ", made " (time(*created_at, now)) }
                        @if !account.contact.is_empty() { p.soft { (account.contact.join(", ")) } }
                    }
                }
            }
            @if listed.items.is_empty() { p.panel { "There is none here." } }
            (more("/accounts", &[("provisioner", provisioner), ("status", status)], listed.next.as_deref()))
        };
        Ok(page(asked, "/accounts", "Accounts", &body))
    }

    pub(crate) async fn account_page(&self, asked: &Asked<'_>) -> Outcome {
        let (id, now): (AccountId, _) = (asked.id("account")?, asked.now);
        let store = &self.services.store;
        let found = store.find_account(&id).await?;
        let found = found.ok_or_else(|| Refusal::not_found("account", id.as_str()))?;
        let filter = OrderFilter {
            account_id: Some(id.clone()),
            status: None,
        };
        let orders = store.find_orders(&filter, None, ORDERS, now).await?;
        let account = ShownAccount::from(&found);
        let mut all = vec![
            ("Status", badge(&account.status)),
            ("Provisioner", html! { (account.provisioner) }),
            ("Made", time(found.created_at, now)),
            ("Key's thumbprint", html! { code { (account.thumbprint) } }),
        ];
        if !account.contact.is_empty() {
            all.push(("Contact", html! { (account.contact.join(", ")) }));
        }
        if let Some(key) = &account.external_account_key {
            all.push(("Made with key", html! { code { (key) } }));
        }
        let certificates = path_with("/certificates", &[("account", id.as_str())]);
        let body = html! {
            section.panel aria-label="The account" { (facts(&all)) }
            p { a href=(certificates) { "Its certificates" } }
            h2 { "Its orders" }
            ul.rows {
                @for order in &orders.items {
                    li.row {
                        div.head {
                            (why_link(order.id.as_str()))
                            (badge(order.state_at(now).status().as_str()))
                        }
                        p { (order.identifiers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
                        p.soft { "opened " (time(order.created_at, now)) }
                    }
                }
            }
            @if orders.items.is_empty() { p.panel { "It has none." } }
            @if orders.next.is_some() { p.soft { "There are older ones; the admin API lists them all." } }
        };
        Ok(page(asked, "/accounts", "An account", &body))
    }
}
