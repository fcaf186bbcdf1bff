//! How much of what is waiting, for those who watch over a server.

use acme_types::Timestamp;

/// How much is waiting, and for how long. All of it is found along indexes, and nothing is counted
/// beyond [`Standing::MOST`]: that number means as many or more.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Challenges of the slot that have a next attempt.
    pub armed: u64,
    /// Of those, whose next attempt is due.
    pub due: u64,
    /// Challenges of the slot whose window has ended, and that wait for their client.
    pub exhausted: u64,
    /// When the oldest order was made that is pending or ready and has not expired.
    pub oldest_open_order: Option<Timestamp>,
    /// Certificates that end within so many days as [`Standing::DAYS`] says, and in no shorter time.
    pub expiring: [u64; Self::DAYS.len()],
}

impl Standing {
    /// Nothing is counted further.
    pub const MOST: u32 = 100_000;
    /// The days within which certificates end.
    pub const DAYS: [u64; 4] = [1, 7, 30, 90];
}
