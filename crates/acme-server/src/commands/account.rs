//! `account list|show`: who may ask for certificates.

use acme_types::{AccountId, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use super::{collect, id_of, more};
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns, facts};

/// Lists and shows accounts
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    List(List),
    Show(Show),
}

/// Lists accounts, the newest first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Show at most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Shows one account
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The account's id, or its URL
    #[arg(value_name = "ACCOUNT")]
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Account {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or there is no such account.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let accounts = with_store(&list.config, async |store, _| {
                    let page = async |after: Option<String>, size| {
                        store.list_accounts(after.as_deref(), size).await
                    };
                    let (accounts, are_more) = collect(list.limit, page).await?;
                    let accounts = accounts.into_iter().map(ShownAccount::from).collect();
                    Ok(Accounts { accounts, are_more })
                })?;
                output.print(&accounts)
            }
            Self::Show(show) => {
                let account = with_store(&show.config, async |store, _| {
                    let missing = || Failure::failed(format!("there is no account {}", show.id));
                    let id: AccountId = id_of(&show.id).parse().map_err(|_| missing())?;
                    store.find_account(&id).await?.ok_or_else(missing)
                })?;
                output.print(&ShownAccount::from(account))
            }
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Accounts {
    accounts: Vec<ShownAccount>,
    #[serde(skip)]
    are_more: bool,
}

#[derive(Serialize)]
struct ShownAccount {
    id: String,
    provisioner: String,
    status: &'static str,
    contact: Vec<String>,
    terms_agreed: bool,
    external_account: Option<String>,
    thumbprint: String,
    created_at: Timestamp,
}

impl From<acme_core::Account> for ShownAccount {
    fn from(account: acme_core::Account) -> Self {
        Self {
            id: account.id.to_string(),
            provisioner: account.provisioner.to_string(),
            status: account.status.as_str(),
            contact: account.contact,
            terms_agreed: account.terms_agreed,
            external_account: account
                .external_account
                .map(|bound| bound.key_id.to_string()),
            thumbprint: account.thumbprint.to_string(),
            created_at: account.created_at,
        }
    }
}

impl Report for Accounts {
    fn text(&self) -> String {
        if self.accounts.is_empty() {
            return "There are no accounts.\n".to_owned();
        }
        let row = |account: &ShownAccount| {
            [
                account.id.clone(),
                account.status.to_owned(),
                account.provisioner.clone(),
                account.created_at.to_string(),
                account.contact.join(" "),
            ]
        };
        let rows: Vec<_> = self.accounts.iter().map(row).collect();
        let table = columns(
            ["ACCOUNT", "STATUS", "PROVISIONER", "CREATED", "CONTACT"],
            &rows,
        );
        table + &more(rows.len(), self.are_more)
    }
}

impl Report for ShownAccount {
    fn text(&self) -> String {
        let terms = if self.terms_agreed {
            "agreed"
        } else {
            "not agreed"
        };
        facts(&[
            ("Account", self.id.clone()),
            ("Status", self.status.to_owned()),
            ("Provisioner", self.provisioner.clone()),
            ("Contact", self.contact.join(" ")),
            ("Terms", terms.to_owned()),
            (
                "External key",
                self.external_account.clone().unwrap_or_default(),
            ),
            ("Key thumbprint", self.thumbprint.clone()),
            ("Created", self.created_at.to_string()),
        ])
    }
}
