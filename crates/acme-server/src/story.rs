//! The story of a challenge: where it stands, each attempt that was made, and what to mend.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use acme_core::{Attempt, Authorization, Challenge, ChallengeState, Finding};
use acme_types::{Identifier, Problem, Timestamp};
use serde::Serialize;

use crate::advice::advice;
use crate::config::duration::roughly;
use crate::output::{Report, facts};

/// Seconds that an attempt may take. Who reads the store from outside cannot always see that one is
/// being made.
const ATTEMPT_SECS: u64 = 15;

/// A challenge and all its attempts, as they are shown.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    challenge: String,
    kind: &'static str,
    identifier: Identifier,
    wildcard: bool,
    status: String,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<Retries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    provisioner: String,
    account: String,
    authorization: String,
    authorization_status: String,
    authorization_expires_at: Timestamp,
    attempts: Vec<ShownAttempt>,
}

/// How far the present window of attempts is.
#[derive(Debug, Serialize)]
struct Retries {
    slot: u8,
    attempts_made: u32,
    attempts_in_window: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    being_made: bool,
}

/// An attempt, as it is shown.
#[derive(Debug, Serialize)]
struct ShownAttempt {
    number: u32,
    at: Timestamp,
    slot: u8,
    perspective: String,
    phase: &'static str,
    finding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    detail: String,
    took_ms: u128,
    advice: &'static str,
}

impl Story {
    /// Tells of `challenge` within its authorization; `attempts` oldest first.
    #[must_use]
    pub(crate) fn new(
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
            attempts: attempts.iter().map(shown).collect(),
        }
    }
}

fn shown(attempt: &Attempt) -> ShownAttempt {
    let observation = &attempt.observation;
    ShownAttempt {
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

impl Report for Story {
    fn text(&self) -> String {
        let wildcard = if self.wildcard {
            " (for its wildcard)"
        } else {
            ""
        };
        let mut text = facts(&[
            ("Challenge", format!("{} ({})", self.challenge, self.kind)),
            ("Identifier", format!("{}{wildcard}", self.identifier)),
            ("Status", self.summary.clone()),
            (
                "Slot",
                self.retries
                    .as_ref()
                    .map_or_else(String::new, |retries| retries.slot.to_string()),
            ),
            (
                "Next attempt",
                self.retries
                    .as_ref()
                    .and_then(|retries| retries.next_attempt_at)
                    .map_or_else(String::new, |next| next.to_string()),
            ),
            ("Provisioner", self.provisioner.clone()),
            (
                "Authorization",
                format!(
                    "{} ({}, expires {})",
                    self.authorization, self.authorization_status, self.authorization_expires_at
                ),
            ),
            ("Account", self.account.clone()),
        ]);
        text.push('\n');
        if self.attempts.is_empty() {
            text.push_str("No attempt has been made yet.\n");
        }
        // Writing to a String cannot fail.
        let first = self.attempts.first().map(|attempt| attempt.at);
        for (at, attempt) in self.attempts.iter().enumerate() {
            let since = first.map_or(std::time::Duration::ZERO, |first| attempt.at.since(first));
            let address = attempt.address.as_ref();
            let address = address.map_or_else(String::new, |address| format!("  {address}"));
            let _ = writeln!(
                text,
                "#{}  {}  +{}  slot {}  {}{address}  took {} ms  {}",
                attempt.number,
                attempt.at,
                roughly(since),
                attempt.slot,
                attempt.phase,
                attempt.took_ms,
                attempt.finding,
            );
            paragraph(&mut text, &attempt.detail);
            // The same advice eleven times would hide that one attempt differed.
            let next = self.attempts.get(at + 1);
            let is_proof = attempt.finding == Finding::Proof.as_str();
            if !is_proof && next.is_none_or(|next| next.finding != attempt.finding) {
                paragraph(&mut text, &format!("-> {}", attempt.advice));
            }
        }
        text
    }
}

/// Adds text in indented lines of at most 96 characters.
fn paragraph(text: &mut String, words: &str) {
    let mut width = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length <= 92 {
            text.push(' ');
            width += 1;
        } else {
            text.push_str(if width > 0 { "\n    " } else { "    " });
            width = 0;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}
