//! The shared queries, for PostgreSQL.

use acme_types::Timestamp;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::act::Outcome;
use crate::model::timestamp;

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

/// The replicas' clocks may differ, so leases go by the one clock that they share.
async fn lease_clock(conn: &mut Conn, _: Timestamp) -> Outcome<Timestamp> {
    let clock = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    let now: i64 = diesel::select(diesel::dsl::sql::<BigInt>(clock))
        .get_result(conn)
        .await?;
    Ok(timestamp(now))
}

#[path = "../queries/accounts.rs"]
mod accounts;
#[path = "../queries/certificates.rs"]
mod certificates;
#[path = "../queries/challenges.rs"]
mod challenges;
#[path = "../queries/leases.rs"]
mod leases;
#[path = "../queries/orders.rs"]
mod orders;
#[path = "../queries/prune.rs"]
mod prune;
#[path = "../queries/revocations.rs"]
mod revocations;
