//! The port to a policy that is decided elsewhere: what it is asked, and what it may answer.

use acme_types::{Identifier, Problem, ProblemKind, RawIdentifier, Subproblem, Timestamp};
use async_trait::async_trait;

use crate::{Account, Csr, Order};

/// When a policy hook is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HookMoment {
    /// An order, or an authorization ahead of one, is about to be opened.
    NewOrder,
    /// A certificate is about to be signed.
    Finalize,
}

/// What a policy hook is asked. All other rules have passed, and nothing is stored yet.
#[derive(Clone, Copy, Debug)]
pub struct HookQuestion<'a> {
    /// Who asks for it.
    pub account: &'a Account,
    /// The order, as it would be or is.
    pub order: &'a Order,
    /// What is about to happen.
    pub event: HookEvent<'a>,
}

/// What is about to happen if the hook allows it.
#[derive(Clone, Copy, Debug)]
pub enum HookEvent<'a> {
    /// The order is opened.
    NewOrder,
    /// An authorization ahead of an order is opened; the order is one for its identifier, which is
    /// not opened itself.
    NewAuthorization,
    /// The certificate is signed.
    Finalize {
        /// The request with the certificate's key.
        csr: &'a Csr,
        /// First second of validity.
        not_before: Timestamp,
        /// Last second of validity, unless the issuer's own ends before.
        not_after: Timestamp,
    },
}

impl HookEvent<'_> {
    /// When this is.
    #[must_use]
    pub const fn moment(&self) -> HookMoment {
        match self {
            Self::NewOrder | Self::NewAuthorization => HookMoment::NewOrder,
            Self::Finalize { .. } => HookMoment::Finalize,
        }
    }
}

/// What a policy hook decides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HookVerdict {
    /// It may happen.
    Allow,
    /// It may not.
    Deny {
        /// Why, for the client.
        reason: String,
        /// The identifiers that are denied, each with the reason, when not the whole order is.
        identifiers: Vec<(Identifier, String)>,
    },
}

impl HookVerdict {
    /// What the client is told.
    ///
    /// # Errors
    /// `rejectedIdentifier` with the identifiers that are denied; `unauthorized` when the hook named
    /// none.
    pub fn into_result(self) -> Result<(), Problem> {
        let Self::Deny {
            reason,
            identifiers,
        } = self
        else {
            return Ok(());
        };
        let kind = if identifiers.is_empty() {
            ProblemKind::Unauthorized
        } else {
            ProblemKind::RejectedIdentifier
        };
        let detail = format!(
            "this provisioner's policy hook denies it: {reason}; ask the operator if it should not"
        );
        let subproblems = identifiers
            .into_iter()
            .map(|(identifier, detail)| Subproblem {
                kind,
                detail,
                identifier: Some(RawIdentifier::from(identifier)),
            })
            .collect();
        Err(Problem::new(kind, detail).with_subproblems(subproblems))
    }
}

/// The hook gave no answer that counts: it is away, late, or speaks nonsense. Nothing is allowed
/// then; the same may be asked again.
#[derive(Debug, thiserror::Error)]
#[error("the policy hook gave no answer that counts")]
pub struct PolicyHookError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Decides elsewhere what may be ordered and signed.
#[async_trait]
pub trait PolicyHook: Send + Sync {
    /// Asks, with no transaction open; gives up after a time of its own. A provisioner without a
    /// hook, and a moment at which it is not to be asked, are allowed.
    ///
    /// # Errors
    /// [`PolicyHookError`] when there is no answer that counts.
    async fn decide(&self, question: HookQuestion<'_>) -> Result<HookVerdict, PolicyHookError>;
}
