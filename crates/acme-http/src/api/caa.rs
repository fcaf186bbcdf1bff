//! The second look at CAA records, for authorizations that are old when their order is finalized
//! ([RFC 8659 § 3](https://www.rfc-editor.org/rfc/rfc8659#section-3)).

use std::sync::Arc;

use acme_core::{CaaCheck, CaaMode, Finding, Judgement, Observation, Order, Provisioner};
use acme_types::{Problem, ProblemKind, RawIdentifier, Subproblem, Timestamp};
use hyper::header::RETRY_AFTER;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::Api;
use crate::failure::Failure;

/// How many names are looked at together.
const AT_ONCE: usize = 16;
/// Seconds after which a client should finalize again when the records could not be looked up.
const RETRY_AFTER_SECS: u64 = 10;

impl Api {
    /// Looks at the records of those names whose proof is old; a refusal leaves the order as it is.
    pub(super) async fn recheck_caa(
        &self,
        provisioner: &Provisioner,
        order: &Order,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if provisioner.caa == CaaMode::Off {
            return Ok(());
        }
        let mut authorizations = Vec::with_capacity(order.authorizations.len());
        for id in &order.authorizations {
            let found = self.services.store.find_authorization(id).await?;
            authorizations.extend(found.map(|(authorization, _)| authorization));
        }
        let urls = self
            .linker
            .account_urls(&provisioner.name, &order.account_id);
        let checks = CaaCheck::due(provisioner, order, &authorizations, &urls, now);
        let mut failed = Vec::new();
        for checks in checks.chunks(AT_ONCE) {
            failed.extend(self.look(checks).await?);
        }
        verdict(failed, provisioner)
    }

    /// What was seen of those names that are not permitted.
    async fn look(&self, checks: &[CaaCheck]) -> Result<Vec<(CaaCheck, Observation)>, Failure> {
        let mut looks = JoinSet::new();
        for check in checks.iter().cloned() {
            let validator = Arc::clone(&self.services.validator);
            let look = async move {
                let observation = validator.check_caa(&check).await;
                (check, observation)
            };
            looks.spawn(look.in_current_span());
        }
        let mut failed = Vec::new();
        while let Some(looked) = looks.join_next().await {
            let (check, observation) =
                looked.map_err(|_| Failure::Bug("a look at CAA records has panicked"))?;
            tracing::info!(
                identifier = %check.identifier,
                finding = observation.finding.as_str(),
                "CAA records looked at again: {}",
                observation.detail
            );
            if observation.finding != Finding::Proof {
                failed.push((check, observation));
            }
        }
        failed.sort_by(|(a, _), (b, _)| a.identifier.cmp(&b.identifier));
        Ok(failed)
    }
}

/// A refusal ends the request; what could not be looked up may be asked again.
fn verdict(failed: Vec<(CaaCheck, Observation)>, provisioner: &Provisioner) -> Result<(), Failure> {
    let is_final = |observation: &Observation| {
        observation.finding.judge(&provisioner.retry) == Judgement::Contradiction
    };
    let refused = failed.iter().any(|(_, observation)| is_final(observation));
    let told: Vec<_> = failed
        .into_iter()
        .filter(|(_, observation)| is_final(observation) == refused)
        .map(|(check, observation)| Subproblem {
            kind: observation.finding.problem_kind(),
            detail: observation.detail,
            identifier: Some(RawIdentifier::from(check.identifier)),
        })
        .collect();
    let Some(first) = told.first() else {
        return Ok(());
    };
    if refused {
        let problem = Problem::new(ProblemKind::Caa, first.detail.clone());
        return Err(problem.with_subproblems(told).into());
    }
    let detail = format!("{}; finalize the order again", first.detail);
    let problem = Problem::new(first.kind, detail).with_status(503);
    Err(Failure::ClientWith(
        Box::new(problem.with_subproblems(told)),
        RETRY_AFTER,
        RETRY_AFTER_SECS.to_string(),
    ))
}
