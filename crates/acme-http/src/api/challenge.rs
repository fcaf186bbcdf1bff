//! Challenges: the client's request for a validation, and its polls
//! ([RFC 8555 § 7.5.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.5.1)).

use acme_core::{
    Account, Attempt, Authorization, AuthorizationState, BeginValidation, Challenge,
    ChallengeState, Claim, Provisioner, Stopped, ValidationView,
};
use acme_types::{
    AuthorizationStatus, ChallengeBody, ChallengeId, ChallengeKind, ChallengeResponse, Timestamp,
};

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

impl Api {
    pub(super) async fn challenge(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &ChallengeId,
        payload: &Payload,
        now: Timestamp,
    ) -> Outcome {
        let is_poll = payload.is_empty();
        if !is_poll {
            // Older clients send a keyAuthorization, others a type; none of it matters.
            let response: ChallengeResponse = payload.object()?;
            if let Some(proof) = self
                .proof_along(provisioner, account, id, &response)
                .await?
            {
                return self.conclude(provisioner, account, id, proof, now).await;
            }
        }
        let runner = &self.services.runner;
        let claims = !is_poll && runner.has_room();
        let request = BeginValidation {
            challenge_id: id,
            account_id: &account.id,
            slot: self.services.tenure.slot(),
            epoch: self.services.tenure.epoch(),
            policy: &provisioner.retry,
            claim_for: claims.then_some(self.attempt_patience),
            now,
        };
        let store = &self.services.store;
        let view = if is_poll {
            store.poll_validation(request).await?
        } else {
            store.begin_validation(request).await?
        };
        let mut view = view.ok_or_else(no_challenge)?;
        if view.rearmed {
            self.meters.rearmed.increment(1);
        }
        if let Some(claim) = view.claim.take() {
            view = self.first_attempt(provisioner, id, view, claim).await?;
        } else if find(&view.authorization, id)
            .is_some_and(|challenge| awaits_worker(challenge, is_poll, now))
        {
            runner.wake();
        }
        self.challenge_answer(provisioner, id, &view, is_poll)
    }

    /// The challenge as it is now, when to look again, and where its authorization is.
    pub(super) fn challenge_answer(
        &self,
        provisioner: &Provisioner,
        id: &ChallengeId,
        view: &ValidationView,
        is_poll: bool,
    ) -> Outcome {
        let now = self.services.clock.now();
        let challenge = find(&view.authorization, id).ok_or_else(no_challenge)?;
        // At least one client takes an error in the answer to its own request for a failure, so
        // only polls are told why it is not done yet.
        let attempts = is_poll.then_some(view.attempts.as_slice());
        let body = self.challenge_body(provisioner, &view.authorization, challenge, attempts, now);
        let authorization = &view.authorization;
        let up = Resource::Authorization(authorization.id.clone());
        let retry_after = match authorization.status(now) {
            AuthorizationStatus::Pending => challenge.retry_after(&provisioner.retry, now),
            _ => None,
        };
        Ok(Answer::json(&body)
            .location(&body.url)
            .link(&self.url(provisioner, &up), "up")
            .retry_after(retry_after))
    }

    /// Makes the attempt that the request has claimed, and waits a moment for it: a proof that is
    /// there already is answered at once.
    async fn first_attempt(
        &self,
        provisioner: &Provisioner,
        id: &ChallengeId,
        view: ValidationView,
        claim: Claim,
    ) -> Result<ValidationView, Failure> {
        let attempt = self.services.runner.run(claim);
        if tokio::time::timeout(provisioner.retry.answer_within, attempt)
            .await
            .is_err()
        {
            return Ok(view);
        }
        let read = self
            .services
            .store
            .find_authorization(&view.authorization.id)
            .await?;
        let Some((authorization, mut attempts)) = read else {
            return Ok(view);
        };
        let at = authorization.challenges.iter().position(|c| c.id == *id);
        let attempts = match at {
            Some(at) if at < attempts.len() => attempts.swap_remove(at),
            _ => Vec::new(),
        };
        Ok(ValidationView {
            authorization,
            attempts,
            claim: None,
            rearmed: view.rearmed,
        })
    }

    /// The challenge's body. Without `attempts` it has no `error` unless it is invalid.
    pub(super) fn challenge_body(
        &self,
        provisioner: &Provisioner,
        authorization: &Authorization,
        challenge: &Challenge,
        attempts: Option<&[Attempt]>,
        now: Timestamp,
    ) -> ChallengeBody {
        let expired =
            authorization.state == AuthorizationState::Pending && authorization.expires_at <= now;
        let stopped;
        let challenge = if expired {
            stopped = Challenge {
                state: challenge.state.clone().stopped(Stopped::Expired),
                ..challenge.clone()
            };
            &stopped
        } else {
            challenge
        };
        let told = attempts.is_some() || matches!(challenge.state, ChallengeState::Invalid { .. });
        let persists = challenge.kind == ChallengeKind::DnsPersist01;
        ChallengeBody {
            kind: challenge.kind,
            url: self.url(provisioner, &Resource::Challenge(challenge.id.clone())),
            status: challenge.state.status(),
            token: challenge.token.clone(),
            accounturi: persists.then(|| {
                let account = Resource::Account(authorization.account_id.clone());
                self.url(provisioner, &account)
            }),
            issuer_domain_names: if persists {
                provisioner.caa_identities.clone()
            } else {
                Vec::new()
            },
            validated: match challenge.state {
                ChallengeState::Valid { validated_at } => Some(validated_at),
                _ => None,
            },
            error: told
                .then(|| challenge.error(attempts.unwrap_or_default()))
                .flatten(),
        }
    }
}

pub(super) fn find<'a>(
    authorization: &'a Authorization,
    id: &ChallengeId,
) -> Option<&'a Challenge> {
    authorization.challenges.iter().find(|c| c.id == *id)
}

/// Whether the worker may have to come earlier than it planned: after a request for a challenge
/// that is armed, and after a poll that has just armed it.
fn awaits_worker(challenge: &Challenge, is_poll: bool, now: Timestamp) -> bool {
    match &challenge.state {
        ChallengeState::Processing {
            retry,
            in_flight: None,
        } if retry.is_armed() => !is_poll || (retry.num_attempts == 0 && retry.window_start >= now),
        _ => false,
    }
}

pub(super) fn no_challenge() -> Failure {
    Failure::not_found("this account has no such challenge")
}
