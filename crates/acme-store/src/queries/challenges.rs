//! Queries about challenges and attempts.

use acme_core::{Attempt, Authorization, Challenge, InFlight};
use acme_types::{AuthorizationId, ChallengeId, Identifier, ProvisionerName, Slot, Timestamp};
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::model::{
    AttemptRow, AttemptedRow, AuthorizationRow, ChallengeRow, ChallengeState, SubjectRow, millis,
    parse, slot_number,
};
use crate::rows::{ChallengeRows, Counters, Due, DueCursor, LeaseRows as _, Subject};
use crate::schema::{accounts, attempts, authorizations, challenges};
use crate::update::Update;

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
        super::keep_mark(self, challenge);
        Ok(())
    }

    async fn mark_claimed(&mut self, challenge: &Challenge, counters: Counters) -> Outcome<()> {
        super::mark_claimed(self, challenge, counters).await
    }

    async fn lock_challenge(
        &mut self,
        id: &ChallengeId,
        provisioner: &ProvisionerName,
    ) -> Outcome<Option<(Challenge, Counters, Timestamp)>> {
        let row: Option<ChallengeRow> = locked!(
            challenges::table
                .filter(challenges::id.eq(id.as_str()))
                .select(ChallengeRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?;
        let Some(row) = row else {
            return Ok(None);
        };
        let (mut counters, expires_at) = (row.counters()?, row.expires_at());
        let mut challenge = row.into_challenge(provisioner)?;
        super::add_mark(self, &mut challenge, &mut counters);
        Ok(Some((challenge, counters, expires_at)))
    }

    async fn set_attempted(&mut self, challenge: &Challenge, counters: Counters) -> Outcome<()> {
        let Some(attempted) = AttemptedRow::new(challenge, counters) else {
            return self.set_challenge(challenge, counters).await;
        };
        Update::new("challenges", attempted, challenge.id.as_str())
            .execute(self)
            .await?;
        super::keep_mark(self, challenge);
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
        super::lock_due(self, slot, limit, now).await
    }

    async fn next_due(&mut self, slot: Slot, now: Timestamp) -> Outcome<Option<Timestamp>> {
        super::next_due(self, slot, now).await
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
                let mut counters = challenge.counters()?;
                let mut challenge = challenge.into_challenge(&authorization.provisioner)?;
                super::add_mark(self, &mut challenge, &mut counters);
                Ok((challenge, authorization.identifier))
            })
            .collect()
    }
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
