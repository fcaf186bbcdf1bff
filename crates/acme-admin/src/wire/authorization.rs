//! Authorizations, their challenges and attempts as they are shown.

use acme_core::{
    Attempt, Authorization, Challenge, ChallengeState, InFlight, ProcessingChallenge, Retry,
};
use acme_types::{OrderId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ShownProblem;

/// An authorization.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownAuthorization {
    /// Its id.
    pub(crate) id: String,
    /// Its account.
    pub(crate) account: String,
    /// Its provisioner.
    pub(crate) provisioner: String,
    /// What is to be proven, without `*.`.
    pub(crate) identifier: String,
    /// Whether it is for the identifier's wildcard.
    pub(crate) wildcard: bool,
    /// `pending`, `valid`, `invalid`, `deactivated`, `expired` or `revoked`.
    pub(crate) status: String,
    /// When it ends.
    pub(crate) expires_at: String,
    /// The ways to prove it.
    pub(crate) challenges: Vec<ShownChallenge>,
}

impl ShownAuthorization {
    pub(crate) fn new(authorization: &Authorization, now: Timestamp) -> Self {
        Self {
            id: authorization.id.to_string(),
            account: authorization.account_id.to_string(),
            provisioner: authorization.provisioner.to_string(),
            identifier: authorization.identifier.to_string(),
            wildcard: authorization.wildcard,
            status: authorization.status(now).as_str().to_owned(),
            expires_at: authorization.expires_at.to_string(),
            challenges: authorization.challenges.iter().map(Into::into).collect(),
        }
    }
}

/// An authorization and who rests on it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WholeAuthorization {
    /// The authorization.
    #[serde(flatten)]
    pub(crate) authorization: ShownAuthorization,
    /// The newest orders that rest on it, at most 20.
    pub(crate) orders: Vec<String>,
}

impl WholeAuthorization {
    pub(crate) fn new(authorization: &Authorization, orders: &[OrderId], now: Timestamp) -> Self {
        Self {
            authorization: ShownAuthorization::new(authorization, now),
            orders: orders.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A challenge.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownChallenge {
    /// Its id.
    pub(crate) id: String,
    /// Its authorization.
    pub(crate) authorization: String,
    /// Its type, as `http-01`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// `pending`, `processing`, `valid` or `invalid`.
    pub(crate) status: String,
    /// The window of attempts, while it is processing.
    pub(crate) retry: Option<ShownRetry>,
    /// The attempt that is being made right now.
    pub(crate) in_flight: Option<ShownInFlight>,
    /// When the proof was seen.
    pub(crate) validated_at: Option<String>,
    /// Why it is invalid.
    pub(crate) error: Option<ShownProblem>,
}

impl From<&Challenge> for ShownChallenge {
    fn from(challenge: &Challenge) -> Self {
        let mut shown = Self {
            id: challenge.id.to_string(),
            authorization: challenge.authorization_id.to_string(),
            kind: challenge.kind.as_str().to_owned(),
            status: challenge.state.status().as_str().to_owned(),
            retry: None,
            in_flight: None,
            validated_at: None,
            error: None,
        };
        match &challenge.state {
            ChallengeState::Pending => {}
            ChallengeState::Processing { retry, in_flight } => {
                shown.retry = Some(retry.into());
                shown.in_flight = in_flight.as_ref().map(Into::into);
            }
            ChallengeState::Valid { validated_at } => {
                shown.validated_at = Some(validated_at.to_string());
            }
            ChallengeState::Invalid { error } => shown.error = Some(error.into()),
        }
        shown
    }
}

/// A window of attempts.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownRetry {
    /// The slot whose replica makes them.
    pub(crate) slot: u8,
    /// When it began.
    pub(crate) window_start: String,
    /// Attempts that were made in it.
    pub(crate) attempts: u32,
    /// Attempts that it has.
    pub(crate) max_attempts: u32,
    /// When the next one is due; absent when the window is over.
    pub(crate) next_attempt: Option<String>,
    /// When the last one was made.
    pub(crate) last_attempt: Option<String>,
}

impl From<&Retry> for ShownRetry {
    fn from(retry: &Retry) -> Self {
        Self {
            slot: retry.owner.number(),
            window_start: retry.window_start.to_string(),
            attempts: retry.num_attempts,
            max_attempts: retry.max_attempts,
            next_attempt: retry.next_attempt.map(|at| at.to_string()),
            last_attempt: retry.last_attempt.map(|at| at.to_string()),
        }
    }
}

/// An attempt that is being made.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownInFlight {
    /// The slot whose replica makes it.
    pub(crate) slot: u8,
    /// When it started.
    pub(crate) started_at: String,
    /// When it counts as lost.
    pub(crate) until: String,
}

impl From<&InFlight> for ShownInFlight {
    fn from(in_flight: &InFlight) -> Self {
        Self {
            slot: in_flight.slot.number(),
            started_at: in_flight.started_at.to_string(),
            until: in_flight.until.to_string(),
        }
    }
}

/// An attempt that was made.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownAttempt {
    /// Counts the challenge's attempts from 1.
    pub(crate) number: u32,
    /// The slot whose replica made it.
    pub(crate) slot: u8,
    /// When it started.
    pub(crate) started_at: String,
    /// Where it was made from.
    pub(crate) perspective: String,
    /// How far it got: `dns`, `connect`, `tls`, `http` or `compare`.
    pub(crate) phase: String,
    /// What it found, in a word.
    pub(crate) finding: String,
    /// The address that was dialled.
    pub(crate) address: Option<String>,
    /// What came back, in words; printable, at most 400 characters.
    pub(crate) detail: String,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: f64,
}

impl From<&Attempt> for ShownAttempt {
    fn from(attempt: &Attempt) -> Self {
        let seen = &attempt.observation;
        Self {
            number: attempt.number,
            slot: attempt.slot.number(),
            started_at: attempt.started_at.to_string(),
            perspective: attempt.perspective.clone(),
            phase: seen.phase.as_str().to_owned(),
            finding: seen.finding.as_str().to_owned(),
            address: seen.address.map(|address| address.to_string()),
            detail: seen.detail.clone(),
            took_ms: seen.took.as_secs_f64() * 1000.0,
        }
    }
}

/// A challenge with every attempt, and what it is to prove.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WholeChallenge {
    /// The challenge.
    #[serde(flatten)]
    pub(crate) challenge: ShownChallenge,
    /// What is to be proven.
    pub(crate) identifier: String,
    /// Whether it is for the identifier's wildcard.
    pub(crate) wildcard: bool,
    /// Who must prove it.
    pub(crate) account: String,
    /// Every attempt that is still kept, oldest first.
    pub(crate) attempts: Vec<ShownAttempt>,
}

impl WholeChallenge {
    pub(crate) fn new(
        challenge: &Challenge,
        authorization: &Authorization,
        attempts: &[Attempt],
    ) -> Self {
        Self {
            challenge: challenge.into(),
            identifier: authorization.identifier.to_string(),
            wildcard: authorization.wildcard,
            account: authorization.account_id.to_string(),
            attempts: attempts.iter().map(Into::into).collect(),
        }
    }
}

/// A challenge that is being tried.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownProcessing {
    /// The challenge.
    #[serde(flatten)]
    pub(crate) challenge: ShownChallenge,
    /// What is to be proven.
    pub(crate) identifier: String,
    /// The newest attempt.
    pub(crate) last: Option<ShownAttempt>,
}

impl From<&ProcessingChallenge> for ShownProcessing {
    fn from(processing: &ProcessingChallenge) -> Self {
        Self {
            challenge: (&processing.challenge).into(),
            identifier: processing.identifier.to_string(),
            last: processing.last.as_ref().map(Into::into),
        }
    }
}
