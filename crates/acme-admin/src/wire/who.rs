//! Operators as they are shown.

use acme_core::Operator;
use acme_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who asks.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WhoAmI {
    /// The operator's name.
    pub(crate) name: String,
    /// `viewer`, `operator` or `admin`.
    pub(crate) role: String,
    /// `token`, `session` or `certificate`.
    pub(crate) proof: String,
    /// When the proof runs out.
    pub(crate) until: String,
    /// What requests of a session that change something carry in `X-CSRF-Token`.
    pub(crate) csrf: Option<String>,
    /// The server's version.
    pub(crate) version: String,
}

/// An operator.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownOperator {
    /// The name.
    pub(crate) name: String,
    /// `viewer`, `operator` or `admin`.
    pub(crate) role: String,
    /// `active`, `expired` or `revoked`.
    pub(crate) status: String,
    /// When they were made one.
    pub(crate) created_at: String,
    /// When they stop being one by themselves; absent for never.
    pub(crate) expires_at: Option<String>,
    /// When they were revoked.
    pub(crate) revoked_at: Option<String>,
}

impl ShownOperator {
    pub(crate) fn new(operator: &Operator, now: Timestamp) -> Self {
        let status = if operator.revoked_at.is_some() {
            "revoked"
        } else if operator.may_act(now) {
            "active"
        } else {
            "expired"
        };
        Self {
            name: operator.name.to_string(),
            role: operator.role.to_string(),
            status: status.to_owned(),
            created_at: operator.created_at.to_string(),
            expires_at: operator.expires_at.map(|at| at.to_string()),
            revoked_at: operator.revoked_at.map(|at| at.to_string()),
        }
    }
}
