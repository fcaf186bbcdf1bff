//! Orders as they are shown.

use acme_core::{Order, OrderState};
use acme_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ShownProblem;

/// An order.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownOrder {
    /// Its id.
    pub(crate) id: String,
    /// Its account.
    pub(crate) account: String,
    /// Its provisioner.
    pub(crate) provisioner: String,
    /// `pending`, `ready`, `processing`, `valid` or `invalid`.
    pub(crate) status: String,
    /// What is to be certified.
    pub(crate) identifiers: Vec<String>,
    /// Its profile.
    pub(crate) profile: Option<String>,
    /// What it rests on.
    pub(crate) authorizations: Vec<String>,
    /// Its certificate.
    pub(crate) certificate: Option<String>,
    /// Why it is invalid.
    pub(crate) error: Option<ShownProblem>,
    /// When it was opened.
    pub(crate) created_at: String,
    /// When it ends unless it is done by then.
    pub(crate) expires_at: String,
}

impl ShownOrder {
    pub(crate) fn new(order: &Order, now: Timestamp) -> Self {
        let state = order.state_at(now);
        let (certificate, error) = match &state {
            OrderState::Pending | OrderState::Ready => (None, None),
            OrderState::Processing { certificate_id } | OrderState::Valid { certificate_id } => {
                (Some(certificate_id.to_string()), None)
            }
            OrderState::Invalid { error } => (None, Some(error.into())),
        };
        Self {
            id: order.id.to_string(),
            account: order.account_id.to_string(),
            provisioner: order.provisioner.to_string(),
            status: state.status().as_str().to_owned(),
            identifiers: order.identifiers.iter().map(ToString::to_string).collect(),
            profile: order.profile.as_ref().map(ToString::to_string),
            authorizations: order
                .authorizations
                .iter()
                .map(ToString::to_string)
                .collect(),
            certificate,
            error,
            created_at: order.created_at.to_string(),
            expires_at: order.expires_at.to_string(),
        }
    }
}
