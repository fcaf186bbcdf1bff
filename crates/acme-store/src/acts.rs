//! The acts, by what they are about.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod certificates;
pub(crate) mod finalize;
pub(crate) mod leases;
pub(crate) mod operators;
pub(crate) mod orders;
pub(crate) mod processing;
pub(crate) mod records;
pub(crate) mod renewals;
pub(crate) mod revocations;
pub(crate) mod upkeep;
pub(crate) mod validation;

mod settle;

use acme_core::{Epoch, StoreError};
use acme_types::Slot;

use crate::act::Outcome;
use crate::rows::Rows;

/// Refuses to go on for a process that has lost the lease of its slot.
async fn fence<R: Rows>(rows: &mut R, slot: Slot, epoch: Epoch) -> Outcome<()> {
    let lease = rows.lease(slot).await?;
    if lease.is_some_and(|lease| lease.epoch == epoch) {
        Ok(())
    } else {
        Err(StoreError::Fenced { slot, epoch }.into())
    }
}

/// The first `limit` of `items`, and where the next page begins when there are more. The caller
/// fetches one more than it gives.
fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> acme_core::Page<T> {
    let limit = limit as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    acme_core::Page { items, next }
}
