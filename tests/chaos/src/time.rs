//! The time of day, by which the harness and the replicas tell the same events: they run on one
//! machine.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use acme_types::Timestamp;

/// Now.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl Span {
    /// Whether a point in time lies in it, both ends included.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.until
    }

    /// Whether it shares a moment with another.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.from <= other.until && other.from <= self.until
    }

    /// How long it lasts.
    #[must_use]
    pub fn length(&self) -> std::time::Duration {
        self.until.since(self.from)
    }
}

/// A lock whose holder cannot leave anything half done.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
