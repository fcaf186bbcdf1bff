//! `order list|show`: what accounts have asked for, and how far it got.

use acme_core::OrderState;
use acme_types::{AccountId, OrderId, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use super::{collect, id_of, more};
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns, facts};

/// Lists and shows orders
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    List(List),
    Show(Show),
}

/// Lists the orders of an account that are not invalid, the newest first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// The account's id, or its URL
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
    /// Show at most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Shows an order with its authorizations and challenges
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The order's id, or its URL
    #[arg(value_name = "ORDER")]
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Order {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or there is no such order.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::List(list) => output.print(&list.orders()?),
            Self::Show(show) => output.print(&show.order()?),
        }
    }
}

impl List {
    fn orders(self) -> Result<Orders, Failure> {
        with_store(&self.config, async |store, now| {
            let missing = || Failure::failed(format!("there is no account {}", self.account));
            let account: AccountId = id_of(&self.account).parse().map_err(|_| missing())?;
            if store.find_account(&account).await?.is_none() {
                return Err(missing());
            }
            let page = async |after: Option<String>, size| {
                store
                    .list_orders(&account, after.as_deref(), size, now)
                    .await
            };
            let (ids, are_more) = collect(self.limit, page).await?;
            let mut orders = Vec::with_capacity(ids.len());
            for id in ids {
                if let Some(view) = store.find_order(&id).await? {
                    orders.push(ShownOrder::new(&view.order, now));
                }
            }
            Ok(Orders { orders, are_more })
        })
    }
}

impl Show {
    fn order(self) -> Result<WholeOrder, Failure> {
        with_store(&self.config, async |store, now| {
            let missing = || Failure::failed(format!("there is no order {}", self.id));
            let id: OrderId = id_of(&self.id).parse().map_err(|_| missing())?;
            let order = store.find_order(&id).await?.ok_or_else(missing)?.order;
            let mut authorizations = Vec::with_capacity(order.authorizations.len());
            for id in &order.authorizations {
                let Some((authorization, _)) = store.find_authorization(id).await? else {
                    continue;
                };
                let challenge = |challenge: &acme_core::Challenge| ShownChallenge {
                    id: challenge.id.to_string(),
                    kind: challenge.kind.as_str(),
                    status: challenge.state.status().as_str(),
                };
                authorizations.push(ShownAuthorization {
                    id: authorization.id.to_string(),
                    identifier: authorization.identifier.to_string(),
                    wildcard: authorization.wildcard,
                    status: authorization.status(now).as_str(),
                    challenges: authorization.challenges.iter().map(challenge).collect(),
                });
            }
            Ok(WholeOrder {
                order: ShownOrder::new(&order, now),
                authorizations,
            })
        })
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Orders {
    orders: Vec<ShownOrder>,
    #[serde(skip)]
    are_more: bool,
}

#[derive(Serialize)]
struct ShownOrder {
    id: String,
    status: &'static str,
    identifiers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    account: String,
    provisioner: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct WholeOrder {
    #[serde(flatten)]
    order: ShownOrder,
    authorizations: Vec<ShownAuthorization>,
}

#[derive(Serialize)]
struct ShownAuthorization {
    id: String,
    identifier: String,
    wildcard: bool,
    status: &'static str,
    challenges: Vec<ShownChallenge>,
}

#[derive(Serialize)]
struct ShownChallenge {
    id: String,
    kind: &'static str,
    status: &'static str,
}

impl ShownOrder {
    fn new(order: &acme_core::Order, now: Timestamp) -> Self {
        let state = order.state_at(now);
        let (certificate, error) = match &state {
            OrderState::Pending | OrderState::Ready => (None, None),
            OrderState::Processing { certificate_id } | OrderState::Valid { certificate_id } => {
                (Some(certificate_id.to_string()), None)
            }
            OrderState::Invalid { error } => (None, Some(error.detail.clone())),
        };
        Self {
            id: order.id.to_string(),
            status: state.status().as_str(),
            identifiers: order.identifiers.iter().map(ToString::to_string).collect(),
            profile: order.profile.as_ref().map(ToString::to_string),
            account: order.account_id.to_string(),
            provisioner: order.provisioner.to_string(),
            created_at: order.created_at,
            expires_at: order.expires_at,
            certificate,
            error,
        }
    }
}

impl Report for Orders {
    fn text(&self) -> String {
        if self.orders.is_empty() {
            return "The account has no orders.\n".to_owned();
        }
        let row = |order: &ShownOrder| {
            [
                order.id.clone(),
                order.status.to_owned(),
                order.created_at.to_string(),
                order.identifiers.join(" "),
            ]
        };
        let rows: Vec<_> = self.orders.iter().map(row).collect();
        let table = columns(["ORDER", "STATUS", "CREATED", "IDENTIFIERS"], &rows);
        table + &more(rows.len(), self.are_more)
    }
}

impl Report for WholeOrder {
    fn text(&self) -> String {
        let order = &self.order;
        let mut text = facts(&[
            ("Order", order.id.clone()),
            ("Status", order.status.to_owned()),
            ("Error", order.error.clone().unwrap_or_default()),
            ("Identifiers", order.identifiers.join(" ")),
            ("Profile", order.profile.clone().unwrap_or_default()),
            ("Certificate", order.certificate.clone().unwrap_or_default()),
            ("Account", order.account.clone()),
            ("Provisioner", order.provisioner.clone()),
            ("Created", order.created_at.to_string()),
            ("Expires", order.expires_at.to_string()),
        ]);
        for authorization in &self.authorizations {
            let wildcard = if authorization.wildcard { "*." } else { "" };
            text += &format!(
                "\n{wildcard}{}: authorization {} is {}\n",
                authorization.identifier, authorization.id, authorization.status
            );
            for challenge in &authorization.challenges {
                text += &format!(
                    "  {:<12} {}  {}\n",
                    challenge.kind, challenge.id, challenge.status
                );
            }
        }
        text
    }
}
