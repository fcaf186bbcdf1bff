//! Leases: the right of one process to act for a slot, told apart by epochs.

use std::sync::atomic::{AtomicI64, Ordering};

use acme_types::{Slot, Timestamp};
use serde::{Deserialize, Serialize};

/// Counts how often a slot's lease was taken. Every write of a worker names it: once the epoch has
/// moved on, what an older holder writes changes nothing.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// The lease of a slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The slot.
    pub slot: Slot,
    /// How often it was taken.
    pub epoch: Epoch,
    /// A random name of the process that holds it; empty when it was handed back.
    pub holder: String,
    /// When it runs out unless it is renewed.
    pub expires_at: Timestamp,
}

/// The answer to a process that wants a slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LeaseVerdict {
    /// It has it, under this epoch.
    Taken(Lease),
    /// Another process holds it.
    Held(Lease),
}

/// The slot for which this process acts, and the epoch under which it does right now: shared by
/// everything in the process that writes to the store.
///
/// A process that lost its lease (it was paused for too long) may take it again; the epoch is then
/// another one.
#[derive(Debug)]
pub struct Tenure {
    slot: Slot,
    epoch: AtomicI64,
}

impl Tenure {
    /// Acting for `slot` under `epoch`.
    #[must_use]
    pub const fn new(slot: Slot, epoch: Epoch) -> Self {
        Self {
            slot,
            epoch: AtomicI64::new(epoch.0),
        }
    }

    /// The slot.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The epoch of the lease that was taken last.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// The lease was taken again.
    pub fn renew(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }
}
