//! What the store counts of itself: the table of its figures, and the counters.
//!
//! Counters are made once, when a store is opened, by the recorder of the `metrics` crate that is in
//! place then; without one they cost next to nothing.

use std::time::Duration;

use acme_core::{Metric, MetricKind};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

const COMMITS: Metric = Metric::counter(
    "acme_store_commits_total",
    &["result"],
    "Transactions that wrote, by how they ended: committed or failed.",
);
const COMMIT_SECONDS: Metric = Metric::seconds(
    "acme_store_commit_duration_seconds",
    &[],
    "How long a transaction that writes takes, from its first act to its commit.",
);
const COMMIT_ACTS: Metric = Metric {
    name: "acme_store_commit_acts",
    kind: MetricKind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
    labels: &[],
    meaning: "How many acts share a transaction; more than one on SQLite alone.",
};
const WAITING: Metric = Metric::gauge(
    "acme_store_waiting_acts",
    &[],
    "Acts that wait for their transaction, on SQLite.",
);
const TRIED_AGAIN: Metric = Metric::counter(
    "acme_store_transactions_tried_again_total",
    &[],
    "Transactions that PostgreSQL undid, or that lost their connection, and that were tried again.",
);
const POOL: Metric = Metric::gauge(
    "acme_store_pool_connections",
    &["state"],
    "Connections to PostgreSQL: most that may be (max), open (open), open and unused (idle).",
);
const POOL_SECONDS: Metric = Metric::seconds(
    "acme_store_pool_wait_seconds",
    &[],
    "How long acts wait for a connection to PostgreSQL.",
);

/// Every figure of the store.
pub const METRICS: &[Metric] = &[
    COMMITS,
    COMMIT_SECONDS,
    COMMIT_ACTS,
    WAITING,
    TRIED_AGAIN,
    POOL,
    POOL_SECONDS,
];

/// What is counted of transactions that write.
#[derive(Clone)]
pub(crate) struct CommitMeters {
    committed: Counter,
    failed: Counter,
    seconds: Histogram,
    acts: Histogram,
    waiting: Gauge,
}

impl CommitMeters {
    pub(crate) fn new() -> Self {
        Self {
            committed: counter!(COMMITS.name, "result" => "committed"),
            failed: counter!(COMMITS.name, "result" => "failed"),
            seconds: histogram!(COMMIT_SECONDS.name),
            acts: histogram!(COMMIT_ACTS.name),
            waiting: gauge!(WAITING.name),
        }
    }

    pub(crate) fn committed(&self, acts: usize, took: Duration) {
        self.committed.increment(1);
        self.seconds.record(took);
        self.acts.record(acts as f64);
    }

    pub(crate) fn failed(&self) {
        self.failed.increment(1);
    }

    pub(crate) fn waiting(&self, acts: usize) {
        self.waiting.set(acts as f64);
    }
}

/// What is counted of connections to PostgreSQL.
#[derive(Clone)]
pub(crate) struct PoolMeters {
    pub(crate) commits: CommitMeters,
    tried_again: Counter,
    max: Gauge,
    open: Gauge,
    idle: Gauge,
    wait: Histogram,
}

impl PoolMeters {
    pub(crate) fn new() -> Self {
        Self {
            commits: CommitMeters::new(),
            tried_again: counter!(TRIED_AGAIN.name),
            max: gauge!(POOL.name, "state" => "max"),
            open: gauge!(POOL.name, "state" => "open"),
            idle: gauge!(POOL.name, "state" => "idle"),
            wait: histogram!(POOL_SECONDS.name),
        }
    }

    pub(crate) fn got_connection(&self, waited: Duration, [max, open, idle]: [usize; 3]) {
        self.wait.record(waited);
        self.max.set(max as f64);
        self.open.set(open as f64);
        self.idle.set(idle as f64);
    }

    pub(crate) fn tried_again(&self) {
        self.tried_again.increment(1);
    }
}
