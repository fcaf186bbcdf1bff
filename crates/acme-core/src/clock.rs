//! The clock port: the one way by which time enters a server.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use acme_types::Timestamp;

/// Tells the time. Only a server's edges hold a clock; everything inside takes `now`.
pub trait Clock: Send + Sync {
    /// The present time, UTC, in milliseconds: what schedules and leases reckon with.
    fn now(&self) -> Timestamp;

    /// The present time, UTC, rounded to the second: what clients and certificates see.
    fn now_rounded(&self) -> Timestamp {
        self.now().rounded_to_second()
    }
}

/// A clock that stands still until it is moved, for tests and simulation.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millis()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
