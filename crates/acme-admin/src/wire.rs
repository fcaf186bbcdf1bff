//! The JSON of the admin API: what is asked and what is answered.

mod account;
mod audit;
mod authorization;
mod certificate;
mod key;
mod order;
mod page;
mod slot;
mod who;

pub(crate) use account::ShownAccount;
pub(crate) use audit::ShownEntry;
pub(crate) use authorization::{
    ShownAuthorization, ShownProcessing, WholeAuthorization, WholeChallenge,
};
pub(crate) use certificate::{RevokeRequest, ShownCertificate, WholeCertificate};
pub(crate) use key::{NewKey, NewKeyRequest, ShownKey};
pub(crate) use order::ShownOrder;
pub(crate) use page::Listed;
pub(crate) use slot::{Draining, ShownSlot};
pub(crate) use who::{ShownOperator, WhoAmI};

use acme_types::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An ACME problem, as clients were told it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownProblem {
    /// Its URN.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What is wrong.
    pub(crate) detail: String,
}

impl From<&Problem> for ShownProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: problem.kind.urn().to_owned(),
            detail: problem.detail.clone(),
        }
    }
}
