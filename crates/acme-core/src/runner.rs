//! The port to the worker that makes attempts.

use async_trait::async_trait;

use crate::Claim;

/// Makes attempts that a request has just claimed, so that a proof that is already there is
/// answered at once.
#[async_trait]
pub trait AttemptRunner: Send + Sync {
    /// Whether there is room to make one more attempt right now. Without it the request leaves the
    /// challenge due, and the worker takes it in its turn.
    fn has_room(&self) -> bool;

    /// Makes the claimed attempt and records it; returns when it is recorded. The attempt goes on
    /// when the caller stops waiting.
    async fn run(&self, claim: Claim);

    /// Tells the worker that something may have become due.
    fn wake(&self);
}
