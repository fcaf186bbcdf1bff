//! How late the attempts of a storm came, by the responder's own record.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Asker;
use crate::responder::Proofs;
use crate::sample::Spread;

/// An attempt that is due shortly before the targets come back may come after it.
const GRACE: Duration = Duration::from_secs(2);

/// The lateness of attempts against the schedule, counted from the sending of the request.
#[derive(Serialize)]
pub(crate) struct Lateness {
    pub(super) attempts: usize,
    pub(super) spread: Option<Spread>,
    /// Attempts that came more than a tenth of a second before their time.
    pub(super) early: usize,
    /// Attempts that should have been there when the targets came back, and were not.
    pub(super) missing: usize,
    /// Attempts beyond the schedule.
    pub(super) surplus: usize,
}

impl Lateness {
    pub(super) fn of(askers: &[Asker], proofs: &Proofs, schedule: &[u64], healed: Instant) -> Self {
        let proofs = proofs.lock();
        let mut micros = Vec::new();
        let mut sum = Self {
            attempts: 0,
            spread: None,
            early: 0,
            missing: 0,
            surplus: 0,
        };
        for asked in askers.iter().flat_map(|asker| &asker.asked) {
            let Some(proof) = proofs.get(&asked.challenge.token) else {
                continue;
            };
            sum.attempts += proof.asked_at.len();
            sum.surplus += proof.asked_at.len().saturating_sub(schedule.len());
            for (number, after) in schedule.iter().enumerate() {
                let due = asked.at + Duration::from_secs(*after);
                match proof.asked_at.get(number) {
                    Some(at) => {
                        let late = at.saturating_duration_since(due);
                        micros.push(u32::try_from(late.as_micros()).unwrap_or(u32::MAX));
                        let early = due.saturating_duration_since(*at);
                        sum.early += usize::from(early > Duration::from_millis(100));
                    }
                    None => sum.missing += usize::from(due + GRACE < healed),
                }
            }
        }
        sum.spread = Spread::of(&mut micros);
        sum
    }
}
