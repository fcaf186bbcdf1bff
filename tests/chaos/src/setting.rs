//! What a run is made of.

use std::path::PathBuf;
use std::time::Duration;

/// Where the replicas keep what they promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    /// One PostgreSQL for all replicas.
    Postgres,
    /// One file and one replica; the faults of the database are left out.
    Sqlite,
}

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Rounds, each with one fault.
    pub rounds: u32,
    /// Decides the faults and what the targets do.
    pub seed: u64,
    /// The store.
    pub engine: Engine,
    /// Replicas.
    pub replicas: u8,
    /// Time between two attempts.
    pub interval: Duration,
    /// From a request to the last attempt that follows it.
    pub window: Duration,
    /// Life of a slot's lease without renewal.
    pub lease: Duration,
    /// Longest time of one attempt.
    pub probe_timeout: Duration,
    /// Clients whose proofs are there.
    pub issuers: usize,
    /// Clients whose proofs come late or never.
    pub waiters: usize,
    /// The built `acme-server`.
    pub binary: PathBuf,
    /// Keep logs and configuration after the run.
    pub keep: bool,
}

impl Setting {
    /// A short schedule: attempts every second, leases of 3 s. A round takes some 15 s.
    #[must_use]
    pub fn short(binary: PathBuf, rounds: u32, seed: u64) -> Self {
        Self {
            rounds,
            seed,
            engine: Engine::Postgres,
            replicas: 3,
            interval: Duration::from_secs(1),
            window: Duration::from_secs(120),
            lease: Duration::from_secs(3),
            probe_timeout: Duration::from_secs(2),
            issuers: 3,
            waiters: 40,
            binary,
            keep: false,
        }
    }

    /// The schedule and the lease that the server has when nobody sets them. A round takes more than
    /// a minute.
    #[must_use]
    pub fn defaults(binary: PathBuf, rounds: u32, seed: u64) -> Self {
        Self {
            interval: Duration::from_secs(12),
            lease: Duration::from_secs(15),
            probe_timeout: Duration::from_secs(10),
            waiters: 120,
            ..Self::short(binary, rounds, seed)
        }
    }

    /// How long a claim of an attempt is good: its longest time, and time to record it.
    #[must_use]
    pub fn claim(&self) -> Duration {
        self.probe_timeout + Duration::from_secs(5)
    }

    /// The longest wait between two attempts of an armed challenge while a replica lives: an attempt
    /// whose process died runs out first, upkeep looks every two seconds, and a busy machine is slow.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        const UPKEEP: Duration = Duration::from_secs(2);
        const BUSY: Duration = Duration::from_secs(3);
        self.interval + self.lease + self.claim() + UPKEEP + BUSY
    }

    /// How long a client goes without asking again.
    #[must_use]
    pub fn ask_again_after(&self) -> Duration {
        self.window / 4
    }

    /// How long a client waits for one answer.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }
}
