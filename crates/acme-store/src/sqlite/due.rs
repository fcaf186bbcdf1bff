//! What is due, for SQLite: the index tells what the rows say, the marks who is at it already.

use acme_core::{ChallengeState, InFlight, Lease};
use acme_types::{ChallengeId, Slot, Timestamp};
use diesel::dsl::min;
use diesel::prelude::*;

use super::inline::RunQueryDsl;
use super::session::Session;
use crate::act::Outcome;
use crate::model::{ChallengeRow, SubjectRow, millis, parse, slot_number, timestamp};
use crate::rows::{Due, LeaseRows as _, Subject};
use crate::schema::{accounts, authorizations, challenges};

/// See [`crate::rows::ChallengeRows::lock_due`].
pub(crate) async fn lock_due(
    session: &mut Session,
    slot: Slot,
    limit: u32,
    now: Timestamp,
) -> Outcome<Vec<Due>> {
    let marked = session.marks.count();
    let ids = due_ids(session, slot, limit as usize + marked, now).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let leases = session.leases().await?;
    let mut found = Vec::new();
    for id in ids {
        if found.len() >= limit as usize {
            break;
        }
        if in_force(session.marks.get(&id), &leases, now) {
            continue;
        }
        let (row, subject): (ChallengeRow, SubjectRow) = challenges::table
            .inner_join(authorizations::table.inner_join(accounts::table))
            .filter(challenges::id.eq(id.as_str()))
            .select((ChallengeRow::as_select(), SubjectRow::as_select()))
            .get_result(session)
            .await?;
        let subject = Subject::try_from(subject)?;
        let due = Due {
            counters: row.counters()?,
            challenge: row.into_challenge(&subject.provisioner)?,
            subject,
        };
        // A mark in the row alone is that of an earlier process, under this very lease.
        let row_mark = match &due.challenge.state {
            ChallengeState::Processing { in_flight, .. } => *in_flight,
            _ => None,
        };
        if !in_force(row_mark, &leases, now) {
            found.push(due);
        }
    }
    Ok(found)
}

/// See [`crate::rows::ChallengeRows::next_due`].
pub(crate) async fn next_due(
    session: &mut Session,
    slot: Slot,
    now: Timestamp,
) -> Outcome<Option<Timestamp>> {
    let marked = session.marks.count();
    let leases = session.leases().await?;
    let mut next = None;
    for id in due_ids(session, slot, marked + 1, now).await? {
        let mark = session.marks.get(&id);
        match mark.filter(|_| in_force(mark, &leases, now)) {
            None => return Ok(Some(now)),
            // An attempt that is being made and is never recorded is due again when its time is over.
            Some(mark) if mark.started_at < now => {
                next = Some(next.map_or(mark.until, |next: Timestamp| next.min(mark.until)));
            }
            Some(_) => {}
        }
    }
    let later: Option<i64> = challenges::table
        .filter(challenges::owner_slot.eq(slot_number(slot)))
        .filter(challenges::next_attempt_at.gt(millis(now)))
        .select(min(challenges::next_attempt_at))
        .get_result(session)
        .await?;
    Ok([next, later.map(timestamp)].into_iter().flatten().min())
}

/// The most overdue challenges of a slot, those that are being attempted among them.
async fn due_ids(
    session: &mut Session,
    slot: Slot,
    limit: usize,
    now: Timestamp,
) -> Outcome<Vec<ChallengeId>> {
    let ids: Vec<String> = challenges::table
        .filter(challenges::owner_slot.eq(slot_number(slot)))
        .filter(challenges::next_attempt_at.le(millis(now)))
        .order((challenges::next_attempt_at, challenges::id))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(challenges::id)
        .load(session)
        .await?;
    ids.iter().map(|id| parse("challenge id", id)).collect()
}

/// Whether somebody is making an attempt: its time is not over, and its lease has not moved on.
fn in_force(mark: Option<InFlight>, leases: &[Lease], now: Timestamp) -> bool {
    mark.is_some_and(|mark| {
        let same = |lease: &&Lease| lease.slot == mark.slot && lease.epoch == mark.epoch;
        mark.until > now && leases.iter().any(|lease| same(&lease))
    })
}
