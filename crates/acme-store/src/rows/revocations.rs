//! What an act may do with the logs of revocations and the lists made from them.

use acme_core::{IssuerId, PublishedCrl, RevocationEntry, Serial};
use acme_types::{Thumbprint, Timestamp};

use crate::act::Outcome;

/// Logs of revocations, revocation lists, and blocked keys.
pub trait RevocationRows {
    /// Adds an issuer's empty log unless it is there.
    fn insert_revocation_log(
        &mut self,
        issuer: &IssuerId,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The number of a log's last entry.
    fn revision(&mut self, issuer: &IssuerId) -> impl Future<Output = Outcome<Option<u64>>> + Send;

    /// The number of a log's last entry, held with log and list against other writers.
    fn lock_revision(
        &mut self,
        issuer: &IssuerId,
    ) -> impl Future<Output = Outcome<Option<u64>>> + Send;

    /// Adds the next entry to a log that is locked.
    fn append_revocation(
        &mut self,
        issuer: &IssuerId,
        entry: &RevocationEntry,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Entries of a log after a number, oldest first.
    fn revocations(
        &mut self,
        issuer: &IssuerId,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<RevocationEntry>>> + Send;

    /// The number of the newest list.
    fn crl_number(
        &mut self,
        issuer: &IssuerId,
    ) -> impl Future<Output = Outcome<Option<u64>>> + Send;

    /// The newest list, if its number is greater than this.
    fn newer_crl(
        &mut self,
        issuer: &IssuerId,
        number: u64,
    ) -> impl Future<Output = Outcome<Option<PublishedCrl>>> + Send;

    /// Puts a list in the place of the one before it, of a log that is locked.
    fn set_crl(&mut self, crl: &PublishedCrl) -> impl Future<Output = Outcome<()>> + Send;

    /// Whether a key is blocked.
    fn is_blocked(&mut self, key: &Thumbprint) -> impl Future<Output = Outcome<bool>> + Send;

    /// Blocks a key unless it is blocked.
    fn insert_blocked_key(
        &mut self,
        key: &Thumbprint,
        serial: &Serial,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Removes entries of certificates that expired before a time; returns how many.
    fn prune_revocations(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
}
