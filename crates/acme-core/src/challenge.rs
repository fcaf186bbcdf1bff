//! The life of one challenge: `pending`, `processing` until a distinct conclusion, `valid` or
//! `invalid` ([RFC 8555 § 7.1.6], [§ 8.2]).
//!
//! [RFC 8555 § 7.1.6]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6
//! [§ 8.2]: https://www.rfc-editor.org/rfc/rfc8555#section-8.2

use std::time::Duration;

use acme_types::{
    AccountId, AuthorizationId, ChallengeId, ChallengeKind, ChallengeStatus, Identifier, Problem,
    ProblemKind, ProvisionerName, Slot, Subproblem, Thumbprint, Timestamp, Token,
};

use crate::{Epoch, Judgement, Observation, OnExhausted, Retry, RetryPolicy};

/// Most earlier attempts that a challenge's `error` lists.
pub const MAX_SHOWN_ATTEMPTS: usize = 10;

/// Longest and shortest `Retry-After`, in seconds.
const RETRY_AFTER_SECS: std::ops::RangeInclusive<u64> = 1..=60;

/// One way to prove control of an authorization's identifier, and how far it got.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// The challenge's id.
    pub id: ChallengeId,
    /// The authorization it belongs to.
    pub authorization_id: AuthorizationId,
    /// What must be shown, and where.
    pub kind: ChallengeKind,
    /// The random text to prove control with.
    pub token: Token,
    /// How far it got.
    pub state: ChallengeState,
}

/// How far a challenge got.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChallengeState {
    /// The client has not asked for a validation yet.
    Pending,
    /// The client asked; attempts are made until there is a distinct conclusion.
    Processing {
        /// The window of attempts.
        retry: Retry,
        /// The attempt that is being made right now.
        in_flight: Option<InFlight>,
    },
    /// The proof was there.
    Valid {
        /// When it was seen.
        validated_at: Timestamp,
    },
    /// The proof was contradicted, or time ran out.
    Invalid {
        /// Why.
        error: Problem,
    },
}

/// An attempt that somebody is making: nobody else may start one before it is recorded, its slot's
/// lease has moved on, or `until` has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InFlight {
    /// The slot that makes the attempt.
    pub slot: Slot,
    /// The epoch of that slot's lease.
    pub epoch: Epoch,
    /// Counts the claims of this challenge, so that a late recorder can be told from a newer one.
    pub number: u32,
    /// When the attempt started.
    pub started_at: Timestamp,
    /// When the attempt counts as lost.
    pub until: Timestamp,
}

/// A claimed attempt: all that a worker needs to probe and to record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The challenge.
    pub challenge_id: ChallengeId,
    /// The claim's mark in the store; recording without it changes nothing.
    pub in_flight: InFlight,
    /// What must be shown, and where.
    pub kind: ChallengeKind,
    /// The challenge's token.
    pub token: Token,
    /// What is to be proven, without `*.`.
    pub identifier: Identifier,
    /// Whether it is to be proven for the identifier's wildcard.
    pub wildcard: bool,
    /// The account that must prove it.
    pub account_id: AccountId,
    /// The provisioner whose policy rules.
    pub provisioner: ProvisionerName,
    /// Thumbprint of the account's key.
    pub thumbprint: Thumbprint,
    /// When the attempt was due; what it is late by is reckoned from here.
    pub due_at: Timestamp,
}

/// One attempt that was made, as it is kept and shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// Counts the challenge's attempts from 1.
    pub number: u32,
    /// The slot that made it.
    pub slot: Slot,
    /// When it started.
    pub started_at: Timestamp,
    /// Where it was made from; one server sees from one place and says `local`.
    pub perspective: String,
    /// What it saw.
    pub observation: Observation,
}

/// Why a challenge must stop without an attempt's conclusion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// The authorization's time is over.
    Expired,
    /// The client gave the authorization or the account up.
    Deactivated,
}

impl Stopped {
    fn problem(self) -> Problem {
        let detail = match self {
            Self::Expired => "the authorization expired before the challenge was met",
            Self::Deactivated => "the authorization was deactivated",
        };
        Problem::new(ProblemKind::Unauthorized, detail)
    }
}

impl ChallengeState {
    /// The state's word on the wire.
    #[must_use]
    pub const fn status(&self) -> ChallengeStatus {
        match self {
            Self::Pending => ChallengeStatus::Pending,
            Self::Processing { .. } => ChallengeStatus::Processing,
            Self::Valid { .. } => ChallengeStatus::Valid,
            Self::Invalid { .. } => ChallengeStatus::Invalid,
        }
    }

    /// The client asks for a validation: a POST with a JSON object. Never an error; a settled
    /// challenge stays as it is.
    #[must_use]
    pub fn requested(
        self,
        owner: Slot,
        provisioner: &ProvisionerName,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Self {
        match self {
            Self::Pending => Self::Processing {
                retry: Retry::start(owner, provisioner.clone(), policy, now),
                in_flight: None,
            },
            Self::Processing { retry, in_flight } => Self::Processing {
                retry: retry.requested(owner, policy, now),
                in_flight,
            },
            settled @ (Self::Valid { .. } | Self::Invalid { .. }) => settled,
        }
    }

    /// The client polls: a POST-as-GET. It re-arms a window that has ended, and nothing else.
    #[must_use]
    pub fn polled(self, owner: Slot, policy: &RetryPolicy, now: Timestamp) -> Self {
        match self {
            Self::Processing {
                retry,
                in_flight: None,
            } => Self::Processing {
                retry: retry.polled(owner, policy, now),
                in_flight: None,
            },
            other => other,
        }
    }

    /// Whether a poll would re-arm a window; a poll that would not need not be written.
    #[must_use]
    pub const fn awaits_request(&self) -> bool {
        matches!(self, Self::Processing { retry, in_flight: None } if !retry.is_armed())
    }

    /// Whether `slot` may start an attempt: it owns the challenge, one is due, and none is being
    /// made. An attempt in flight counts no more when `is_stale` says that its lease has moved on.
    #[must_use]
    pub fn is_claimable(
        &self,
        slot: Slot,
        now: Timestamp,
        is_stale: impl FnOnce(&InFlight) -> bool,
    ) -> bool {
        match self {
            Self::Processing { retry, in_flight } => {
                let free = in_flight
                    .as_ref()
                    .is_none_or(|claim| claim.until <= now || is_stale(claim));
                retry.owner == slot && retry.is_due(now) && free
            }
            _ => false,
        }
    }

    /// An attempt starts: the challenge carries the claim's mark until it is recorded. The claim
    /// counts as lost after `patience`, which must be longer than any probe may take.
    #[must_use]
    pub fn claimed(
        self,
        slot: Slot,
        epoch: Epoch,
        number: u32,
        now: Timestamp,
        patience: Duration,
    ) -> Self {
        match self {
            Self::Processing { retry, .. } => Self::Processing {
                retry: retry.attempt_started(now),
                in_flight: Some(InFlight {
                    slot,
                    epoch,
                    number,
                    started_at: now,
                    until: now.plus(patience),
                }),
            },
            other => other,
        }
    }

    /// An attempt was made: the state that follows from what it saw.
    ///
    /// `expires_at` is the authorization's end; nothing is `processing` beyond it.
    #[must_use]
    pub fn concluded(
        self,
        observation: &Observation,
        started_at: Timestamp,
        expires_at: Timestamp,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Self {
        let Self::Processing { retry, .. } = self else {
            return self;
        };
        match observation.finding.judge(policy) {
            Judgement::Proof if expires_at > now => Self::Valid {
                validated_at: now.rounded_to_second(),
            },
            Judgement::Contradiction => Self::Invalid {
                error: observation.problem(),
            },
            Judgement::Proof | Judgement::NotYet if expires_at <= now => Self::Invalid {
                error: Stopped::Expired.problem(),
            },
            Judgement::Proof | Judgement::NotYet => {
                let retry = retry.attempt_failed(started_at, policy, now);
                if !retry.is_armed() && policy.on_exhausted == OnExhausted::Invalid {
                    return Self::Invalid {
                        error: observation.problem(),
                    };
                }
                Self::Processing {
                    retry,
                    in_flight: None,
                }
            }
        }
    }

    /// A claimed attempt is put off to `to`; see [`Retry::postponed`].
    #[must_use]
    pub fn postponed(self, to: Timestamp) -> Self {
        match self {
            Self::Processing { retry, .. } => Self::Processing {
                retry: retry.postponed(to),
                in_flight: None,
            },
            other => other,
        }
    }

    /// The challenge must stop: its authorization ended without it.
    #[must_use]
    pub fn stopped(self, why: Stopped) -> Self {
        match self {
            Self::Pending | Self::Processing { .. } => Self::Invalid {
                error: why.problem(),
            },
            settled => settled,
        }
    }

    /// The authorization became valid by another challenge: no more attempts are made, and the
    /// status stays as it was, since some clients take any `invalid` for a failure of the whole.
    #[must_use]
    pub fn superseded(self) -> Self {
        match self {
            Self::Processing { retry, .. } => Self::Processing {
                retry: retry.disarmed(),
                in_flight: None,
            },
            other => other,
        }
    }
}

impl Challenge {
    /// The challenge's `error`: why it is invalid, or why it is not valid yet. `attempts` are the
    /// newest ones, newest first; earlier ones become subproblems.
    #[must_use]
    pub fn error(&self, attempts: &[Attempt]) -> Option<Problem> {
        let failed = || {
            attempts
                .iter()
                .filter(|a| a.observation.finding != crate::Finding::Proof)
        };
        let (main, earlier): (Problem, Vec<_>) = match &self.state {
            ChallengeState::Pending | ChallengeState::Valid { .. } => return None,
            ChallengeState::Processing { .. } => {
                let mut failed = failed();
                (failed.next()?.observation.problem(), failed.collect())
            }
            ChallengeState::Invalid { error } => {
                // The attempt that settled it is the error itself.
                let settled_by = |a: &&Attempt| a.observation.detail == error.detail;
                let skip = usize::from(failed().next().as_ref().is_some_and(settled_by));
                (error.clone(), failed().skip(skip).collect())
            }
        };
        let subproblems = earlier
            .into_iter()
            .take(MAX_SHOWN_ATTEMPTS)
            .map(|attempt| Subproblem {
                kind: attempt.observation.finding.problem_kind(),
                detail: format!(
                    "attempt {} at {}: {}",
                    attempt.number, attempt.started_at, attempt.observation.detail
                ),
                identifier: None,
            })
            .collect();
        Some(main.with_subproblems(subproblems))
    }

    /// Seconds that a client should wait before it reads a `processing` challenge again: until just
    /// after the next attempt, one interval once the window has ended; none when it is settled or
    /// nothing is being tried.
    #[must_use]
    pub fn retry_after(&self, policy: &RetryPolicy, now: Timestamp) -> Option<u64> {
        let ChallengeState::Processing { retry, .. } = &self.state else {
            return None;
        };
        let wait = match retry.next_attempt {
            Some(next) => next.since(now).as_millis().div_ceil(1000) as u64 + 1,
            None => policy.interval().as_secs(),
        };
        Some(wait.clamp(*RETRY_AFTER_SECS.start(), *RETRY_AFTER_SECS.end()))
    }
}
