//! What the attempts of one challenge must look like: a pure judgement over what was recorded.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use acme_core::{Attempt, Finding};
use acme_types::{ChallengeStatus, Slot, Timestamp};

use crate::invariant::Invariant;
use crate::replica::Life;
use crate::target::Plan;
use crate::time::Span;

/// The life of one challenge, from the outside and from its record.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// When requests to validate it were answered, oldest first.
    pub requested_at: &'a [Timestamp],
    /// Its recorded attempts, oldest first.
    pub attempts: &'a [Attempt],
    /// Its status when the attempts were read.
    pub status: ChallengeStatus,
    /// What its target was to do.
    pub plan: Plan,
    /// When its target served the proof.
    pub served_at: &'a [Timestamp],
    /// When the attempts were read.
    pub read_at: Timestamp,
}

/// What a challenge is held against.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The least time between the starts of two attempts.
    pub least_gap: Duration,
    /// The longest time between two attempts while the database is there.
    pub longest_wait: Duration,
    /// How long after a request a challenge is armed.
    pub armed_for: Duration,
    /// When the processes of each slot lived.
    pub lives: HashMap<Slot, Vec<Life>>,
    /// When the database was away.
    pub outages: Vec<Span>,
}

/// What was looked at and what did not hold.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many were looked at.
    pub looked_at: HashMap<Invariant, u64>,
    /// What did not hold, and how.
    pub violations: Vec<(Invariant, String)>,
}

impl Verdict {
    fn check(&mut self, invariant: Invariant, holds: bool, detail: impl FnOnce() -> String) {
        *self.looked_at.entry(invariant).or_default() += 1;
        if !holds {
            self.violations.push((invariant, detail()));
        }
    }
}

/// Judges a challenge.
#[must_use]
pub fn judge(history: &History<'_>, bounds: &Bounds) -> Verdict {
    let mut verdict = Verdict::default();
    for (at, attempt) in history.attempts.iter().enumerate() {
        let expected = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let is_awake = bounds.lives.get(&attempt.slot).is_some_and(|lives| {
            lives
                .iter()
                .any(|life| life.is_awake_at(attempt.started_at))
        });
        verdict.check(Invariant::NoStaleWrite, attempt.number == expected && is_awake, || {
            format!(
                "attempt {} (the {expected}th) started at {:?} by slot {}, whose process was {}",
                attempt.number,
                attempt.started_at,
                attempt.slot,
                if is_awake { "awake" } else { "dead or paused" },
            )
        });
    }
    for pair in history.attempts.windows(2) {
        if let [first, second] = pair {
            judge_pair(&mut verdict, first, second, bounds);
        }
    }
    judge_waits(&mut verdict, history, bounds);
    judge_end(&mut verdict, history);
    verdict
}

fn judge_pair(verdict: &mut Verdict, first: &Attempt, second: &Attempt, bounds: &Bounds) {
    let names = || {
        format!(
            "attempt {} of slot {} at {:?} for {:?}, attempt {} of slot {} at {:?}",
            first.number,
            first.slot,
            first.started_at,
            first.observation.took,
            second.number,
            second.slot,
            second.started_at,
        )
    };
    let is_after = second.started_at > first.started_at;
    verdict.check(Invariant::NoStaleWrite, is_after, || {
        format!("recorded out of turn: {}", names())
    });
    let end = first.started_at.plus(first.observation.took);
    verdict.check(Invariant::NoOverlap, second.started_at >= end, names);
    // Both times are cut to the millisecond.
    let gap = second.started_at.since(first.started_at) + Duration::from_millis(1);
    verdict.check(Invariant::NeverNearer, gap >= bounds.least_gap, names);
}

/// Every wait for an attempt while the challenge was armed: from the request to the first attempt,
/// from each attempt to the next, from the last to now.
fn judge_waits(verdict: &mut Verdict, history: &History<'_>, bounds: &Bounds) {
    let Some(requested) = history.requested_at.first() else {
        return;
    };
    let starts = history.attempts.iter().map(|attempt| attempt.started_at);
    // The first attempt mostly starts before its request is answered.
    let mut points: Vec<_> = starts.collect();
    if points.first().is_none_or(|first| first > requested) {
        points.insert(0, *requested);
    }
    if !history.status.is_settled() {
        points.push(history.read_at);
    }
    for pair in points.windows(2) {
        let [from, until] = *pair else { continue };
        let allowed = bounds.longest_wait + away(&bounds.outages, Span { from, until });
        // The last request that was answered by then decides how long the challenge is armed.
        let last_request = history
            .requested_at
            .iter()
            .rev()
            .find(|at| **at <= from.plus(allowed));
        let armed_until = last_request.unwrap_or(requested).plus(bounds.armed_for);
        if from.plus(allowed) > armed_until {
            continue;
        }
        verdict.check(Invariant::AlwaysTried, until.since(from) <= allowed, || {
            format!(
                "no attempt from {from:?} to {until:?}, {:?}",
                until.since(from)
            )
        });
    }
}

/// How long the database was away in a span of time.
fn away(outages: &[Span], during: Span) -> Duration {
    let part = |outage: &Span| {
        outage
            .until
            .min(during.until)
            .since(outage.from.max(during.from))
    };
    outages
        .iter()
        .filter(|outage| outage.meets(&during))
        .map(part)
        .sum()
}

fn judge_end(verdict: &mut Verdict, history: &History<'_>) {
    let finding = |attempt: &Attempt| attempt.observation.finding;
    let (last, earlier) = match history.attempts.split_last() {
        Some((last, earlier)) => (Some(last), earlier),
        None => (None, [].as_slice()),
    };
    let is_early = earlier
        .iter()
        .any(|attempt| finding(attempt) == Finding::Proof);
    let holds = match history.status {
        ChallengeStatus::Valid => last.is_some_and(|last| {
            // No end to it: an attempt starts when it is claimed, the probe somewhat later.
            let is_served = history.served_at.iter().any(|at| *at >= last.started_at);
            finding(last) == Finding::Proof && is_served && history.plan.proves()
        }),
        ChallengeStatus::Invalid => {
            history.plan.contradicts() && last.is_some_and(|last| finding(last) != Finding::Proof)
        }
        ChallengeStatus::Pending | ChallengeStatus::Processing => {
            last.is_none_or(|last| finding(last) != Finding::Proof)
        }
    };
    verdict.check(Invariant::ValidOnlyByProof, holds && !is_early, || {
        format!(
            "it is {} after {} attempts, the last {:?}; its target ({:?}) served the proof at {:?}",
            history.status,
            history.attempts.len(),
            last.map(|last| (last.started_at, last.observation.took, finding(last))),
            history.plan,
            history.served_at,
        )
    });
}
