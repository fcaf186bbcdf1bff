//! Counts along indexes, each with an end, so that none grows with the store.

use acme_types::{Slot, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt};

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::model::{millis, slot_number, timestamp};
use crate::rows::StandingRows;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Nullable<BigInt>)]
    at: Option<i64>,
}

impl StandingRows for Conn {
    async fn count_armed(
        &mut self,
        slot: Slot,
        due_by: Option<Timestamp>,
        limit: u32,
    ) -> Outcome<u64> {
        let counted: Counted = diesel::sql_query(
            "SELECT count(*) AS n FROM (SELECT 1 AS one FROM challenges \
             WHERE owner_slot = $1 AND next_attempt_at <= $2 LIMIT $3) bounded",
        )
        .bind::<SmallInt, _>(slot_number(slot))
        .bind::<BigInt, _>(due_by.map_or(i64::MAX, millis))
        .bind::<BigInt, _>(i64::from(limit))
        .get_result(self)
        .await?;
        Ok(counted.n.unsigned_abs())
    }

    async fn count_exhausted(&mut self, slot: Slot, limit: u32) -> Outcome<u64> {
        let counted: Counted = diesel::sql_query(
            "SELECT count(*) AS n FROM (SELECT 1 AS one FROM challenges \
             WHERE owner_slot = $1 AND next_attempt_at IS NULL LIMIT $2) bounded",
        )
        .bind::<SmallInt, _>(slot_number(slot))
        .bind::<BigInt, _>(i64::from(limit))
        .get_result(self)
        .await?;
        Ok(counted.n.unsigned_abs())
    }

    async fn oldest_open_order(
        &mut self,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<Option<Timestamp>> {
        // The predicate of a partial index, letter by letter: only open orders are walked along.
        let oldest: Oldest = diesel::sql_query(
            "SELECT min(created_at) AS at FROM (SELECT created_at, expires_at FROM orders \
             WHERE status IN ('pending', 'ready') LIMIT $1) bounded WHERE expires_at > $2",
        )
        .bind::<BigInt, _>(i64::from(limit))
        .bind::<BigInt, _>(millis(now))
        .get_result(self)
        .await?;
        Ok(oldest.at.map(timestamp))
    }

    async fn count_expiring(
        &mut self,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Outcome<u64> {
        let counted: Counted = diesel::sql_query(
            "SELECT count(*) AS n FROM (SELECT 1 AS one FROM certificates \
             WHERE not_after > $1 AND not_after <= $2 LIMIT $3) bounded",
        )
        .bind::<BigInt, _>(millis(after))
        .bind::<BigInt, _>(millis(until))
        .bind::<BigInt, _>(i64::from(limit))
        .get_result(self)
        .await?;
        Ok(counted.n.unsigned_abs())
    }
}
