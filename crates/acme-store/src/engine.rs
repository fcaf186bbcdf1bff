//! What an engine must do, and the one [`Store`](acme_core::Store) over all of them.

use acme_core::{Lease, NonceVerdict, SpentNonce, StoreError};
use acme_types::{Slot, Timestamp};

use crate::act::Act;

mod after;
mod audit;
mod operators;
mod records;
mod store;

/// Runs acts, each in one transaction of its own.
pub trait Engine: Send + Sync {
    /// Runs an act that only reads.
    fn read<A: Act>(&self, act: A) -> impl Future<Output = Result<A::Output, StoreError>> + Send;

    /// Runs an act that may write; what it did is durable when this returns.
    fn write<A: Act>(&self, act: A) -> impl Future<Output = Result<A::Output, StoreError>> + Send;

    /// A lease was taken: the nonces of its epoch begin.
    fn lease_taken(
        &self,
        lease: &Lease,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A lease was renewed.
    fn lease_renewed(
        &self,
        lease: &Lease,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = (lease, now);
        std::future::ready(Ok(()))
    }

    /// Tells the replica of a slot, if it is another one, that something of it may be due.
    fn wake(&self, slot: Slot) {
        let _ = slot;
    }

    /// Spends a nonce.
    fn spend_nonce(
        &self,
        nonce: SpentNonce,
        now: Timestamp,
    ) -> impl Future<Output = Result<NonceVerdict, StoreError>> + Send;

    /// Forgets spent nonces that have run out, at most `limit` where they are rows.
    fn forget_nonces(
        &self,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// A [`Store`](acme_core::Store) on one of the engines: [`crate::SqliteStore`], [`crate::PostgresStore`] or [`crate::MemoryStore`].
#[derive(Debug)]
pub struct StoreOn<E> {
    pub(crate) engine: E,
}
