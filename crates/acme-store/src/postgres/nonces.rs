//! Spent nonces where all replicas see them: rows of tables that are not logged, so that spending
//! costs no durable write. What a crash of the database takes away is refused afterwards.

use std::time::Duration;

use acme_core::{Epoch, Lease, NonceVerdict, SpentNonce};
use acme_types::{Slot, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::pool::Query;
use crate::act::Outcome;
use crate::model::{millis, slot_number};
use crate::schema::{leases, nonce_marks, spent_nonces};

/// How much longer than its life a spent nonce is kept: a replica whose clock is slow by less than
/// this still finds it.
const CLOCK_SKEW: Duration = Duration::from_secs(600);

/// Says from where on all spendings of a slot's nonces are kept, unless that was said before and is
/// not lost. Only the holder of the slot's lease can say it, by its own clock: no nonce that it has
/// issued before is then taken for fresh.
pub(crate) struct Mark {
    slot: Slot,
    epoch: Epoch,
    marked_at: i64,
}

impl Mark {
    /// All nonces of an epoch that has just begun; those of earlier ones can be told no more.
    pub(crate) const fn of_epoch(lease: &Lease) -> Self {
        Self {
            slot: lease.slot,
            epoch: lease.epoch,
            marked_at: i64::MIN,
        }
    }

    /// The nonces of an epoch that are issued after `now`.
    pub(crate) const fn from(slot: Slot, epoch: Epoch, now: Timestamp) -> Self {
        Self {
            slot,
            epoch,
            marked_at: millis(now),
        }
    }
}

impl Query for Mark {
    type Output = ();
    const WHAT: &'static str = "marking where nonces begin";

    async fn run(&self, conn: &mut AsyncPgConnection) -> Outcome<()> {
        let slot = slot_number(self.slot);
        // A process whose lease has passed on must not speak for the nonces of the new epoch.
        let held = leases::table
            .filter(leases::slot.eq(slot))
            .filter(leases::epoch.eq(self.epoch.0))
            .select((
                leases::slot,
                leases::epoch,
                self.marked_at.into_sql::<BigInt>(),
            ));
        diesel::insert_into(nonce_marks::table)
            .values(held)
            .into_columns((
                nonce_marks::slot,
                nonce_marks::epoch,
                nonce_marks::marked_at,
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// Spends a nonce that has not run out.
pub(crate) struct Spend(pub(crate) SpentNonce);

impl Query for Spend {
    type Output = NonceVerdict;
    const WHAT: &'static str = "spending a nonce";

    async fn run(&self, conn: &mut AsyncPgConnection) -> Outcome<NonceVerdict> {
        let Self(nonce) = self;
        let epoch = nonce.epoch.0;
        // As an SQL number the upper half of the counters is negative, and as unique as before.
        let counter = nonce.counter.cast_signed();
        let told = nonce_marks::table
            .filter(nonce_marks::slot.eq(slot_number(nonce.slot)))
            .filter(
                nonce_marks::epoch.lt(epoch).or(nonce_marks::epoch
                    .eq(epoch)
                    .and(nonce_marks::marked_at.lt(millis(nonce.issued_at)))),
            )
            .select((
                nonce_marks::slot,
                epoch.into_sql::<BigInt>(),
                counter.into_sql::<BigInt>(),
                millis(nonce.expires_at).into_sql::<BigInt>(),
            ));
        let spent = diesel::insert_into(spent_nonces::table)
            .values(told)
            .into_columns((
                spent_nonces::slot,
                spent_nonces::epoch,
                spent_nonces::counter,
                spent_nonces::expires_at,
            ))
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
        Ok(if spent == 1 {
            NonceVerdict::Fresh
        } else {
            NonceVerdict::Refused
        })
    }
}

/// Removes spent nonces that ran out long enough ago, at most `limit` of each slot: counters rise
/// with time, so the oldest come first in the order of the key.
pub(crate) struct Forget {
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Query for Forget {
    type Output = u64;
    const WHAT: &'static str = "forgetting spent nonces";

    async fn run(&self, conn: &mut AsyncPgConnection) -> Outcome<u64> {
        let before = millis(self.now.minus(CLOCK_SKEW));
        let slots: Vec<i16> = leases::table.select(leases::slot).load(conn).await?;
        let mut forgotten = 0;
        for slot in slots {
            let oldest: Vec<(i64, i64, i64)> = spent_nonces::table
                .filter(spent_nonces::slot.eq(slot))
                .order((spent_nonces::epoch, spent_nonces::counter))
                .limit(self.limit.into())
                .select((
                    spent_nonces::epoch,
                    spent_nonces::counter,
                    spent_nonces::expires_at,
                ))
                .load(conn)
                .await?;
            // Of one epoch at a time, up to the newest that has run out.
            let ended = oldest
                .iter()
                .filter(|(_, _, expires_at)| *expires_at <= before);
            let Some(epoch) = ended.clone().map(|(epoch, _, _)| *epoch).min() else {
                continue;
            };
            let counters: Vec<i64> = ended
                .filter(|(of, _, _)| *of == epoch)
                .map(|(_, counter, _)| *counter)
                .collect();
            let of_epoch = spent_nonces::table
                .filter(spent_nonces::slot.eq(slot))
                .filter(spent_nonces::epoch.eq(epoch))
                .filter(spent_nonces::counter.eq_any(counters));
            forgotten += diesel::delete(of_epoch).execute(conn).await? as u64;
        }
        Ok(forgotten)
    }
}
