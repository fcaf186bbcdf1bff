//! The shared queries, for SQLite.

use acme_core::{Challenge, ChallengeState};
use acme_types::{Slot, Timestamp};

use super::due;
use super::inline::RunQueryDsl;
use super::session::Session;
use crate::act::Outcome;
use crate::rows::{Counters, Due, Tracked};

/// Chains of the audit trail for each owner and class. One transaction writes at a time.
const AUDIT_LANES: i16 = 1;

type Conn = Session;

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

async fn lock_due(conn: &mut Conn, slot: Slot, limit: u32, now: Timestamp) -> Outcome<Vec<Due>> {
    due::lock_due(conn, slot, limit, now).await
}

async fn next_due(conn: &mut Conn, slot: Slot, now: Timestamp) -> Outcome<Option<Timestamp>> {
    due::next_due(conn, slot, now).await
}

/// The mark of a claim is no row here.
async fn mark_claimed(conn: &mut Conn, challenge: &Challenge, _: Counters) -> Outcome<()> {
    keep_mark(conn, challenge);
    Ok(())
}

/// The mark follows the challenge.
fn keep_mark(conn: &mut Conn, challenge: &Challenge) {
    let mark = match &challenge.state {
        ChallengeState::Processing { in_flight, .. } => *in_flight,
        _ => None,
    };
    conn.set_mark(&challenge.id, mark);
}

fn with_marks(conn: &Conn, tracked: Option<Tracked>) -> Option<Tracked> {
    conn.with_marks(tracked)
}

fn add_mark(conn: &Conn, challenge: &mut Challenge, counters: &mut Counters) {
    conn.add_mark(challenge, counters);
}

#[path = "../queries/accounts.rs"]
mod accounts;
#[path = "../queries/audit.rs"]
mod audit;
#[path = "../queries/certificates.rs"]
mod certificates;
#[path = "../queries/challenges.rs"]
pub(crate) mod challenges;
#[path = "../queries/leases.rs"]
mod leases;
#[path = "../queries/operators.rs"]
mod operators;
#[path = "../queries/orders.rs"]
mod orders;
#[path = "../queries/prune.rs"]
mod prune;
#[path = "../queries/records.rs"]
pub(crate) mod records;
#[path = "../queries/revocations.rs"]
mod revocations;
#[path = "../queries/standing.rs"]
mod standing;
