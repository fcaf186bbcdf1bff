//! What the worker counts: attempts, what became of them, and how late they began.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use acme_core::{Challenge, ChallengeState, Claim, Finding, Observation, Phase};
use acme_types::{ChallengeKind, ProvisionerName};
use metrics::{Counter, Histogram, counter, histogram};

use crate::metrics::{ATTEMPT_SECONDS, ATTEMPTS, AUTHORIZATIONS, EXHAUSTED, LATENESS, SUPERSEDED};

const PHASES: usize = Phase::ALL.len();
const FINDINGS: usize = Finding::ALL.len();

/// The counters of one worker.
pub(super) struct Meters {
    /// By type of challenge, finding and phase; made when they are first needed.
    attempts: Vec<OnceLock<Counter>>,
    seconds: Vec<Histogram>,
    lateness: Histogram,
    exhausted: Counter,
    superseded: Counter,
    /// Valid and invalid, by provisioner.
    settled: Mutex<HashMap<ProvisionerName, [Counter; 2]>>,
}

impl Meters {
    pub(super) fn new() -> Self {
        let kinds = ChallengeKind::ALL;
        let attempts = (0..kinds.len() * FINDINGS * PHASES).map(|_| OnceLock::new());
        let seconds = kinds
            .iter()
            .map(|kind| histogram!(ATTEMPT_SECONDS.name, "challenge" => kind.as_str()));
        Self {
            attempts: attempts.collect(),
            seconds: seconds.collect(),
            lateness: histogram!(LATENESS.name),
            exhausted: counter!(EXHAUSTED.name),
            superseded: counter!(SUPERSEDED.name),
            settled: Mutex::default(),
        }
    }

    /// An attempt was made.
    pub(super) fn attempted(&self, claim: &Claim, observation: &Observation) {
        let lateness = claim.in_flight.started_at.since(claim.due_at);
        self.lateness.record(lateness);
        let kind = position(ChallengeKind::ALL, &claim.kind);
        let finding = position(Finding::ALL, &observation.finding);
        let phase = position(Phase::ALL, &observation.phase);
        if let Some(seconds) = self.seconds.get(kind) {
            seconds.record(observation.took);
        }
        if let Some(counter) = self
            .attempts
            .get((kind * FINDINGS + finding) * PHASES + phase)
        {
            let make = || {
                counter!(
                    ATTEMPTS.name,
                    "challenge" => claim.kind.as_str(),
                    "finding" => observation.finding.as_str(),
                    "phase" => observation.phase.as_str(),
                )
            };
            counter.get_or_init(make).increment(1);
        }
    }

    /// An attempt was recorded, and this is the challenge after it.
    pub(super) fn recorded(&self, provisioner: &ProvisionerName, challenge: &Challenge) {
        match &challenge.state {
            ChallengeState::Valid { .. } => self.settled(provisioner, 0),
            ChallengeState::Invalid { .. } => self.settled(provisioner, 1),
            ChallengeState::Processing { retry, .. } if !retry.is_armed() => {
                self.exhausted.increment(1);
            }
            ChallengeState::Pending | ChallengeState::Processing { .. } => {}
        }
    }

    /// An attempt came too late to count.
    pub(super) fn superseded(&self) {
        self.superseded.increment(1);
    }

    fn settled(&self, provisioner: &ProvisionerName, outcome: usize) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = settled.get(provisioner) {
            counters[outcome].increment(1);
            return;
        }
        let counters = ["valid", "invalid"].map(|outcome| {
            let name = provisioner.as_str().to_owned();
            counter!(AUTHORIZATIONS.name, "provisioner" => name, "outcome" => outcome)
        });
        counters[outcome].increment(1);
        settled.insert(provisioner.clone(), counters);
    }
}

fn position<T: PartialEq>(all: &[T], one: &T) -> usize {
    // Every one is among all of them.
    all.iter()
        .position(|other| other == one)
        .unwrap_or_default()
}
