//! What a client does to a challenge: ask for a validation, and poll.

use std::time::Duration;

use acme_core::{Attempt, ChallengeState, Claim, Epoch, Observation, RetryPolicy, ValidationView};
use acme_types::{AccountId, AuthorizationStatus, ChallengeId, Slot, Thumbprint, Timestamp};

use super::attempts::{PERSPECTIVE, claim};
use super::orders::shown_attempts;
use super::{fence, settle};
use crate::act::{Act, Fault, Outcome};
use crate::rows::{Rows, Tracked};

/// See [`acme_core::Store::begin_validation`].
#[derive(Clone)]
pub(crate) struct BeginValidation {
    pub(crate) challenge_id: ChallengeId,
    pub(crate) account_id: AccountId,
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) policy: RetryPolicy,
    pub(crate) claim_for: Option<Duration>,
    pub(crate) now: Timestamp,
}

impl From<&acme_core::BeginValidation<'_>> for BeginValidation {
    fn from(request: &acme_core::BeginValidation<'_>) -> Self {
        Self {
            challenge_id: request.challenge_id.clone(),
            account_id: request.account_id.clone(),
            slot: request.slot,
            epoch: request.epoch,
            policy: request.policy.clone(),
            claim_for: request.claim_for,
            now: request.now,
        }
    }
}

impl Act for BeginValidation {
    type Output = Option<ValidationView>;
    const WHAT: &'static str = "beginning a validation";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<ValidationView>> {
        fence(rows, self.slot, self.epoch).await?;
        let found = rows
            .lock_authorization_of_challenge(&self.challenge_id)
            .await?;
        let Some((mut tracked, position)) = within(found, &self.challenge_id, &self.account_id)
        else {
            return Ok(None);
        };
        let comes_along = tracked.authorization.challenges[position]
            .kind
            .comes_with_request();
        if comes_along || tracked.authorization.status(self.now) != AuthorizationStatus::Pending {
            return view(rows, tracked, position, None, false).await.map(Some);
        }
        let provisioner = tracked.authorization.provisioner.clone();
        let challenge = &mut tracked.authorization.challenges[position];
        let before = challenge.state.clone();
        challenge.state = before
            .clone()
            .requested(self.slot, &provisioner, &self.policy, self.now);
        let claim = self.claim(rows, &mut tracked, position).await?;
        let challenge = &tracked.authorization.challenges[position];
        let changed = challenge.state != before;
        if changed {
            rows.set_challenge(challenge, tracked.counters[position])
                .await?;
        }
        let rearmed = changed && matches!(before, ChallengeState::Processing { .. });
        view(rows, tracked, position, claim, rearmed)
            .await
            .map(Some)
    }
}

impl BeginValidation {
    /// Claims the attempt that is due at once, when the caller wants to make it.
    async fn claim<R: Rows>(
        &self,
        rows: &mut R,
        tracked: &mut Tracked,
        position: usize,
    ) -> Outcome<Option<Claim>> {
        let Some(patience) = self.claim_for else {
            return Ok(None);
        };
        let state = &tracked.authorization.challenges[position].state;
        let is_stale = match state {
            ChallengeState::Processing {
                in_flight: Some(in_flight),
                ..
            } => rows.is_stale(in_flight).await?,
            _ => false,
        };
        if !state.is_claimable(self.slot, self.now, |_| is_stale) {
            return Ok(None);
        }
        let subject = rows
            .subject(&tracked.authorization.id)
            .await?
            .ok_or_else(|| Fault::corrupt("an authorization without an account"))?;
        Ok(claim(
            &mut tracked.authorization.challenges[position],
            &mut tracked.counters[position],
            subject,
            (self.slot, self.epoch),
            patience,
            self.now,
        ))
    }
}

/// See [`acme_core::Store::conclude_validation`].
pub(crate) struct ConcludeValidation {
    pub(crate) request: BeginValidation,
    pub(crate) observation: Observation,
    pub(crate) attested_key: Option<Thumbprint>,
}

impl Act for ConcludeValidation {
    type Output = Option<ValidationView>;
    const WHAT: &'static str = "concluding a validation";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<ValidationView>> {
        let Self { request, .. } = self;
        let (slot, epoch, now) = (request.slot, request.epoch, request.now);
        fence(rows, slot, epoch).await?;
        let found = rows
            .lock_authorization_of_challenge(&request.challenge_id)
            .await?;
        let Some((mut tracked, position)) =
            within(found, &request.challenge_id, &request.account_id)
        else {
            return Ok(None);
        };
        let authorization = &mut tracked.authorization;
        let challenge = &mut authorization.challenges[position];
        if challenge.state.status().is_settled()
            || authorization.state.status(authorization.expires_at, now)
                != AuthorizationStatus::Pending
        {
            return view(rows, tracked, position, None, false).await.map(Some);
        }
        let requested = challenge.state.clone().requested(
            slot,
            &authorization.provisioner,
            &request.policy,
            now,
        );
        let expires_at = authorization.expires_at;
        challenge.state =
            requested.concluded(&self.observation, now, expires_at, &request.policy, now);
        if matches!(challenge.state, ChallengeState::Valid { .. })
            && let Some(key) = &self.attested_key
        {
            authorization.attested_key = Some(*key);
            rows.set_attested_key(&authorization.id, key).await?;
        }
        let counters = &mut tracked.counters[position];
        counters.attempts = counters.attempts.saturating_add(1);
        let attempt = Attempt {
            number: counters.attempts,
            slot,
            started_at: now,
            perspective: PERSPECTIVE.to_owned(),
            observation: self.observation.clone(),
        };
        rows.insert_attempt(&request.challenge_id, &attempt).await?;
        settle::challenge_moved(rows, &mut tracked, position, now).await?;
        view(rows, tracked, position, None, false).await.map(Some)
    }
}

/// What a poll finds.
pub(crate) enum Polled {
    /// There is nothing to write.
    View(Option<Box<ValidationView>>),
    /// The window has ended; the poll re-arms it.
    Rearms,
}

/// The reading part of [`acme_core::Store::poll_validation`].
pub(crate) struct PollValidation(pub BeginValidation);

impl Act for PollValidation {
    type Output = Polled;
    const WHAT: &'static str = "reading a challenge";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Polled> {
        let Self(poll) = self;
        let found = rows.authorization_of_challenge(&poll.challenge_id).await?;
        let Some((tracked, position)) = within(found, &poll.challenge_id, &poll.account_id) else {
            return Ok(Polled::View(None));
        };
        if rearms(&tracked, position, poll.now) {
            return Ok(Polled::Rearms);
        }
        let view = view(rows, tracked, position, None, false).await?;
        Ok(Polled::View(Some(Box::new(view))))
    }
}

/// The writing part of [`acme_core::Store::poll_validation`].
pub(crate) struct RearmValidation(pub BeginValidation);

impl Act for RearmValidation {
    type Output = Option<ValidationView>;
    const WHAT: &'static str = "arming a challenge again";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<ValidationView>> {
        let Self(poll) = self;
        fence(rows, poll.slot, poll.epoch).await?;
        let found = rows
            .lock_authorization_of_challenge(&poll.challenge_id)
            .await?;
        let Some((mut tracked, position)) = within(found, &poll.challenge_id, &poll.account_id)
        else {
            return Ok(None);
        };
        let rearmed = rearms(&tracked, position, poll.now);
        if rearmed {
            let challenge = &mut tracked.authorization.challenges[position];
            challenge.state = challenge
                .state
                .clone()
                .polled(poll.slot, &poll.policy, poll.now);
            rows.set_challenge(challenge, tracked.counters[position])
                .await?;
        }
        view(rows, tracked, position, None, rearmed).await.map(Some)
    }
}

fn rearms(tracked: &Tracked, position: usize, now: Timestamp) -> bool {
    tracked.authorization.status(now) == AuthorizationStatus::Pending
        && tracked.authorization.challenges[position]
            .state
            .awaits_request()
}

/// The authorization and the challenge's place in it, when it is that account's.
fn within(
    found: Option<Tracked>,
    challenge: &ChallengeId,
    account: &AccountId,
) -> Option<(Tracked, usize)> {
    let tracked = found.filter(|t| t.authorization.account_id == *account)?;
    let position = tracked.position(challenge)?;
    Some((tracked, position))
}

async fn view<R: Rows>(
    rows: &mut R,
    tracked: Tracked,
    position: usize,
    claim: Option<Claim>,
    rearmed: bool,
) -> Outcome<ValidationView> {
    let attempts = shown_attempts(rows, &tracked, position).await?;
    Ok(ValidationView {
        authorization: tracked.authorization,
        attempts,
        claim,
        rearmed,
    })
}
