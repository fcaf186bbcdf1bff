//! Challenges and attempts in memory.

use acme_core::{Attempt, Challenge, ChallengeState, InFlight, Retry};
use acme_types::{AuthorizationId, ChallengeId, Identifier, ProvisionerName, Slot, Timestamp};

use super::super::Tables;
use super::broken;
use crate::act::{Fault, Outcome};
use crate::rows::{ChallengeRows, Counters, Due, DueCursor, OrderRows as _, Subject, Tracked};

/// A processing challenge and what it stands in.
#[derive(Clone, Copy)]
struct Processing<'a> {
    tracked: &'a Tracked,
    position: usize,
    retry: &'a Retry,
    in_flight: Option<&'a InFlight>,
}

impl Processing<'_> {
    fn challenge(&self) -> &Challenge {
        &self.tracked.authorization.challenges[self.position]
    }

    /// Armed ones first, by the time of the next attempt, then the others.
    fn place(&self) -> (bool, Option<Timestamp>, &ChallengeId) {
        let next = self.retry.next_attempt;
        (next.is_none(), next, &self.challenge().id)
    }
}

impl Tables {
    /// Processing challenges that a slot owns, in the order of their places.
    fn processing_of(&self, slot: Slot) -> Vec<Processing<'_>> {
        let mut found = Vec::new();
        for tracked in self.authorizations.values() {
            for (position, challenge) in tracked.authorization.challenges.iter().enumerate() {
                if let ChallengeState::Processing { retry, in_flight } = &challenge.state
                    && retry.owner == slot
                {
                    found.push(Processing {
                        tracked,
                        position,
                        retry,
                        in_flight: in_flight.as_ref(),
                    });
                }
            }
        }
        found.sort_by(|a, b| a.place().cmp(&b.place()));
        found
    }

    fn has_moved_on(&self, in_flight: &InFlight) -> bool {
        let lease = self.leases.get(&in_flight.slot);
        lease.is_none_or(|lease| lease.epoch != in_flight.epoch)
    }

    /// Whether nobody is making an attempt.
    fn is_free(&self, in_flight: Option<&InFlight>, now: Timestamp) -> bool {
        in_flight.is_none_or(|claim| claim.until <= now || self.has_moved_on(claim))
    }

    fn subject_of(&self, tracked: &Tracked) -> Outcome<Subject> {
        let authorization = &tracked.authorization;
        let account = self.accounts.get(&authorization.account_id);
        let account = account.ok_or_else(|| broken("an authorization has an account"))?;
        Ok(Subject {
            identifier: authorization.identifier.clone(),
            wildcard: authorization.wildcard,
            account_id: authorization.account_id.clone(),
            provisioner: authorization.provisioner.clone(),
            thumbprint: account.thumbprint,
        })
    }
}

impl ChallengeRows for Tables {
    async fn set_challenge(&mut self, challenge: &Challenge, counters: Counters) -> Outcome<()> {
        let tracked = self.authorizations.get_mut(&challenge.authorization_id);
        let tracked = tracked.ok_or_else(|| broken("a challenge has an authorization"))?;
        let position = tracked.position(&challenge.id);
        let position = position.ok_or_else(|| Fault::corrupt("a challenge in the wrong place"))?;
        tracked.authorization.challenges[position] = challenge.clone();
        tracked.counters[position] = counters;
        Ok(())
    }

    async fn mark_claimed(&mut self, challenge: &Challenge, counters: Counters) -> Outcome<()> {
        self.set_challenge(challenge, counters).await
    }

    async fn lock_challenge(
        &mut self,
        id: &ChallengeId,
        _: &ProvisionerName,
    ) -> Outcome<Option<(Challenge, Counters, Timestamp)>> {
        let tracked = self.authorization_of_challenge(id).await?;
        Ok(tracked.and_then(|mut tracked| {
            let position = tracked.position(id)?;
            Some((
                tracked.authorization.challenges.swap_remove(position),
                tracked.counters[position],
                tracked.authorization.expires_at,
            ))
        }))
    }

    async fn set_attempted(&mut self, challenge: &Challenge, counters: Counters) -> Outcome<()> {
        self.set_challenge(challenge, counters).await
    }

    async fn insert_attempt(&mut self, challenge: &ChallengeId, attempt: &Attempt) -> Outcome<()> {
        let attempts = self.attempts.entry(challenge.clone()).or_default();
        if attempts.iter().any(|a| a.number == attempt.number) {
            return Err(broken("an attempt's number is unique"));
        }
        attempts.push(attempt.clone());
        Ok(())
    }

    async fn newest_attempts(
        &mut self,
        challenge: &ChallengeId,
        limit: u32,
    ) -> Outcome<Vec<Attempt>> {
        let attempts = self.attempts.get(challenge).into_iter().flatten();
        Ok(attempts.rev().take(limit as usize).cloned().collect())
    }

    async fn all_attempts(&mut self, challenge: &ChallengeId) -> Outcome<Vec<Attempt>> {
        Ok(self.attempts.get(challenge).cloned().unwrap_or_default())
    }

    async fn lock_due(&mut self, slot: Slot, limit: u32, now: Timestamp) -> Outcome<Vec<Due>> {
        let of_slot = self.processing_of(slot);
        let due = of_slot
            .iter()
            .filter(|p| p.retry.is_due(now) && self.is_free(p.in_flight, now));
        due.take(limit as usize)
            .map(|p| {
                Ok(Due {
                    challenge: p.challenge().clone(),
                    counters: p.tracked.counters[p.position],
                    subject: self.subject_of(p.tracked)?,
                })
            })
            .collect()
    }

    async fn next_due(&mut self, slot: Slot, now: Timestamp) -> Outcome<Option<Timestamp>> {
        let of_slot = self.processing_of(slot);
        let at = of_slot.iter().filter_map(|p| {
            let next = p.retry.next_attempt?;
            match p.in_flight {
                _ if next > now => Some(next),
                in_flight if self.is_free(in_flight, now) => Some(now),
                Some(claim) if claim.started_at < now => Some(claim.until),
                _ => None,
            }
        });
        Ok(at.min())
    }

    async fn subject(&mut self, authorization: &AuthorizationId) -> Outcome<Option<Subject>> {
        let tracked = self.authorizations.get(authorization);
        tracked.map(|tracked| self.subject_of(tracked)).transpose()
    }

    async fn is_stale(&mut self, in_flight: &InFlight) -> Outcome<bool> {
        Ok(self.has_moved_on(in_flight))
    }

    async fn expired(
        &mut self,
        slot: Slot,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<Vec<ChallengeId>> {
        let mut found = self.processing_of(slot);
        found.retain(|p| p.tracked.authorization.expires_at <= now);
        found.sort_by_key(|p| p.tracked.authorization.expires_at);
        found.truncate(limit as usize);
        Ok(found.iter().map(|p| p.challenge().id.clone()).collect())
    }

    async fn adopt_challenges(
        &mut self,
        from: Slot,
        to: Slot,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<u32> {
        let mut orphans = self.processing_of(from);
        orphans.retain(|p| p.retry.is_armed() || p.tracked.authorization.expires_at <= now);
        orphans.truncate(limit as usize);
        let places: Vec<(AuthorizationId, usize)> = orphans
            .iter()
            .map(|p| (p.tracked.authorization.id.clone(), p.position))
            .collect();
        for (id, position) in &places {
            if let Some(tracked) = self.authorizations.get_mut(id)
                && let ChallengeState::Processing { retry, .. } =
                    &mut tracked.authorization.challenges[*position].state
            {
                retry.owner = to;
            }
        }
        Ok(u32::try_from(places.len()).unwrap_or(limit))
    }

    async fn processing(
        &mut self,
        slot: Slot,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> Outcome<Vec<(Challenge, Identifier)>> {
        let of_slot = self.processing_of(slot);
        let after = after.map(|a| (a.next_attempt.is_none(), a.next_attempt, &a.id));
        let found = of_slot
            .iter()
            .filter(|p| after.is_none_or(|after| p.place() > after))
            .take(limit as usize);
        Ok(found
            .map(|p| {
                let identifier = p.tracked.authorization.identifier.clone();
                (p.challenge().clone(), identifier)
            })
            .collect())
    }
}
