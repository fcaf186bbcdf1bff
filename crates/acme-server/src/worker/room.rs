//! Room for attempts: so many at once, so many against one target, so many for one account, so
//! that a target that hangs cannot keep the others from their turn.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acme_core::Claim;
use acme_types::{Identifier, Thumbprint};
use tokio::sync::Notify;

use super::WorkerLimits;

/// The room of one worker. Clones share it.
#[derive(Clone)]
pub(super) struct Room(Arc<Shared>);

struct Shared {
    limits: WorkerLimits,
    taken: Mutex<Taken>,
    emptied: Notify,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_target: HashMap<Identifier, usize>,
    by_account: HashMap<Thumbprint, usize>,
}

/// The place of one running attempt; dropping it makes room.
pub(super) struct Place {
    shared: Arc<Shared>,
    target: Identifier,
    account: Thumbprint,
}

impl Room {
    pub(super) fn new(limits: &WorkerLimits) -> Self {
        Self(Arc::new(Shared {
            limits: *limits,
            taken: Mutex::default(),
            emptied: Notify::new(),
        }))
    }

    /// How many more attempts may start.
    pub(super) fn free(&self) -> usize {
        self.0.limits.attempts.saturating_sub(self.0.taken().all)
    }

    /// A place for a claimed attempt, unless its target or its account has as many as it may. The
    /// limit on all attempts is kept by claiming no more than there is room for; the few that
    /// requests claim at the same moment may go over it.
    pub(super) fn enter(&self, claim: &Claim) -> Option<Place> {
        let Shared { limits, .. } = &*self.0;
        let mut taken = self.0.taken();
        let at_target = taken.by_target.get(&claim.identifier).copied().unwrap_or(0);
        let of_account = taken
            .by_account
            .get(&claim.thumbprint)
            .copied()
            .unwrap_or(0);
        if at_target >= limits.attempts_per_target || of_account >= limits.attempts_per_account {
            return None;
        }
        taken.all += 1;
        *taken.by_target.entry(claim.identifier.clone()).or_default() += 1;
        *taken.by_account.entry(claim.thumbprint).or_default() += 1;
        Some(Place {
            shared: Arc::clone(&self.0),
            target: claim.identifier.clone(),
            account: claim.thumbprint,
        })
    }

    /// Returns when no attempt is running.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.0.taken().all == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // The counts stay right whatever happened to another holder: nothing in between can fail.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shared.taken();
        taken.all -= 1;
        leave(&mut taken.by_target, &self.target);
        leave(&mut taken.by_account, &self.account);
        if taken.all == 0 {
            self.shared.emptied.notify_waiters();
        }
    }
}

fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
