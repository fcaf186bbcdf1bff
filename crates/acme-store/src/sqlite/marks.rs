//! Which attempts are being made, known to all connections of the one process that uses the file.
//!
//! The mark of a claim need not outlive its process: an attempt that dies with it is due again. So a
//! claim by the worker writes nothing, and an attempt costs one write, that of its outcome.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use acme_core::{Challenge, ChallengeState, InFlight};
use acme_types::ChallengeId;

use crate::rows::Counters;

/// The marks, by challenge. What is in the row as well is the same there.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<HashMap<ChallengeId, InFlight>>);

impl Marks {
    fn all(&self) -> MutexGuard<'_, HashMap<ChallengeId, InFlight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a mark, or takes it away; returns what was there.
    pub(crate) fn set(&self, id: &ChallengeId, mark: Option<InFlight>) -> Option<InFlight> {
        let mut all = self.all();
        match mark {
            Some(mark) => all.insert(id.clone(), mark),
            None => all.remove(id),
        }
    }

    /// The mark of a challenge.
    pub(crate) fn get(&self, id: &ChallengeId) -> Option<InFlight> {
        self.all().get(id).copied()
    }

    /// How many there are. One whose time is over stays until the next one comes: that must have
    /// another number.
    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }

    /// A challenge as it is, given what its row says.
    pub(crate) fn add_to(&self, challenge: &mut Challenge, counters: &mut Counters) {
        if let ChallengeState::Processing { retry, in_flight } = &mut challenge.state
            && let Some(mark) = self.get(&challenge.id)
        {
            retry.last_attempt = retry.last_attempt.max(Some(mark.started_at));
            counters.claims = counters.claims.max(mark.number);
            *in_flight = Some(mark);
        }
    }
}
