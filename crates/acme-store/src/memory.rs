//! The in-memory engine, for simulation and tests: no thread, no file, no clock of its own, and the
//! same answers to the same calls every time.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use acme_core::{
    Account, Attempt, AuditEntry, Certificate, ChainHead, ExternalAccountKey, Issuer, Lease,
    NonceVerdict, Operator, OperatorName, Order, Proof, ProofDigest, PublishedCrl, RevocationEntry,
    SpentNonce, StoreError,
};
use acme_types::{
    AccountId, AuthorizationId, CertificateId, ChallengeId, ExternalAccountKeyId, OrderId, Slot,
    Timestamp,
};

use crate::act::{Act, at_once};
use crate::engine::{Engine, StoreOn};
use crate::nonces::SpentNonces;
use crate::rows::Tracked;

/// A store in memory, shared by as many replicas as hold a reference to it. Leases run out by the
/// `now` of the calls.
pub type MemoryStore = StoreOn<Memory>;

/// The in-memory engine; see [`MemoryStore`].
#[derive(Debug, Default)]
pub struct Memory {
    tables: Mutex<Tables>,
}

/// What is kept. Everything is ordered, so that nothing depends on a hash.
#[derive(Debug, Default)]
struct Tables {
    meta: BTreeMap<String, Vec<u8>>,
    leases: BTreeMap<Slot, Lease>,
    nonces: SpentNonces,
    accounts: BTreeMap<AccountId, Account>,
    external_keys: BTreeMap<ExternalAccountKeyId, ExternalAccountKey>,
    orders: BTreeMap<OrderId, Order>,
    authorizations: BTreeMap<AuthorizationId, Tracked>,
    authorization_of: BTreeMap<ChallengeId, AuthorizationId>,
    attempts: BTreeMap<ChallengeId, Vec<Attempt>>,
    issuers: BTreeMap<[u8; 32], Issuer>,
    certificates: BTreeMap<CertificateId, Kept>,
    revisions: BTreeMap<[u8; 32], u64>,
    revocations: BTreeMap<([u8; 32], u64), RevocationEntry>,
    crls: BTreeMap<[u8; 32], PublishedCrl>,
    blocked_keys: BTreeSet<[u8; 32]>,
    operators: BTreeMap<OperatorName, Operator>,
    proofs: BTreeMap<ProofDigest, Proof>,
    audit_heads: BTreeMap<String, ChainHead>,
    audit: BTreeMap<(String, u64), AuditEntry>,
}

/// A certificate and who is about to sign it.
#[derive(Debug)]
struct Kept {
    certificate: Certificate,
    signing_slot: Option<Slot>,
}

impl StoreOn<Memory> {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for StoreOn<Memory> {
    fn default() -> Self {
        Self {
            engine: Memory::default(),
        }
    }
}

impl Memory {
    fn with<T>(&self, act: impl FnOnce(&mut Tables) -> T) -> T {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut tables)
    }

    /// Acts decide before they write, so one that fails has left nothing to be undone.
    fn run<A: Act>(&self, act: &A) -> Result<A::Output, StoreError> {
        self.with(|tables| at_once(act.run(tables)))
            .map_err(|fault| fault.into_store_error(A::WHAT))
    }
}

impl Engine for Memory {
    async fn read<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        self.run(&act)
    }

    async fn write<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        self.run(&act)
    }

    async fn lease_taken(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        self.with(|tables| tables.nonces.begin(lease.slot, lease.epoch, now));
        Ok(())
    }

    async fn spend_nonce(
        &self,
        nonce: SpentNonce,
        now: Timestamp,
    ) -> Result<NonceVerdict, StoreError> {
        Ok(self.with(|tables| tables.nonces.spend(nonce, now)))
    }

    async fn forget_nonces(&self, _: u32, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.with(|tables| tables.nonces.forget(now)))
    }
}
