//! What is kept of each request: how long it took, and what went wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// Kinds of request that are told apart in a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    Authorization,
    Challenge,
    AuthorizationPoll,
    ChallengePoll,
    Finalize,
    OrderPoll,
    Certificate,
    RenewalInfo,
    /// Not a request: one whole issuance, from newOrder (or newAccount) to the certificate.
    Issuance,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Directory,
        Self::NewNonce,
        Self::NewAccount,
        Self::NewOrder,
        Self::Authorization,
        Self::Challenge,
        Self::AuthorizationPoll,
        Self::ChallengePoll,
        Self::Finalize,
        Self::OrderPoll,
        Self::Certificate,
        Self::RenewalInfo,
        Self::Issuance,
    ];

    /// The name in reports and messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::NewNonce => "newNonce",
            Self::NewAccount => "newAccount",
            Self::NewOrder => "newOrder",
            Self::Authorization => "authorization",
            Self::Challenge => "challenge",
            Self::AuthorizationPoll => "authorization poll",
            Self::ChallengePoll => "challenge poll",
            Self::Finalize => "finalize",
            Self::OrderPoll => "order poll",
            Self::Certificate => "certificate",
            Self::RenewalInfo => "renewalInfo",
            Self::Issuance => "whole issuance",
        }
    }
}

/// Different messages that one client keeps; those that hold ids never repeat.
const MAX_MESSAGES: usize = 10;

/// The samples of one client, or of all of them when merged.
#[derive(Default)]
pub(crate) struct Samples {
    /// Microseconds, by the place of the kind in [`Kind::ALL`].
    micros: [Vec<u32>; Kind::ALL.len()],
    /// Acts that came to their end.
    pub(crate) done: u64,
    /// Messages of the acts that did not, with how often each came.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Requests that were repeated because the nonce was refused.
    pub(crate) bad_nonces: u64,
    /// Connections that were made.
    pub(crate) connections: u64,
}

impl Samples {
    /// Keeps one request.
    pub(crate) fn add(&mut self, kind: Kind, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.micros[kind as usize].push(micros);
    }

    /// Keeps one failure, its message cut to a length a table can hold.
    pub(crate) fn fail(&mut self, error: &impl ToString) {
        let mut text: String = error.to_string().chars().take(300).collect();
        if self.errors.len() >= MAX_MESSAGES && !self.errors.contains_key(&text) {
            "others".clone_into(&mut text);
        }
        *self.errors.entry(text).or_default() += 1;
    }

    /// Adds another client's samples to these.
    pub(crate) fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.micros.iter_mut().zip(other.micros) {
            mine.extend(theirs);
        }
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.done += other.done;
        self.bad_nonces += other.bad_nonces;
        self.connections += other.connections;
    }

    /// One line for each kind of request that was made.
    pub(crate) fn latencies(&mut self) -> Vec<Latency> {
        let mut lines = Vec::new();
        for (kind, micros) in Kind::ALL.into_iter().zip(&mut self.micros) {
            if let Some(spread) = Spread::of(micros) {
                lines.push(Latency {
                    request: kind.as_str(),
                    count: micros.len(),
                    spread,
                });
            }
        }
        lines
    }
}

/// The latencies of one kind of request.
#[derive(Serialize)]
pub(crate) struct Latency {
    pub(crate) request: &'static str,
    pub(crate) count: usize,
    #[serde(flatten)]
    pub(crate) spread: Spread,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Spread {
    /// The quantiles of microseconds, which it sorts; None when there are none.
    pub(crate) fn of(micros: &mut [u32]) -> Option<Self> {
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        // The nearest rank: the smallest sample that so many are not above.
        let at = |percent: usize| {
            let rank = (micros.len() * percent).div_ceil(100).max(1);
            f64::from(micros[rank - 1]) / 1000.0
        };
        Some(Self {
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: f64::from(micros[last]) / 1000.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut micros: Vec<u32> = (1..=200).rev().map(|n| n * 1000).collect();
        let spread = Spread::of(&mut micros).unwrap();
        assert_eq!(
            spread,
            Spread {
                p50_ms: 100.0,
                p95_ms: 190.0,
                p99_ms: 198.0,
                max_ms: 200.0
            }
        );
        assert_eq!(Spread::of(&mut []), None);
        assert_eq!(Spread::of(&mut [5000]).unwrap().p50_ms, 5.0);
    }

    #[test]
    fn each_kind_stands_at_its_place() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }
}
