//! The shared queries, for SQLite.

use acme_types::Timestamp;
use diesel::SqliteConnection;

use super::inline::RunQueryDsl;
use crate::act::Outcome;

type Conn = SqliteConnection;

// One transaction writes at a time: there is nobody to be held off.
macro_rules! locked {
    ($query:expr) => {
        $query
    };
}
macro_rules! held {
    ($query:expr) => {
        $query
    };
}
macro_rules! locked_or_skipped {
    ($query:expr) => {
        $query
    };
}

// Nothing travels, so many small statements that are prepared once cost less than a long one.
macro_rules! insert_all {
    ($conn:expr, $table:expr, $rows:expr) => {
        for row in $rows {
            diesel::insert_into($table)
                .values(row)
                .execute($conn)
                .await?;
        }
    };
}

/// One process at a time uses the file, so its clock is the clock of all leases.
async fn lease_clock(_: &mut Conn, now: Timestamp) -> Outcome<Timestamp> {
    Ok(now)
}

#[path = "../queries/accounts.rs"]
mod accounts;
#[path = "../queries/certificates.rs"]
mod certificates;
#[path = "../queries/challenges.rs"]
pub(crate) mod challenges;
#[path = "../queries/leases.rs"]
mod leases;
#[path = "../queries/orders.rs"]
mod orders;
#[path = "../queries/prune.rs"]
mod prune;
#[path = "../queries/revocations.rs"]
mod revocations;
