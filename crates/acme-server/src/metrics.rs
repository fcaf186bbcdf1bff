//! The figures that the server shows at `/metrics`: where they are kept, and the table of those that
//! this crate counts.

mod page;
mod process;

use std::sync::OnceLock;

use acme_core::{Metric, MetricKind};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use page::page;

pub(crate) const ATTEMPTS: Metric = Metric::counter(
    "acme_attempts_total",
    &["challenge", "finding", "phase"],
    "Validation attempts that were made, by type of challenge, what was found (proof, or a word for \
     what was not there), and the phase in which that showed.",
);
pub(crate) const ATTEMPT_SECONDS: Metric = Metric::seconds(
    "acme_attempt_duration_seconds",
    &["challenge"],
    "How long the probes of attempts take.",
);
pub(crate) const LATENESS: Metric = Metric::seconds(
    "acme_attempt_lateness_seconds",
    &[],
    "How much later than due attempts begin.",
);
pub(crate) const AUTHORIZATIONS: Metric = Metric::counter(
    "acme_authorizations_total",
    &["provisioner", "outcome"],
    "Authorizations that an attempt has settled: valid or invalid.",
);
pub(crate) const EXHAUSTED: Metric = Metric::counter(
    "acme_retry_windows_exhausted_total",
    &[],
    "Windows of attempts that ended without a conclusion; the challenge waits for its client.",
);
pub(crate) const SUPERSEDED: Metric = Metric::counter(
    "acme_attempts_superseded_total",
    &[],
    "Attempts that came too late to count: another replica, or the client, was quicker.",
);
pub(crate) const TAKEN_OVER: Metric = Metric::counter(
    "acme_retry_taken_over_total",
    &[],
    "Challenges and unfinished certificates that were taken over from slots that stay away.",
);
pub(crate) const WAITING: Metric = Metric::gauge(
    "acme_challenges_waiting",
    &["state"],
    "Challenges of this replica's slot in processing: with a next attempt (armed), whose attempt is \
     due now (due, also counted as armed), and whose window has ended (exhausted). At most 100000.",
);
pub(crate) const OLDEST_ORDER: Metric = Metric::gauge(
    "acme_oldest_open_order_age_seconds",
    &[],
    "Age of the oldest order that is pending or ready and has not expired; 0 when there is none.",
);
pub(crate) const EXPIRING: Metric = Metric::gauge(
    "acme_certificates_expiring",
    &["days"],
    "Certificates that end within so many days and not within fewer. At most 100000.",
);
pub(crate) const LEASE: Metric = Metric::gauge(
    "acme_slot_lease_held",
    &["slot"],
    "Whether a slot's lease is held: 1, or 0 when it has run out or was handed back.",
);
pub(crate) const EPOCH: Metric = Metric::gauge(
    "acme_slot_epoch",
    &["slot"],
    "The epoch of a slot's lease, which grows each time that a process takes it.",
);
pub(crate) const WATCH_FAILURES: Metric = Metric::counter(
    "acme_watch_failures_total",
    &[],
    "How often the store did not tell what is waiting; the gauges keep what they told before.",
);
pub(crate) const RENEWALS_FAILED: Metric = Metric::counter(
    "acme_lease_renewals_failed_total",
    &[],
    "Renewals of this replica's lease that failed, and leases that had to be taken again.",
);
const BUILD: Metric = Metric::gauge(
    "acme_build_info",
    &["version"],
    "Always 1; the label tells the version that runs.",
);
const CPU: Metric = Metric::gauge(
    "process_cpu_seconds_total",
    &[],
    "CPU time that the process has used.",
);
const MEMORY: Metric = Metric::gauge(
    "process_resident_memory_bytes",
    &[],
    "Memory of the process that is resident.",
);
const OPEN_FILES: Metric =
    Metric::gauge("process_open_fds", &[], "File descriptors that are open.");
const MOST_FILES: Metric =
    Metric::gauge("process_max_fds", &[], "File descriptors that may be open.");
const THREADS: Metric = Metric::gauge("process_threads", &[], "Threads of the process.");
const STARTED: Metric = Metric::gauge(
    "process_start_time_seconds",
    &[],
    "When the process started, in seconds since 1970.",
);

/// The figures that this crate counts.
const OWN: &[Metric] = &[
    ATTEMPTS,
    ATTEMPT_SECONDS,
    LATENESS,
    AUTHORIZATIONS,
    EXHAUSTED,
    SUPERSEDED,
    TAKEN_OVER,
    WAITING,
    OLDEST_ORDER,
    EXPIRING,
    LEASE,
    EPOCH,
    RENEWALS_FAILED,
    WATCH_FAILURES,
    BUILD,
    CPU,
    MEMORY,
    OPEN_FILES,
    MOST_FILES,
    THREADS,
    STARTED,
];

/// Every figure of a server, by the part that counts it.
pub const ALL: [(&str, &[Metric]); 3] = [
    (
        "Requests, orders and certificates",
        acme_http::metrics::METRICS,
    ),
    ("Attempts, slots and the process", OWN),
    ("The store", acme_store::metrics::METRICS),
];

/// Where the figures of this process are kept, and how they are shown.
#[derive(Clone)]
pub struct Figures {
    handle: PrometheusHandle,
    process: process::Process,
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Figures(..)")
    }
}

impl Figures {
    /// Begins to keep figures, for the whole process. None when another recorder is in place, as in
    /// an integrator's process: then that one has them.
    ///
    /// # Errors
    /// When the table of figures makes no sense to the recorder.
    pub fn begin() -> Result<Option<Self>, BuildError> {
        static BEGUN: OnceLock<Figures> = OnceLock::new();
        if let Some(begun) = BEGUN.get() {
            return Ok(Some(begun.clone()));
        }
        let mut builder = PrometheusBuilder::new();
        for metric in ALL.iter().flat_map(|(_, metrics)| *metrics) {
            if let MetricKind::Histogram(bounds) = metric.kind {
                let name = Matcher::Full(metric.name.to_owned());
                builder = builder.set_buckets_for_metric(name, bounds)?;
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            return Ok(None);
        }
        for metric in ALL.iter().flat_map(|(_, metrics)| *metrics) {
            match metric.kind {
                MetricKind::Counter => metrics::describe_counter!(metric.name, metric.meaning),
                MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.meaning),
                MetricKind::Histogram(_) => {
                    metrics::describe_histogram!(metric.name, metric.meaning);
                }
            }
        }
        metrics::gauge!(BUILD.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let begun = Self {
            handle,
            process: process::Process::new(),
        };
        Ok(Some(BEGUN.get_or_init(|| begun).clone()))
    }

    /// All figures, as Prometheus reads them.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.read();
        self.handle.render()
    }

    /// Sums up what histograms have taken in; to be done every few seconds, for it takes memory.
    pub fn sum_up(&self) {
        self.handle.run_upkeep();
    }
}
