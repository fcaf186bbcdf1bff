//! What was measured, by fault.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fault::Fault;
use crate::traffic::Tally;

/// Times, to tell percentiles of.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds others.
    pub fn extend(&mut self, times: &Self) {
        self.0.extend(&times.0);
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time that `percent` of a hundred do not exceed; none when there are none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> Option<Duration> {
        self.0.iter().max().copied()
    }
}

/// What was measured in the rounds of one fault.
#[derive(Clone, Debug, Default)]
pub struct FaultFigures {
    /// Rounds.
    pub rounds: u32,
    /// From the fault to the next attempt of each challenge that was the victim's.
    pub until_tried: Times,
    /// How much later that was than planned.
    pub late: Times,
    /// From SIGTERM to the end of the process.
    pub ended_in: Times,
    /// Requests that were under way between the fault and the end of its consequences.
    pub requests: u64,
    /// Of those, that failed.
    pub failed: u64,
    /// From the first failure to the last, in each round that had one.
    pub failing_for: Times,
    /// Fresh nonces that were refused, as a crash of the database allows.
    pub refused: u64,
    /// Fresh nonces that were refused without a reason.
    pub refused_wrongly: u64,
}

impl FaultFigures {
    /// Adds the requests of a round.
    pub fn add_requests(&mut self, tally: &Tally) {
        self.requests += tally.requests;
        self.failed += tally.failed();
        if !tally.failing_for.is_zero() {
            self.failing_for.add(tally.failing_for);
        }
    }
}

/// All that was measured.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub BTreeMap<Fault, FaultFigures>);

impl Figures {
    /// Those of a fault.
    pub fn of(&mut self, fault: Fault) -> &mut FaultFigures {
        self.0.entry(fault).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.percentile(50), None);
        for ms in (1..=200).rev() {
            times.add(Duration::from_millis(ms));
        }
        assert_eq!(times.percentile(50), Some(Duration::from_millis(100)));
        assert_eq!(times.percentile(99), Some(Duration::from_millis(198)));
        assert_eq!(times.percentile(100), times.longest());
    }
}
