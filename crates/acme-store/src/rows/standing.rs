//! How much is waiting.

use acme_types::{Slot, Timestamp};

use crate::act::Outcome;

/// Counts along indexes, none beyond `limit`.
pub trait StandingRows {
    /// Processing challenges of a slot with a next attempt, at `due_by` or before if that is given.
    fn count_armed(
        &mut self,
        slot: Slot,
        due_by: Option<Timestamp>,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;

    /// Processing challenges of a slot without a next attempt.
    fn count_exhausted(
        &mut self,
        slot: Slot,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;

    /// When the oldest of `limit` orders was made that are pending or ready and expire after `now`.
    fn oldest_open_order(
        &mut self,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<Option<Timestamp>>> + Send;

    /// Certificates that end after one time and not after another.
    fn count_expiring(
        &mut self,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
}
