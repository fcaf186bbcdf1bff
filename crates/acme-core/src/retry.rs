//! When a challenge is tried again: the policy, and the state of one challenge's retries.
//!
//! This is the only place that decides about time between attempts. The store keeps the one answer,
//! `next_attempt`, and no query computes another.

use std::time::Duration;

use acme_types::{ProvisionerName, Slot, Timestamp};
use serde::{Deserialize, Serialize};

/// What becomes of a challenge when the last attempt of a window has failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExhausted {
    /// It stays `processing` and waits for the client to ask again.
    #[default]
    Processing,
    /// Challenge, authorization and order become `invalid` together.
    Invalid,
}

/// How often and how long a challenge is tried after a client asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    schedule: Vec<Duration>,
    interval: Duration,
    min_gap: Duration,
    /// What happens after the last attempt of a window.
    pub on_exhausted: OnExhausted,
    /// Whether a TXT record with another value contradicts the proof at once. Off by default: the
    /// old record may still be in a cache.
    pub dns_mismatch_is_final: bool,
    /// How long the answer to the client's request waits for the first attempt.
    pub answer_within: Duration,
}

impl RetryPolicy {
    /// Default time between attempts.
    pub const INTERVAL: Duration = Duration::from_secs(12);
    /// Default time from the first attempt of a window to its last.
    pub const WINDOW: Duration = Duration::from_secs(120);
    /// Default least time between two attempts when the client asks again.
    pub const MIN_GAP: Duration = Duration::from_secs(5);
    /// Default wait of the answer for the first attempt.
    pub const ANSWER_WITHIN: Duration = Duration::from_millis(250);
    /// The most attempts that one window may have.
    pub const MAX_ATTEMPTS: usize = 1000;
    /// Attempts, in seconds after the request, that come early for clients that give up early.
    pub const EAGER: [u64; 12] = [0, 2, 5, 10, 20, 32, 44, 56, 68, 80, 92, 104];

    /// Attempts at once and then every `interval` until `window` has passed.
    ///
    /// # Errors
    /// [`InvalidRetryPolicy`] when the interval is zero or the attempts are too many.
    pub fn every(interval: Duration, window: Duration) -> Result<Self, InvalidRetryPolicy> {
        if interval.is_zero() {
            return Err(InvalidRetryPolicy::ZeroInterval);
        }
        let steps = window.as_millis() / interval.as_millis().max(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps as usize >= Self::MAX_ATTEMPTS {
            return Err(InvalidRetryPolicy::TooMany);
        }
        let schedule = (0..=steps).map(|n| interval * n).collect();
        Self::at(schedule, interval)
    }

    /// Attempts at the given times after the request; `interval` is the pause before a window that
    /// a poll re-arms, and what `Retry-After` says once a window has ended.
    ///
    /// # Errors
    /// [`InvalidRetryPolicy`] when the list is empty, too long, does not start with zero or does
    /// not rise, or when the interval is zero.
    pub fn at(schedule: Vec<Duration>, interval: Duration) -> Result<Self, InvalidRetryPolicy> {
        if interval.is_zero() {
            return Err(InvalidRetryPolicy::ZeroInterval);
        }
        if schedule.len() > Self::MAX_ATTEMPTS {
            return Err(InvalidRetryPolicy::TooMany);
        }
        if schedule.first() != Some(&Duration::ZERO) {
            return Err(InvalidRetryPolicy::FirstNotZero);
        }
        if !schedule.is_sorted_by(|a, b| a < b) {
            return Err(InvalidRetryPolicy::NotRising);
        }
        Ok(Self {
            schedule,
            interval,
            min_gap: Self::MIN_GAP.min(interval),
            on_exhausted: OnExhausted::default(),
            dns_mismatch_is_final: false,
            answer_within: Self::ANSWER_WITHIN,
        })
    }

    /// The documented schedule for clients that give up early, see [`RetryPolicy::EAGER`].
    #[must_use]
    pub fn eager(interval: Duration) -> Self {
        let schedule = Self::EAGER.map(Duration::from_secs).to_vec();
        Self {
            schedule,
            interval,
            min_gap: Self::MIN_GAP.min(interval),
            ..Self::default()
        }
    }

    /// The same policy with another least time between attempts; never more than the interval.
    #[must_use]
    pub fn with_min_gap(mut self, min_gap: Duration) -> Self {
        self.min_gap = min_gap.min(self.interval);
        self
    }

    /// Times of a window's attempts, counted from its first; the first is zero.
    #[must_use]
    pub fn schedule(&self) -> &[Duration] {
        &self.schedule
    }

    /// The pause before a window that a poll re-arms.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// The least time between two attempts when the client asks again.
    #[must_use]
    pub const fn min_gap(&self) -> Duration {
        self.min_gap
    }

    /// The least time between the starts of two attempts, however they come about.
    #[must_use]
    pub fn least_gap(&self) -> Duration {
        let steps = self.schedule.windows(2).map(|pair| pair[1] - pair[0]);
        steps.fold(self.min_gap, Duration::min)
    }

    fn max_attempts(&self) -> u32 {
        u32::try_from(self.schedule.len()).unwrap_or(u32::MAX)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let steps = Self::WINDOW.as_secs() / Self::INTERVAL.as_secs();
        Self {
            schedule: (0..=steps).map(|n| Self::INTERVAL * (n as u32)).collect(),
            interval: Self::INTERVAL,
            min_gap: Self::MIN_GAP,
            on_exhausted: OnExhausted::default(),
            dns_mismatch_is_final: false,
            answer_within: Self::ANSWER_WITHIN,
        }
    }
}

/// Why a retry policy makes no sense.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRetryPolicy {
    /// The interval is zero.
    #[error("the interval must be more than zero")]
    ZeroInterval,
    /// More attempts than a window may have.
    #[error("a window may have at most {} attempts", RetryPolicy::MAX_ATTEMPTS)]
    TooMany,
    /// The schedule is empty or starts later than the request.
    #[error("the schedule must start with 0s: the first attempt is made at once")]
    FirstNotZero,
    /// The schedule's times do not rise.
    #[error("the schedule's times must rise")]
    NotRising,
}

/// The retries of one challenge in `processing`: one window of attempts, and who makes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Retry {
    /// The slot of the replica that makes the attempts: the one that took the last request.
    pub owner: Slot,
    /// The provisioner whose policy rules.
    pub provisioner_id: ProvisionerName,
    /// When the window's first attempt is due; the schedule counts from here.
    pub window_start: Timestamp,
    /// Attempts of this window that were made.
    pub num_attempts: u32,
    /// Attempts that this window has.
    pub max_attempts: u32,
    /// When the next attempt is due; none once the window has ended.
    pub next_attempt: Option<Timestamp>,
    /// When the last attempt, of any window, started.
    pub last_attempt: Option<Timestamp>,
}

impl Retry {
    /// The first window: the first attempt is due now.
    #[must_use]
    pub fn start(
        owner: Slot,
        provisioner_id: ProvisionerName,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            owner,
            provisioner_id,
            window_start: now,
            num_attempts: 0,
            max_attempts: policy.max_attempts(),
            next_attempt: Some(now),
            last_attempt: None,
        }
    }

    /// Whether the window still has attempts to make.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.next_attempt.is_some()
    }

    /// Whether an attempt is due: its time is now or has passed.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_attempt.is_some_and(|next| next <= now)
    }

    /// The client asked again: a fresh window from now, owned by the slot that took the request.
    /// The next attempt comes as early as `min_gap` allows, and never later than it was planned.
    #[must_use]
    pub fn requested(self, owner: Slot, policy: &RetryPolicy, now: Timestamp) -> Self {
        let earliest = self.not_before(policy.min_gap, now);
        // What is still being tried is not a plan: its own due time brings nothing forward.
        let planned = self
            .next_attempt
            .filter(|next| self.last_attempt < Some(*next));
        let start = planned.map_or(earliest, |next| next.min(earliest));
        self.window_from(start.max(now), owner, policy)
    }

    /// The client polled after the window had ended: a fresh window, its first attempt no nearer
    /// than one interval to the last. An armed window is left as it is.
    #[must_use]
    pub fn polled(self, owner: Slot, policy: &RetryPolicy, now: Timestamp) -> Self {
        if self.is_armed() {
            return self;
        }
        let start = self.not_before(policy.interval, now);
        self.window_from(start, owner, policy)
    }

    /// An attempt starts.
    #[must_use]
    pub fn attempt_started(mut self, now: Timestamp) -> Self {
        self.last_attempt = Some(now);
        self
    }

    /// The attempt that started at `started_at` has failed for now; the next one is planned, at
    /// `now` when its time has come while this one was being made.
    ///
    /// An attempt from before this window (the client asked again while it ran) does not count.
    /// Steps that were missed while nobody could try (a crash, an overload) are made up for, the
    /// least gap apart, so that every window has all its attempts.
    #[must_use]
    pub fn attempt_failed(
        mut self,
        started_at: Timestamp,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Self {
        if started_at >= self.window_start {
            self.num_attempts = self.num_attempts.saturating_add(1);
            let n = self.num_attempts as usize;
            self.next_attempt = match (policy.schedule.get(n - 1), policy.schedule.get(n)) {
                (Some(made), Some(step)) if self.num_attempts < self.max_attempts => {
                    let planned = self.window_start.plus(*step);
                    let gap = policy.min_gap.min(*step - *made);
                    Some(planned.max(started_at.plus(gap)))
                }
                _ => None,
            };
        }
        self.postponed(now)
    }

    /// The attempt that is due cannot be made yet for want of room; it is put off, and not counted.
    #[must_use]
    pub fn postponed(mut self, to: Timestamp) -> Self {
        self.next_attempt = self.next_attempt.map(|next| next.max(to));
        self
    }

    /// No further attempt will be made.
    #[must_use]
    pub fn disarmed(mut self) -> Self {
        self.next_attempt = None;
        self
    }

    fn not_before(&self, gap: Duration, now: Timestamp) -> Timestamp {
        self.last_attempt
            .map_or(now, |last| last.plus(gap).max(now))
    }

    fn window_from(mut self, start: Timestamp, owner: Slot, policy: &RetryPolicy) -> Self {
        self.owner = owner;
        self.window_start = start;
        self.num_attempts = 0;
        self.max_attempts = policy.max_attempts();
        self.next_attempt = Some(start);
        self
    }
}
