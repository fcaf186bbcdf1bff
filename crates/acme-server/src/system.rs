//! The two things that only a running server has: the real time and real entropy.

use std::time::{SystemTime, UNIX_EPOCH};

use acme_core::{Clock, Entropy};
use acme_types::Timestamp;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970; nothing is issued then, since no CA is valid.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The cryptographic library's generator, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Going on with predictable bytes would be far worse than ending.
            tracing::error!("the operating system gives no random bytes; the server ends");
            std::process::abort();
        }
    }
}
