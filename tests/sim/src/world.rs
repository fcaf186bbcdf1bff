//! What all replicas of a run share: the true time, the seed, the oracle.

use std::sync::Arc;
use std::time::Duration;

use acme_core::{Clock, RetryPolicy};
use acme_types::Timestamp;
use tokio::time::Instant;

use crate::bug::Bug;
use crate::oracle::Oracle;
use crate::seeded::SharedSeeded;

/// Life of a lease.
pub const LEASE: Duration = Duration::from_secs(15);
/// Longest time a probe takes.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most that a replica's clock is wrong by, either way; a run has one of these. Two clocks then
/// differ by less than the 4 s that docs/ARCHITECTURE.md calls harmless.
pub const SKEWS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(800),
    Duration::from_millis(1_900),
];

/// What all replicas of a run share.
#[derive(Debug)]
pub struct World {
    /// When the run began, by the runtime's paused clock.
    pub began: Instant,
    /// Where every fault and every id comes from.
    pub seeded: SharedSeeded,
    /// Who watches the invariants.
    pub oracle: Oracle,
    /// The bug that is planted, if one is.
    pub bug: Option<Bug>,
    /// Most that a replica's clock is wrong by, either way.
    pub skew: Duration,
    /// When challenges are tried again.
    pub policy: RetryPolicy,
}

impl World {
    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // 2030-01-01T00:00:00Z and what has passed since the run began.
        Timestamp::from_secs(1_893_456_000).plus(self.began.elapsed())
    }

    /// Whether a bug is planted.
    #[must_use]
    pub fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

/// The clock of one replica: the true time, a little wrong.
#[derive(Debug)]
pub struct SkewedClock {
    /// The world whose time it shows.
    pub world: Arc<World>,
    /// How far it is ahead.
    pub ahead: Duration,
    /// How far it is behind.
    pub behind: Duration,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.world.now().plus(self.ahead).minus(self.behind)
    }
}
