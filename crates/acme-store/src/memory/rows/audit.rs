//! The audit trail in memory.

use acme_core::{AuditClass, AuditEntry, ChainHead};
use acme_types::{Slot, Timestamp};

use super::super::Tables;
use super::broken;
use crate::act::Outcome;
use crate::rows::{AuditCursor, AuditRows, chain_name};

impl AuditRows for Tables {
    async fn lock_audit_head(
        &mut self,
        owner: Option<Slot>,
        class: AuditClass,
    ) -> Outcome<ChainHead> {
        // One act runs at a time, so one chain is enough.
        let chain = chain_name(owner, class, 0);
        let head = self.audit_heads.entry(chain.clone());
        Ok(head.or_insert_with(|| ChainHead::empty(chain)).clone())
    }

    async fn append_audit(&mut self, entry: &AuditEntry, head: &ChainHead) -> Outcome<()> {
        let key = (entry.chain.clone(), entry.number);
        if self.audit.contains_key(&key) {
            return Err(broken("an entry's number is given once"));
        }
        self.audit.insert(key, entry.clone());
        self.audit_heads.insert(head.chain.clone(), head.clone());
        Ok(())
    }

    async fn audit_heads(&mut self) -> Outcome<Vec<ChainHead>> {
        Ok(self.audit_heads.values().cloned().collect())
    }

    async fn audit_chain(
        &mut self,
        chain: &str,
        after: u64,
        limit: u32,
    ) -> Outcome<Vec<AuditEntry>> {
        let from = (chain.to_owned(), after.saturating_add(1));
        let to = (chain.to_owned(), u64::MAX);
        let entries = self.audit.range(from..=to).take(limit as usize);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    async fn audit(&mut self, after: Option<&AuditCursor>, limit: u32) -> Outcome<Vec<AuditEntry>> {
        let key = |entry: &AuditEntry| (entry.at, entry.chain.clone(), entry.number);
        let after = after.map(|after| (after.at, after.chain.clone(), after.number));
        let mut found: Vec<AuditEntry> = self
            .audit
            .values()
            .filter(|entry| after.as_ref().is_none_or(|after| key(entry) < *after))
            .cloned()
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse(key(entry)));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn prune_audit(
        &mut self,
        class: AuditClass,
        before: Timestamp,
        limit: u32,
    ) -> Outcome<u64> {
        let part = format!(".{}.", class.as_str());
        let heads: Vec<ChainHead> = self.audit_heads.values().cloned().collect();
        let mut removed = 0;
        for mut head in heads.into_iter().filter(|head| head.chain.contains(&part)) {
            let left = limit.saturating_sub(removed);
            let first = self
                .audit_chain(&head.chain, head.anchor_number, left)
                .await?;
            for entry in first.iter().take_while(|entry| entry.at <= before) {
                self.audit.remove(&(entry.chain.clone(), entry.number));
                (head.anchor_number, head.anchor_hash) = (entry.number, entry.hash);
                removed += 1;
            }
            self.audit_heads.insert(head.chain.clone(), head);
        }
        Ok(removed.into())
    }
}
