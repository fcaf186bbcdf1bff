//! Queries about challenges and attempts.

use std::collections::{BTreeMap, BTreeSet};

use acme_core::{Attempt, Authorization, Challenge, InFlight};
use acme_types::{AuthorizationId, ChallengeId, Identifier, Slot, Timestamp};
use diesel::OptionalExtension as _;
use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::{Fault, Outcome};
use crate::model::{
    AttemptRow, AuthorizationRow, ChallengeRow, ChallengeState, SubjectRow, millis, parse,
    slot_number, timestamp,
};
use crate::rows::{ChallengeRows, Counters, Due, DueCursor, LeaseRows as _, Subject};
use crate::schema::{accounts, attempts, authorizations, challenges, leases};
use crate::update::Update;

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

/// Processing challenges of a slot with their authorizations.
macro_rules! of_slot {
    ($slot:expr) => {
        challenges::table
            .inner_join(authorizations::table)
            .filter(challenges::owner_slot.eq(slot_number($slot)))
            .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
    };
}

impl ChallengeRows for Conn {
    async fn set_challenge(&mut self, challenge: &Challenge, counters: Counters) -> Outcome<()> {
        let state = ChallengeState::new(challenge, counters)?;
        Update::new("challenges", state, challenge.id.as_str())
            .execute(self)
            .await?;
        Ok(())
    }

    async fn insert_attempt(&mut self, challenge: &ChallengeId, attempt: &Attempt) -> Outcome<()> {
        diesel::insert_into(attempts::table)
            .values(AttemptRow::new(challenge, attempt))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn newest_attempts(
        &mut self,
        challenge: &ChallengeId,
        limit: u32,
    ) -> Outcome<Vec<Attempt>> {
        let rows: Vec<AttemptRow> = attempts::table
            .filter(attempts::challenge_id.eq(challenge.as_str()))
            .order(attempts::number.desc())
            .limit(limit.into())
            .select(AttemptRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(Attempt::try_from).collect()
    }

    async fn all_attempts(&mut self, challenge: &ChallengeId) -> Outcome<Vec<Attempt>> {
        let rows: Vec<AttemptRow> = attempts::table
            .filter(attempts::challenge_id.eq(challenge.as_str()))
            .order(attempts::number)
            .select(AttemptRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(Attempt::try_from).collect()
    }

    async fn lock_due(&mut self, slot: Slot, limit: u32, now: Timestamp) -> Outcome<Vec<Due>> {
        let now = millis(now);
        // The challenges alone are held: the accounts beside them must not be.
        let rows: Vec<ChallengeRow> = locked_or_skipped!(
            challenges::table
                .filter(challenges::owner_slot.eq(slot_number(slot)))
                .filter(challenges::next_attempt_at.le(now))
                .filter(is_free!(now))
                .order((challenges::next_attempt_at, challenges::id))
                .limit(limit.into())
                .select(ChallengeRow::as_select())
        )
        .load(self)
        .await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = rows.iter().map(ChallengeRow::authorization_id).collect();
        let subjects = subjects(self, ids).await?;
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

    async fn next_due(&mut self, slot: Slot, now: Timestamp) -> Outcome<Option<Timestamp>> {
        let millis_now = millis(now);
        let of_slot = || challenges::table.filter(challenges::owner_slot.eq(slot_number(slot)));
        let left_behind: bool = diesel::select(exists(
            of_slot()
                .filter(challenges::next_attempt_at.le(millis_now))
                .filter(is_free!(millis_now)),
        ))
        .get_result(self)
        .await?;
        if left_behind {
            return Ok(Some(now));
        }
        // An attempt that is being made and is never recorded is due again when its time is over.
        let lost: Option<i64> = of_slot()
            .filter(challenges::next_attempt_at.le(millis_now))
            .filter(challenges::in_flight_started_at.lt(millis_now))
            .select(min(challenges::in_flight_until))
            .get_result(self)
            .await?;
        let next: Option<i64> = of_slot()
            .filter(challenges::next_attempt_at.gt(millis_now))
            .select(min(challenges::next_attempt_at))
            .get_result(self)
            .await?;
        Ok([lost, next].into_iter().flatten().min().map(timestamp))
    }

    async fn subject(&mut self, authorization: &AuthorizationId) -> Outcome<Option<Subject>> {
        authorizations::table
            .inner_join(accounts::table)
            .filter(authorizations::id.eq(authorization.as_str()))
            .select(SubjectRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Subject::try_from)
            .transpose()
    }

    async fn is_stale(&mut self, in_flight: &InFlight) -> Outcome<bool> {
        let lease = self.lease(in_flight.slot).await?;
        Ok(lease.is_none_or(|lease| lease.epoch != in_flight.epoch))
    }

    async fn expired(
        &mut self,
        slot: Slot,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<Vec<ChallengeId>> {
        let ids: Vec<String> = challenges::table
            .filter(challenges::owner_slot.eq(slot_number(slot)))
            .filter(challenges::expires_at.le(millis(now)))
            .order(challenges::expires_at)
            .limit(limit.into())
            .select(challenges::id)
            .load(self)
            .await?;
        ids.iter().map(|id| parse("challenge id", id)).collect()
    }

    async fn adopt_challenges(
        &mut self,
        from: Slot,
        to: Slot,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<u32> {
        // Two queries, so that each walks along its index.
        let mut ids: Vec<String> = locked_or_skipped!(
            challenges::table
                .filter(challenges::owner_slot.eq(slot_number(from)))
                .filter(challenges::next_attempt_at.is_not_null())
                .order((challenges::next_attempt_at, challenges::id))
                .limit(limit.into())
                .select(challenges::id)
        )
        .load(self)
        .await?;
        if ids.len() < limit as usize {
            let expired: Vec<String> = locked_or_skipped!(
                challenges::table
                    .filter(challenges::owner_slot.eq(slot_number(from)))
                    .filter(challenges::expires_at.le(millis(now)))
                    .filter(challenges::next_attempt_at.is_null())
                    .order(challenges::expires_at)
                    .limit(i64::from(limit) - ids.len() as i64)
                    .select(challenges::id)
            )
            .load(self)
            .await?;
            ids.extend(expired);
        }
        if ids.is_empty() {
            return Ok(0);
        }
        let adopted = set_owner(self, ids, to).await?;
        Ok(u32::try_from(adopted).unwrap_or(limit))
    }

    async fn processing(
        &mut self,
        slot: Slot,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> Outcome<Vec<(Challenge, Identifier)>> {
        let mut found: Vec<(AuthorizationRow, ChallengeRow)> = Vec::new();
        let in_armed = after.is_none_or(|after| after.next_attempt.is_some());
        if in_armed {
            let mut armed = of_slot!(slot)
                .filter(challenges::next_attempt_at.is_not_null())
                .order((challenges::next_attempt_at, challenges::id))
                .limit(limit.into())
                .into_boxed();
            if let Some((at, id)) = after.and_then(|a| Some((a.next_attempt?, &a.id))) {
                let at = millis(at);
                armed = armed.filter(challenges::next_attempt_at.ge(at)).filter(
                    challenges::next_attempt_at
                        .gt(at)
                        .or(challenges::id.nullable().gt(id.as_str())),
                );
            }
            found = armed.load(self).await?;
        }
        if found.len() < limit as usize {
            let mut waiting = of_slot!(slot)
                .filter(challenges::next_attempt_at.is_null())
                .order(challenges::id)
                .limit(i64::from(limit) - found.len() as i64)
                .into_boxed();
            if let Some(after) = after.filter(|_| !in_armed) {
                waiting = waiting.filter(challenges::id.gt(after.id.as_str()));
            }
            found.extend(
                waiting
                    .load::<(AuthorizationRow, ChallengeRow)>(self)
                    .await?,
            );
        }
        found
            .into_iter()
            .map(|(authorization, challenge)| {
                let authorization = Authorization::try_from(authorization)?;
                let challenge = challenge.into_challenge(&authorization.provisioner)?;
                Ok((challenge, authorization.identifier))
            })
            .collect()
    }
}

/// What claims of challenges of these authorizations must know.
pub(crate) async fn subjects(
    conn: &mut Conn,
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

/// Gives challenges to a slot; returns how many.
pub(crate) async fn set_owner(conn: &mut Conn, ids: Vec<String>, slot: Slot) -> Outcome<usize> {
    Ok(
        diesel::update(challenges::table.filter(challenges::id.eq_any(ids)))
            .set(challenges::owner_slot.eq(slot_number(slot)))
            .execute(conn)
            .await?,
    )
}
