//! The shared queries, for PostgreSQL.

use acme_core::Challenge;
use acme_types::{Slot, Timestamp};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::due;
use crate::act::Outcome;
use crate::model::timestamp;
use crate::rows::{ChallengeRows as _, Counters, Due, Tracked};

/// Chains of the audit trail for each owner and class. As many transactions as a replica has connections may write at a time.
const AUDIT_LANES: i16 = 16;

type Conn = AsyncPgConnection;

// Rows are locked until the end of the transaction. `NO KEY` lets others refer to them meanwhile;
// what is held only may be held by others too.
macro_rules! locked {
    ($query:expr) => {
        $query.for_no_key_update()
    };
}
macro_rules! held {
    ($query:expr) => {
        $query.for_share()
    };
}
macro_rules! locked_or_skipped {
    ($query:expr) => {
        $query.for_no_key_update().skip_locked()
    };
}

// One statement, one journey.
macro_rules! insert_all {
    ($conn:expr, $table:expr, $rows:expr) => {{
        let rows = $rows;
        let is_short = rows.len() <= $crate::postgres::queries::SHORT;
        let insert = diesel::insert_into($table).values(rows);
        if is_short {
            $crate::postgres::queries::Short(insert)
                .execute($conn)
                .await?;
        } else {
            insert.execute($conn).await?;
        }
    }};
}

/// Most rows of an insertion that is worth being prepared for good.
const SHORT: usize = 8;

/// An insertion of a few rows. diesel prepares those of any number of rows anew each time, for the
/// texts may be many; of these there are few.
struct Short<Q>(Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Short<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

/// It is found again by its text.
impl<Q> QueryId for Short<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

/// The replicas' clocks may differ, so leases go by the one clock that they share.
async fn lease_clock(conn: &mut Conn, _: Timestamp) -> Outcome<Timestamp> {
    let clock = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    let now: i64 = diesel::select(diesel::dsl::sql::<BigInt>(clock))
        .get_result(conn)
        .await?;
    Ok(timestamp(now))
}

async fn lock_due(conn: &mut Conn, slot: Slot, limit: u32, now: Timestamp) -> Outcome<Vec<Due>> {
    due::lock_due(conn, slot, limit, now).await
}

async fn next_due(conn: &mut Conn, slot: Slot, now: Timestamp) -> Outcome<Option<Timestamp>> {
    due::next_due(conn, slot, now).await
}

/// The mark of a claim is in the row, where every replica sees it.
async fn mark_claimed(conn: &mut Conn, challenge: &Challenge, counters: Counters) -> Outcome<()> {
    conn.set_challenge(challenge, counters).await
}

fn keep_mark(_: &mut Conn, _: &Challenge) {}

fn with_marks(_: &Conn, tracked: Option<Tracked>) -> Option<Tracked> {
    tracked
}

fn add_mark(_: &Conn, _: &mut Challenge, _: &mut Counters) {}

#[path = "../queries/accounts.rs"]
mod accounts;
#[path = "../queries/audit.rs"]
mod audit;
#[path = "../queries/certificates.rs"]
mod certificates;
#[path = "../queries/challenges.rs"]
mod challenges;
#[path = "../queries/leases.rs"]
mod leases;
#[path = "../queries/operators.rs"]
mod operators;
#[path = "../queries/orders.rs"]
mod orders;
#[path = "../queries/prune.rs"]
mod prune;
#[path = "../queries/records.rs"]
mod records;
#[path = "../queries/revocations.rs"]
mod revocations;
#[path = "../queries/standing.rs"]
mod standing;
