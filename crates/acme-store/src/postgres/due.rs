//! What is due, for PostgreSQL: the marks of attempts that are being made stand in the rows, where
//! every replica sees them.

use std::collections::{BTreeMap, BTreeSet};

use acme_types::{Slot, Timestamp};
use diesel::dsl::{exists, min, not};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::act::{Fault, Outcome};
use crate::model::{ChallengeRow, SubjectRow, millis, slot_number, timestamp};
use crate::rows::{Due, Subject};
use crate::schema::{accounts, authorizations, challenges, leases};

/// Nobody is making an attempt: there is no claim, or its time is over, or its lease has moved on.
macro_rules! is_free {
    ($now:expr) => {
        challenges::in_flight_until
            .is_null()
            .or(challenges::in_flight_until.le($now))
            .or(not(exists(
                leases::table
                    .filter(leases::slot.nullable().eq(challenges::in_flight_slot))
                    .filter(leases::epoch.nullable().eq(challenges::in_flight_epoch)),
            )))
    };
}

/// See [`crate::rows::ChallengeRows::lock_due`].
pub(crate) async fn lock_due(
    conn: &mut AsyncPgConnection,
    slot: Slot,
    limit: u32,
    now: Timestamp,
) -> Outcome<Vec<Due>> {
    let now = millis(now);
    // The challenges alone are held: the accounts beside them must not be.
    let rows: Vec<ChallengeRow> = challenges::table
        .filter(challenges::owner_slot.eq(slot_number(slot)))
        .filter(challenges::next_attempt_at.le(now))
        .filter(is_free!(now))
        .order((challenges::next_attempt_at, challenges::id))
        .limit(limit.into())
        .select(ChallengeRow::as_select())
        .for_no_key_update()
        .skip_locked()
        .load(conn)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(ChallengeRow::authorization_id).collect();
    let subjects = subjects(conn, ids).await?;
    let due = |row: ChallengeRow| {
        let subject = subjects
            .get(row.authorization_id())
            .ok_or_else(|| Fault::corrupt("a challenge without an authorization"))?;
        Ok(Due {
            counters: row.counters()?,
            challenge: row.into_challenge(&subject.provisioner)?,
            subject: subject.clone(),
        })
    };
    rows.into_iter().map(due).collect()
}

/// See [`crate::rows::ChallengeRows::next_due`].
pub(crate) async fn next_due(
    conn: &mut AsyncPgConnection,
    slot: Slot,
    now: Timestamp,
) -> Outcome<Option<Timestamp>> {
    let millis_now = millis(now);
    let of_slot = || challenges::table.filter(challenges::owner_slot.eq(slot_number(slot)));
    let left_behind: bool = diesel::select(exists(
        of_slot()
            .filter(challenges::next_attempt_at.le(millis_now))
            .filter(is_free!(millis_now)),
    ))
    .get_result(conn)
    .await?;
    if left_behind {
        return Ok(Some(now));
    }
    // An attempt that is being made and is never recorded is due again when its time is over.
    let lost: Option<i64> = of_slot()
        .filter(challenges::next_attempt_at.le(millis_now))
        .filter(challenges::in_flight_started_at.lt(millis_now))
        .select(min(challenges::in_flight_until))
        .get_result(conn)
        .await?;
    let next: Option<i64> = of_slot()
        .filter(challenges::next_attempt_at.gt(millis_now))
        .select(min(challenges::next_attempt_at))
        .get_result(conn)
        .await?;
    Ok([lost, next].into_iter().flatten().min().map(timestamp))
}

/// What claims of challenges of these authorizations must know.
async fn subjects(
    conn: &mut AsyncPgConnection,
    ids: BTreeSet<&str>,
) -> Outcome<BTreeMap<String, Subject>> {
    let rows: Vec<(String, SubjectRow)> = authorizations::table
        .inner_join(accounts::table)
        .filter(authorizations::id.eq_any(ids))
        .select((authorizations::id, SubjectRow::as_select()))
        .load(conn)
        .await?;
    rows.into_iter()
        .map(|(id, row)| Ok((id, Subject::try_from(row)?)))
        .collect()
}
