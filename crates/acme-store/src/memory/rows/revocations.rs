//! Logs of revocations and revocation lists, in memory.

use acme_core::{IssuerId, PublishedCrl, RevocationEntry, Serial};
use acme_types::{Thumbprint, Timestamp};

use super::super::Tables;
use super::broken;
use crate::act::Outcome;
use crate::rows::RevocationRows;

impl RevocationRows for Tables {
    async fn insert_revocation_log(&mut self, issuer: &IssuerId) -> Outcome<()> {
        self.revisions.entry(issuer.0).or_insert(0);
        Ok(())
    }

    async fn revision(&mut self, issuer: &IssuerId) -> Outcome<Option<u64>> {
        Ok(self.revisions.get(&issuer.0).copied())
    }

    async fn lock_revision(&mut self, issuer: &IssuerId) -> Outcome<Option<u64>> {
        self.revision(issuer).await
    }

    async fn append_revocation(
        &mut self,
        issuer: &IssuerId,
        entry: &RevocationEntry,
    ) -> Outcome<()> {
        let key = (issuer.0, entry.revision);
        if self.revocations.insert(key, *entry).is_some() {
            return Err(broken("a revision is given once"));
        }
        self.revisions.insert(issuer.0, entry.revision);
        Ok(())
    }

    async fn revocations(
        &mut self,
        issuer: &IssuerId,
        after: u64,
        limit: u32,
    ) -> Outcome<Vec<RevocationEntry>> {
        let from = (issuer.0, after.saturating_add(1));
        let entries = self.revocations.range(from..=(issuer.0, u64::MAX));
        let entries = entries.take(limit as usize);
        Ok(entries.map(|(_, entry)| *entry).collect())
    }

    async fn crl_number(&mut self, issuer: &IssuerId) -> Outcome<Option<u64>> {
        Ok(self.crls.get(&issuer.0).map(|crl| crl.number))
    }

    async fn newer_crl(&mut self, issuer: &IssuerId, number: u64) -> Outcome<Option<PublishedCrl>> {
        let newest = self.crls.get(&issuer.0);
        Ok(newest.filter(|crl| crl.number > number).cloned())
    }

    async fn set_crl(&mut self, crl: &PublishedCrl) -> Outcome<()> {
        self.crls.insert(crl.issuer.0, crl.clone());
        Ok(())
    }

    async fn is_blocked(&mut self, key: &Thumbprint) -> Outcome<bool> {
        Ok(self.blocked_keys.contains(&key.0))
    }

    async fn insert_blocked_key(
        &mut self,
        key: &Thumbprint,
        _: &Serial,
        _: Timestamp,
    ) -> Outcome<()> {
        self.blocked_keys.insert(key.0);
        Ok(())
    }

    async fn prune_revocations(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let ended = self.revocations.iter();
        let ended = ended.filter(|(_, entry)| entry.not_after <= before);
        let keys: Vec<_> = ended.map(|(key, _)| *key).take(limit as usize).collect();
        for key in &keys {
            self.revocations.remove(key);
        }
        Ok(keys.len() as u64)
    }
}
