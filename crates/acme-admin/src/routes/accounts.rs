//! Accounts.

use acme_core::{Account, AccountFilter, AccountVerdict, Page, Role};
use acme_types::AccountId;
use hyper::Method;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::query::{CURSOR, LIMIT, Parameter};
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::{Listed, ShownAccount};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/accounts",
        role: Some(Role::Viewer),
        summary: "Accounts, newest first",
        query: &[
            CURSOR,
            LIMIT,
            Parameter::text("provisioner", "Only those of this provisioner"),
            Parameter {
                name: "status",
                means: "Only those of this status",
                words: &["valid", "deactivated", "revoked"],
            },
        ],
        body: None,
        answer: Content::Json(shape::<Listed<ShownAccount>>),
        does: |desk, asked| Box::pin(desk.accounts(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/accounts/{account}",
        role: Some(Role::Viewer),
        summary: "An account",
        query: &[],
        body: None,
        answer: Content::Json(shape::<ShownAccount>),
        does: |desk, asked| Box::pin(desk.account(asked)),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/accounts/{account}/deactivate",
        role: Some(Role::Operator),
        summary: "Ends an account, and all that it has pending",
        query: &[],
        body: None,
        answer: Content::Json(shape::<ShownAccount>),
        does: |desk, asked| Box::pin(desk.deactivate_account(asked)),
    },
];

impl Desk {
    async fn accounts(&self, asked: &Asked<'_>) -> Outcome {
        let found = self.found_accounts(asked).await?;
        Ok(Answer::json(&Listed::new("accounts", found, |account| {
            ShownAccount::from(account)
        })))
    }

    /// The page of accounts that the query asks for.
    pub(crate) async fn found_accounts(&self, asked: &Asked<'_>) -> Result<Page<Account>, Refusal> {
        let query = &asked.query;
        let filter = AccountFilter {
            provisioner: query.value("provisioner")?,
            status: query.value("status")?,
        };
        let (after, limit) = (query.after("accounts")?, query.limit()?);
        let store = &self.services.store;
        Ok(store
            .find_accounts(&filter, after.as_deref(), limit)
            .await?)
    }

    async fn account(&self, asked: &Asked<'_>) -> Outcome {
        let id: AccountId = asked.id("account")?;
        let found = self.services.store.find_account(&id).await?;
        let account = found.ok_or_else(|| Refusal::not_found("account", id.as_str()))?;
        Ok(Answer::json(&ShownAccount::from(&account)))
    }

    async fn deactivate_account(&self, asked: &Asked<'_>) -> Outcome {
        asked.request.expect_no_body()?;
        let id: AccountId = asked.id("account")?;
        let (store, origin) = (&self.services.store, self.origin(asked));
        let found = store.find_account(&id).await?;
        let before = found.ok_or_else(|| Refusal::not_found("account", id.as_str()))?;
        match store.deactivate_account(&id, asked.now, &origin).await? {
            AccountVerdict::Done(account) => Ok(Answer::json(&ShownAccount::from(&account))),
            AccountVerdict::Gone => Err(Refusal::Conflict(format!(
                "the account is {} already",
                before.status.as_str()
            ))),
        }
    }
}
