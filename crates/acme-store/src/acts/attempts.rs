//! Attempts: claim what is due, record what was seen.

use std::time::Duration;

use acme_core::{
    Attempt, Challenge, ChallengeState, Claim, ClaimBatch, Epoch, Judgement, Observation,
    OnExhausted, RecordVerdict, RetryPolicy,
};
use acme_types::{Slot, Timestamp};

use super::{fence, settle};
use crate::act::{Act, Outcome};
use crate::rows::{Counters, Rows, Subject, Tracked};

/// Where attempts are made from.
pub(super) const PERSPECTIVE: &str = "local";

/// See [`acme_core::Store::claim_due`].
pub(crate) struct ClaimDue {
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) limit: u32,
    pub(crate) patience: Duration,
    pub(crate) now: Timestamp,
}

impl Act for ClaimDue {
    type Output = ClaimBatch;
    const WHAT: &'static str = "claiming what is due";

    fn can_wait(&self) -> bool {
        true
    }

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<ClaimBatch> {
        fence(rows, self.slot, self.epoch).await?;
        let due = rows.lock_due(self.slot, self.limit, self.now).await?;
        let mut claims = Vec::with_capacity(due.len());
        for mut due in due {
            let holder = (self.slot, self.epoch);
            if let Some(claim) = claim(
                &mut due.challenge,
                &mut due.counters,
                due.subject,
                holder,
                self.patience,
                self.now,
            ) {
                rows.mark_claimed(&due.challenge, due.counters).await?;
                claims.push(claim);
            }
        }
        let next_due = rows.next_due(self.slot, self.now).await?;
        Ok(ClaimBatch { claims, next_due })
    }
}

/// Marks a challenge that may be claimed; none when it is not `processing` or not armed.
pub(crate) fn claim(
    challenge: &mut Challenge,
    counters: &mut Counters,
    subject: Subject,
    (slot, epoch): (Slot, Epoch),
    patience: Duration,
    now: Timestamp,
) -> Option<Claim> {
    let ChallengeState::Processing { retry, .. } = &challenge.state else {
        return None;
    };
    let due_at = retry.next_attempt?;
    counters.claims = counters.claims.saturating_add(1);
    challenge.state = challenge
        .state
        .clone()
        .claimed(slot, epoch, counters.claims, now, patience);
    let ChallengeState::Processing {
        in_flight: Some(in_flight),
        ..
    } = challenge.state
    else {
        return None;
    };
    Some(Claim {
        challenge_id: challenge.id.clone(),
        in_flight,
        kind: challenge.kind,
        token: challenge.token.clone(),
        identifier: subject.identifier,
        wildcard: subject.wildcard,
        account_id: subject.account_id,
        provisioner: subject.provisioner,
        thumbprint: subject.thumbprint,
        due_at,
    })
}

/// See [`acme_core::Store::record_attempt`].
pub(crate) struct RecordAttempt {
    pub(crate) claim: Claim,
    pub(crate) observation: Observation,
    pub(crate) policy: RetryPolicy,
    pub(crate) now: Timestamp,
}

impl Act for RecordAttempt {
    type Output = RecordVerdict;
    const WHAT: &'static str = "recording an attempt";

    /// A request that has claimed its first attempt waits for the outcome, and was in time.
    fn can_wait(&self) -> bool {
        self.claim.due_at < self.claim.in_flight.started_at
    }

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<RecordVerdict> {
        fence(rows, self.claim.in_flight.slot, self.claim.in_flight.epoch).await?;
        if self.observation.finding.judge(&self.policy) == Judgement::NotYet
            && self.policy.on_exhausted == OnExhausted::Processing
            && let Some(verdict) = self.record_failure(rows).await?
        {
            return Ok(verdict);
        }
        let Some(Held {
            mut tracked,
            position,
            started_at,
        }) = held(rows, &self.claim).await?
        else {
            return Ok(RecordVerdict::Superseded);
        };
        let expires_at = tracked.authorization.expires_at;
        let challenge = &mut tracked.authorization.challenges[position];
        let counters = &mut tracked.counters[position];
        let attempt = self.conclude(challenge, counters, started_at, expires_at);
        rows.insert_attempt(&self.claim.challenge_id, &attempt)
            .await?;
        settle::challenge_moved(rows, &mut tracked, position, self.now).await?;
        let challenge = tracked.authorization.challenges.swap_remove(position);
        Ok(RecordVerdict::Recorded(Box::new(challenge)))
    }
}

impl RecordAttempt {
    /// Records a failure that leaves the challenge `processing`, which is what most attempts of a
    /// storm are: nothing but the challenge need be read or written. None when there is more to it.
    async fn record_failure<R: Rows>(&self, rows: &mut R) -> Outcome<Option<RecordVerdict>> {
        let claim = &self.claim;
        let found = rows
            .lock_challenge(&claim.challenge_id, &claim.provisioner)
            .await?;
        let Some((mut challenge, mut counters, expires_at)) = found else {
            return Ok(Some(RecordVerdict::Superseded));
        };
        let Some(started_at) = started_at(&challenge, claim) else {
            return Ok(Some(RecordVerdict::Superseded));
        };
        if expires_at <= self.now {
            return Ok(None);
        }
        let attempt = self.conclude(&mut challenge, &mut counters, started_at, expires_at);
        rows.insert_attempt(&claim.challenge_id, &attempt).await?;
        rows.set_attempted(&challenge, counters).await?;
        Ok(Some(RecordVerdict::Recorded(Box::new(challenge))))
    }

    /// The attempt, once the challenge and its counters have taken it in.
    fn conclude(
        &self,
        challenge: &mut Challenge,
        counters: &mut Counters,
        started_at: Timestamp,
        expires_at: Timestamp,
    ) -> Attempt {
        challenge.state = challenge.state.clone().concluded(
            &self.observation,
            started_at,
            expires_at,
            &self.policy,
            self.now,
        );
        counters.attempts = counters.attempts.saturating_add(1);
        Attempt {
            number: counters.attempts,
            slot: self.claim.in_flight.slot,
            started_at,
            perspective: PERSPECTIVE.to_owned(),
            observation: self.observation.clone(),
        }
    }
}

/// See [`acme_core::Store::postpone_attempt`].
pub(crate) struct PostponeAttempt {
    pub(crate) claim: Claim,
    pub(crate) to: Timestamp,
}

impl Act for PostponeAttempt {
    type Output = ();
    const WHAT: &'static str = "putting an attempt off";

    fn can_wait(&self) -> bool {
        true
    }

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        let claim = &self.claim;
        fence(rows, claim.in_flight.slot, claim.in_flight.epoch).await?;
        let found = rows
            .lock_challenge(&claim.challenge_id, &claim.provisioner)
            .await?;
        let Some((mut challenge, counters, _)) = found else {
            return Ok(());
        };
        if started_at(&challenge, claim).is_none() {
            return Ok(());
        }
        challenge.state = challenge.state.postponed(self.to);
        rows.set_attempted(&challenge, counters).await
    }
}

/// A challenge whose claim is in force.
struct Held {
    tracked: Tracked,
    position: usize,
    started_at: Timestamp,
}

/// The challenge of a claim with all around it, when the claim is still in force.
async fn held<R: Rows>(rows: &mut R, claim: &Claim) -> Outcome<Option<Held>> {
    let id = &claim.challenge_id;
    let Some(tracked) = rows.lock_authorization_of_challenge(id).await? else {
        return Ok(None);
    };
    let Some(position) = tracked.position(id) else {
        return Ok(None);
    };
    let challenge = &tracked.authorization.challenges[position];
    Ok(started_at(challenge, claim).map(|started_at| Held {
        tracked,
        position,
        started_at,
    }))
}

/// When the attempt of a claim started, if the claim is still in force. Its slot need not own the
/// challenge any more: another replica may have taken a request meanwhile.
fn started_at(challenge: &Challenge, claim: &Claim) -> Option<Timestamp> {
    let mark = &claim.in_flight;
    match &challenge.state {
        ChallengeState::Processing {
            in_flight: Some(found),
            ..
        } if (found.slot, found.epoch, found.number) == (mark.slot, mark.epoch, mark.number) => {
            Some(found.started_at)
        }
        _ => None,
    }
}
