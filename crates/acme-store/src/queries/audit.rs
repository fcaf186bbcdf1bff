//! Queries about the audit trail.

use acme_core::{AuditClass, AuditEntry, ChainHead};
use acme_types::{Slot, Timestamp};
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{AUDIT_LANES, Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::model::{AuditRow, HeadRow, NewHeadRow, audit_owner, big, millis};
use crate::rows::{AuditCursor, AuditRows};
use crate::schema::{audit, audit_heads};

/// The heads of an owner and a class, by lane.
macro_rules! lanes {
    ($owner:expr, $class:expr) => {
        audit_heads::table
            .filter(audit_heads::owner.eq(audit_owner($owner)))
            .filter(audit_heads::class.eq($class.as_str()))
            .order(audit_heads::lane)
            .limit(1)
            .select(HeadRow::as_select())
    };
}

impl AuditRows for Conn {
    async fn lock_audit_head(
        &mut self,
        owner: Option<Slot>,
        class: AuditClass,
    ) -> Outcome<ChainHead> {
        if let Some(free) = free_head(self, owner, class).await? {
            return Ok(free);
        }
        // Either none was made yet, or all are held.
        let heads: Vec<NewHeadRow> = (0..AUDIT_LANES)
            .map(|lane| NewHeadRow::new(owner, class, lane))
            .collect();
        for head in heads {
            diesel::insert_into(audit_heads::table)
                .values(head)
                .on_conflict_do_nothing()
                .execute(self)
                .await?;
        }
        if let Some(free) = free_head(self, owner, class).await? {
            return Ok(free);
        }
        let row: HeadRow = locked!(lanes!(owner, class)).get_result(self).await?;
        ChainHead::try_from(row)
    }

    async fn append_audit(&mut self, entry: &AuditEntry, head: &ChainHead) -> Outcome<()> {
        diesel::insert_into(audit::table)
            .values(AuditRow::new(entry)?)
            .execute(self)
            .await?;
        diesel::update(audit_heads::table.find(&head.chain))
            .set((
                audit_heads::number.eq(big("audit number", head.number)?),
                audit_heads::hash.eq(&head.hash[..]),
            ))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn audit_heads(&mut self) -> Outcome<Vec<ChainHead>> {
        let rows: Vec<HeadRow> = audit_heads::table
            .order(audit_heads::chain)
            .select(HeadRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(ChainHead::try_from).collect()
    }

    async fn audit_chain(
        &mut self,
        chain: &str,
        after: u64,
        limit: u32,
    ) -> Outcome<Vec<AuditEntry>> {
        let rows: Vec<AuditRow> = audit::table
            .filter(audit::chain.eq(chain))
            .filter(audit::number.gt(big("audit number", after)?))
            .order(audit::number)
            .limit(limit.into())
            .select(AuditRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }

    async fn audit(&mut self, after: Option<&AuditCursor>, limit: u32) -> Outcome<Vec<AuditEntry>> {
        let mut query = audit::table
            .order((audit::at.desc(), audit::chain.desc(), audit::number.desc()))
            .limit(limit.into())
            .select(AuditRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            let (at, number) = (millis(after.at), big("audit number", after.number)?);
            query = query.filter(audit::at.le(at)).filter(
                audit::at
                    .lt(at)
                    .or(audit::chain.lt(&after.chain))
                    .or(audit::chain.eq(&after.chain).and(audit::number.lt(number))),
            );
        }
        let rows: Vec<AuditRow> = query.load(self).await?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }

    async fn prune_audit(
        &mut self,
        class: AuditClass,
        before: Timestamp,
        limit: u32,
    ) -> Outcome<u64> {
        // Who writes to a chain holds it for a moment; its turn comes with the next batch.
        let rows: Vec<HeadRow> = locked_or_skipped!(
            audit_heads::table
                .filter(audit_heads::class.eq(class.as_str()))
                .select(HeadRow::as_select())
        )
        .load(self)
        .await?;
        let mut removed = 0;
        for row in rows {
            let head = ChainHead::try_from(row)?;
            let left = u64::from(limit).saturating_sub(removed);
            let step = u32::try_from(left).unwrap_or(limit);
            if step == 0 {
                break;
            }
            let first = self
                .audit_chain(&head.chain, head.anchor_number, step)
                .await?;
            let old = first.iter().take_while(|entry| entry.at <= before);
            let Some(last) = old.last() else {
                continue;
            };
            let number = big("audit number", last.number)?;
            let gone = audit::table
                .filter(audit::chain.eq(&head.chain))
                .filter(audit::number.le(number));
            removed += diesel::delete(gone).execute(self).await? as u64;
            diesel::update(audit_heads::table.find(&head.chain))
                .set((
                    audit_heads::anchor_number.eq(number),
                    audit_heads::anchor_hash.eq(&last.hash[..]),
                ))
                .execute(self)
                .await?;
        }
        Ok(removed)
    }
}

/// A head that nobody holds.
async fn free_head(
    conn: &mut Conn,
    owner: Option<Slot>,
    class: AuditClass,
) -> Outcome<Option<ChainHead>> {
    let row: Option<HeadRow> = locked_or_skipped!(lanes!(owner, class))
        .get_result(conn)
        .await
        .optional()?;
    row.map(ChainHead::try_from).transpose()
}
