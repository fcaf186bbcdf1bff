//! What an act may do with the audit trail.

use acme_core::{AuditClass, AuditEntry, ChainHead};
use acme_types::{Slot, Timestamp};

use crate::act::Outcome;

/// A place in the list of all entries, newest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditCursor {
    /// When the entry was written.
    pub at: Timestamp,
    /// The chain.
    pub chain: String,
    /// The entry's number.
    pub number: u64,
}

impl AuditCursor {
    /// The text that a caller hands back.
    pub(crate) fn to_text(&self) -> String {
        format!("{}.{}.{}", self.at.as_millis(), self.number, self.chain)
    }

    /// Reads such a text; none when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        Some(Self {
            at: Timestamp::from_millis(parts.next()?.parse().ok()?),
            number: parts.next()?.parse().ok()?,
            chain: parts.next()?.to_owned(),
        })
    }
}

/// Chains and their entries.
pub trait AuditRows {
    /// The head of a chain of an owner and a class, held against other writers; one that nobody
    /// holds, where there are several. It is the last thing that an act locks.
    fn lock_audit_head(
        &mut self,
        owner: Option<Slot>,
        class: AuditClass,
    ) -> impl Future<Output = Outcome<ChainHead>> + Send;

    /// Adds an entry to a chain whose head is locked, and sets the head.
    fn append_audit(
        &mut self,
        entry: &AuditEntry,
        head: &ChainHead,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Every head, by chain.
    fn audit_heads(&mut self) -> impl Future<Output = Outcome<Vec<ChainHead>>> + Send;

    /// Entries of a chain after a number, by number.
    fn audit_chain(
        &mut self,
        chain: &str,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<AuditEntry>>> + Send;

    /// Entries of all chains, newest first.
    fn audit(
        &mut self,
        after: Option<&AuditCursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<AuditEntry>>> + Send;

    /// Removes the first entries of the chains of a class that were written before a time, and moves
    /// the anchors; returns how many.
    fn prune_audit(
        &mut self,
        class: AuditClass,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
}

/// The name of a chain.
pub(crate) fn chain_name(owner: Option<Slot>, class: AuditClass, lane: i16) -> String {
    match owner {
        Some(slot) => format!("{slot}.{}.{lane}", class.as_str()),
        None => format!("command.{}.{lane}", class.as_str()),
    }
}
