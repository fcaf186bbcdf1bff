//! What an act may do with leases, and with small things kept by name.

use acme_core::Lease;
use acme_types::{Slot, Timestamp};

use crate::act::Outcome;

/// Leases, and small things kept by name.
pub trait LeaseRows {
    /// The time by which leases run out: the engine's own when replicas share it, else `now`.
    fn lease_clock(&mut self, now: Timestamp) -> impl Future<Output = Outcome<Timestamp>> + Send;

    /// The lease of a slot.
    fn lease(&mut self, slot: Slot) -> impl Future<Output = Outcome<Option<Lease>>> + Send;

    /// The lease of a slot, held against other writers until the transaction ends.
    fn lock_lease(&mut self, slot: Slot) -> impl Future<Output = Outcome<Option<Lease>>> + Send;

    /// Adds a slot's first lease; false when there is one already.
    fn insert_lease(&mut self, lease: &Lease) -> impl Future<Output = Outcome<bool>> + Send;

    /// Replaces a lease that is locked.
    fn set_lease(&mut self, lease: &Lease) -> impl Future<Output = Outcome<()>> + Send;

    /// Every lease, by slot.
    fn leases(&mut self) -> impl Future<Output = Outcome<Vec<Lease>>> + Send;

    /// What is kept under a name.
    fn meta(&mut self, name: &str) -> impl Future<Output = Outcome<Option<Vec<u8>>>> + Send;

    /// Keeps a value under a name unless there is one.
    fn insert_meta(&mut self, name: &str, value: &[u8])
    -> impl Future<Output = Outcome<()>> + Send;
}
