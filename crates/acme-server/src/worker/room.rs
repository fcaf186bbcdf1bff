//! Room for attempts: so many probes at once, so many against one target, so many for one account,
//! so that a target that hangs cannot keep the others from their turn.
//!
//! A probe that is over makes room for the next one before it is recorded: commits take their time,
//! and the network can be asked meanwhile.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acme_core::Claim;
use acme_types::{Identifier, Thumbprint};
use tokio::sync::Notify;

use super::WorkerLimits;

/// Attempts that may be in hand for each that may ask the network: what is seen and not recorded yet
/// is kept in memory.
const IN_HAND: usize = 4;

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
    // Attempts that are not recorded yet, and those of them whose probe is not over.
    in_hand: usize,
    probing: usize,
    by_target: HashMap<Identifier, usize>,
    by_account: HashMap<Thumbprint, usize>,
}

/// The place of one attempt, until it is recorded; dropping it makes room.
pub(super) struct Place {
    shared: Arc<Shared>,
    // What it counts for while it asks the network.
    probing: Option<(Identifier, Thumbprint)>,
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
        let Shared { limits, .. } = &*self.0;
        let taken = self.0.taken();
        let probes = limits.attempts.saturating_sub(taken.probing);
        let records = (limits.attempts * IN_HAND).saturating_sub(taken.in_hand);
        probes.min(records)
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
        taken.in_hand += 1;
        taken.probing += 1;
        *taken.by_target.entry(claim.identifier.clone()).or_default() += 1;
        *taken.by_account.entry(claim.thumbprint).or_default() += 1;
        Some(Place {
            shared: Arc::clone(&self.0),
            probing: Some((claim.identifier.clone(), claim.thumbprint)),
        })
    }

    /// Returns when every attempt is recorded or given back.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.0.taken().in_hand == 0 {
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

impl Place {
    /// The network is not asked any more.
    pub(super) fn probed(&mut self) {
        if let Some((target, account)) = self.probing.take() {
            let mut taken = self.shared.taken();
            taken.probing -= 1;
            leave(&mut taken.by_target, &target);
            leave(&mut taken.by_account, &account);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.probed();
        let mut taken = self.shared.taken();
        taken.in_hand -= 1;
        if taken.in_hand == 0 {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use acme_core::{EntropyRng, Epoch, InFlight};
    use acme_types::{
        AccountId, ChallengeId, ChallengeKind, Slot, Thumbprint, Timestamp, random_id,
    };
    use tokio::time::timeout;

    use super::*;
    use crate::system::SystemEntropy;

    fn claim(name: &str) -> Claim {
        let mut rng = EntropyRng(&SystemEntropy);
        let at = Timestamp::from_millis(1_000_000);
        Claim {
            challenge_id: ChallengeId::random(&mut rng),
            in_flight: InFlight {
                slot: Slot::new(0),
                epoch: Epoch(1),
                number: 1,
                started_at: at,
                until: at,
            },
            kind: ChallengeKind::Http01,
            token: random_id(&mut rng).parse().unwrap(),
            identifier: Identifier::Dns(name.parse().unwrap()),
            wildcard: false,
            account_id: AccountId::random(&mut rng),
            provisioner: "test".parse().unwrap(),
            thumbprint: Thumbprint([7; 32]),
            due_at: at,
        }
    }

    #[tokio::test]
    async fn a_probe_that_is_over_makes_room_before_it_is_recorded() {
        let room = Room::new(&WorkerLimits {
            attempts: 2,
            attempts_per_target: 1,
            ..WorkerLimits::default()
        });
        let a = claim("a.test");
        let mut first = room.enter(&a).unwrap();
        assert!(room.enter(&a).is_none(), "its target has one already");
        assert_eq!(room.free(), 1);
        first.probed();
        assert_eq!(room.free(), 2);

        let mut unrecorded = vec![first];
        for _ in 1..2 * IN_HAND {
            let mut place = room.enter(&a).unwrap();
            place.probed();
            unrecorded.push(place);
        }
        assert_eq!(room.free(), 0, "too much is not recorded");
        let empty = |within| timeout(Duration::from_millis(within), room.empty());
        assert!(empty(20).await.is_err(), "nothing is recorded");
        unrecorded.clear();
        assert_eq!(room.free(), 2);
        empty(1000).await.unwrap();
        assert!(room.0.taken().by_target.is_empty());
    }
}
