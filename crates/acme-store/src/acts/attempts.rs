//! Attempts: claim what is due, record what was seen.

use std::time::Duration;

use acme_core::{
    Attempt, Challenge, ChallengeState, Claim, ClaimBatch, Epoch, Observation, RecordVerdict,
    RetryPolicy,
};
use acme_types::{Slot, Timestamp};

use super::{fence, settle};
use crate::act::{Act, Outcome};
use crate::rows::{Counters, Rows, Subject, Tracked};

/// Where attempts are made from.
const PERSPECTIVE: &str = "local";

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
                rows.set_challenge(&due.challenge, due.counters).await?;
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

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<RecordVerdict> {
        let mark = &self.claim.in_flight;
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
        challenge.state = challenge.state.clone().concluded(
            &self.observation,
            started_at,
            expires_at,
            &self.policy,
            self.now,
        );
        let counters = &mut tracked.counters[position];
        counters.attempts = counters.attempts.saturating_add(1);
        let attempt = Attempt {
            number: counters.attempts,
            slot: mark.slot,
            started_at,
            perspective: PERSPECTIVE.to_owned(),
            observation: self.observation.clone(),
        };
        rows.insert_attempt(&self.claim.challenge_id, &attempt)
            .await?;
        settle::challenge_moved(rows, &mut tracked, position, self.now).await?;
        let challenge = tracked.authorization.challenges.swap_remove(position);
        Ok(RecordVerdict::Recorded(Box::new(challenge)))
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

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        let Some(mut held) = held(rows, &self.claim).await? else {
            return Ok(());
        };
        let challenge = &mut held.tracked.authorization.challenges[held.position];
        challenge.state = challenge.state.clone().postponed(self.to);
        rows.set_challenge(challenge, held.tracked.counters[held.position])
            .await
    }
}

/// A challenge whose claim is in force.
struct Held {
    tracked: Tracked,
    position: usize,
    started_at: Timestamp,
}

/// The challenge of a claim, when the claim is still in force. Its slot need not own the challenge
/// any more: another replica may have taken a request meanwhile.
async fn held<R: Rows>(rows: &mut R, claim: &Claim) -> Outcome<Option<Held>> {
    let mark = &claim.in_flight;
    fence(rows, mark.slot, mark.epoch).await?;
    let id = &claim.challenge_id;
    let Some(tracked) = rows.lock_authorization_of_challenge(id).await? else {
        return Ok(None);
    };
    let Some(position) = tracked.position(id) else {
        return Ok(None);
    };
    let started_at = match &tracked.authorization.challenges[position].state {
        ChallengeState::Processing {
            in_flight: Some(found),
            ..
        } if (found.slot, found.epoch, found.number) == (mark.slot, mark.epoch, mark.number) => {
            found.started_at
        }
        _ => return Ok(None),
    };
    Ok(Some(Held {
        tracked,
        position,
        started_at,
    }))
}
