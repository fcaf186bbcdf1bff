//! The story of a challenge: where it stands, each attempt that was made, and what to mend.

#[cfg(test)]
mod tests;

mod advice;
mod search;
mod span;

use acme_types::{Identifier, Problem, Timestamp};
use serde::Serialize;

pub use advice::advice;
pub use search::{Subject, Told, tell};
pub use span::roughly;

use crate::{Attempt, Authorization, Challenge, ChallengeState, Finding};

/// Seconds that an attempt may take. Who reads the store from outside cannot always see that one is
/// being made.
const ATTEMPT_SECS: u64 = 15;

/// A challenge and all its attempts, as people and machines are shown them.
#[derive(Debug, Serialize)]
pub struct Story {
    /// Its id.
    pub challenge: String,
    /// Its type, as `http-01`.
    pub kind: &'static str,
    /// What is to be proven, without `*.`.
    pub identifier: Identifier,
    /// Whether it is for the identifier's wildcard.
    pub wildcard: bool,
    /// `pending`, `processing`, `valid` or `invalid`.
    pub status: String,
    /// Where it stands, in words.
    pub summary: String,
    /// The present window, while it is processing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    /// When the proof was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated_at: Option<Timestamp>,
    /// Why it is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// Its provisioner.
    pub provisioner: String,
    /// Who must prove it.
    pub account: String,
    /// The id of its authorization.
    pub authorization: String,
    /// Where its authorization stands.
    pub authorization_status: String,
    /// When its authorization ends.
    pub authorization_expires_at: Timestamp,
    /// Every attempt that is still kept, oldest first.
    pub attempts: Vec<ToldAttempt>,
}

/// How far the present window of attempts is.
#[derive(Debug, Serialize)]
pub struct Retries {
    /// The slot whose replica makes them.
    pub slot: u8,
    /// Attempts that were made in the window.
    pub attempts_made: u32,
    /// Attempts that it has.
    pub attempts_in_window: u32,
    /// When the next one is due; none when the window is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// Whether one is being made right now.
    pub being_made: bool,
}

/// An attempt, as it is shown.
#[derive(Debug, Serialize)]
pub struct ToldAttempt {
    /// Counts the challenge's attempts from 1.
    pub number: u32,
    /// When it started.
    pub at: Timestamp,
    /// The slot whose replica made it.
    pub slot: u8,
    /// Where it was made from.
    pub perspective: String,
    /// How far it got: `dns`, `connect`, `tls`, `http` or `compare`.
    pub phase: &'static str,
    /// What it found, in a word.
    pub finding: &'static str,
    /// The address that was dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What came back, in words.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub took_ms: u128,
    /// What to mend.
    pub advice: &'static str,
}

impl Story {
    /// Tells of `challenge` within its authorization; `attempts` oldest first.
    #[must_use]
    pub fn new(
        authorization: &Authorization,
        challenge: &Challenge,
        attempts: &[Attempt],
        now: Timestamp,
    ) -> Self {
        let (mut retries, mut validated_at, mut error) = (None, None, None);
        match &challenge.state {
            ChallengeState::Pending => {}
            ChallengeState::Processing { retry, in_flight } => {
                retries = Some(Retries {
                    slot: retry.owner.number(),
                    attempts_made: retry.num_attempts,
                    attempts_in_window: retry.max_attempts,
                    next_attempt_at: retry.next_attempt,
                    being_made: in_flight.is_some_and(|claim| claim.until > now),
                });
            }
            ChallengeState::Valid { validated_at: at } => validated_at = Some(*at),
            ChallengeState::Invalid { error: problem } => error = Some(problem.clone()),
        }
        Self {
            challenge: challenge.id.to_string(),
            kind: challenge.kind.as_str(),
            identifier: authorization.identifier.clone(),
            wildcard: authorization.wildcard,
            status: challenge.state.status().to_string(),
            summary: summary(challenge, authorization, now),
            retries,
            validated_at,
            error,
            provisioner: authorization.provisioner.to_string(),
            account: authorization.account_id.to_string(),
            authorization: authorization.id.to_string(),
            authorization_status: authorization.status(now).to_string(),
            authorization_expires_at: authorization.expires_at,
            attempts: attempts.iter().map(told).collect(),
        }
    }

    /// What to mend after the attempt at this place. None where the next one found the same: the
    /// same advice eleven times would hide that one attempt differed.
    #[must_use]
    pub fn advice_after(&self, at: usize) -> Option<&'static str> {
        let attempt = self.attempts.get(at)?;
        let next = self.attempts.get(at + 1);
        let is_proof = attempt.finding == Finding::Proof.as_str();
        let is_last = next.is_none_or(|next| next.finding != attempt.finding);
        (!is_proof && is_last).then_some(attempt.advice)
    }
}

fn told(attempt: &Attempt) -> ToldAttempt {
    let observation = &attempt.observation;
    ToldAttempt {
        number: attempt.number,
        at: attempt.started_at,
        slot: attempt.slot.number(),
        perspective: attempt.perspective.clone(),
        phase: observation.phase.as_str(),
        finding: observation.finding.as_str(),
        address: observation.address.map(|address| address.to_string()),
        detail: observation.detail.clone(),
        took_ms: observation.took.as_millis(),
        advice: advice(observation.finding),
    }
}

/// Where a challenge stands, in words.
fn summary(challenge: &Challenge, authorization: &Authorization, now: Timestamp) -> String {
    let expired = authorization.expires_at <= now;
    match &challenge.state {
        ChallengeState::Pending if expired => {
            "pending: the client never asked for a validation, and the authorization has expired"
                .to_owned()
        }
        ChallengeState::Pending => {
            "pending: the client has not asked for a validation yet".to_owned()
        }
        ChallengeState::Processing { .. } if expired => {
            "processing, but the authorization has expired: no more attempts are made, and it ends \
             invalid"
                .to_owned()
        }
        ChallengeState::Processing { retry, in_flight } => {
            let window = format!(
                "{} of {} attempts of this window made",
                retry.num_attempts, retry.max_attempts
            );
            let in_flight = in_flight.filter(|claim| claim.until > now);
            let next = match (in_flight, retry.next_attempt) {
                (Some(claim), _) => format!(
                    "one is being made right now, for {}",
                    roughly(now.since(claim.started_at))
                ),
                (None, Some(next)) if next > now => {
                    format!("the next in {}", roughly(next.since(now)))
                }
                (None, Some(next)) => match now.since(next).as_secs() {
                    0 | 1 => "the next is due now".to_owned(),
                    2..ATTEMPT_SECS => {
                        "the next is due, and may be being made right now".to_owned()
                    }
                    _ => format!(
                        "the next has been due for {}: is the server of slot {} running?",
                        roughly(now.since(next)),
                        retry.owner
                    ),
                },
                (None, None) => "no more until the client asks again (it is not failed)".to_owned(),
            };
            format!("processing: {window}; {next}")
        }
        ChallengeState::Valid { validated_at } => {
            format!("valid: the proof was seen at {validated_at}")
        }
        ChallengeState::Invalid { error } => format!("invalid: {}", error.detail),
    }
}
