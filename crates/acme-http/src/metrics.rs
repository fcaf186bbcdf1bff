//! What the API counts of itself: the table of its figures, and the counters.
//!
//! Counters are made once, when the API is, by the recorder of the `metrics` crate that is in place
//! then; without one they cost next to nothing.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use acme_core::Metric;
use acme_types::{ProblemKind, ProvisionerName};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::urls::ROUTES;

const REQUESTS: Metric = Metric::counter(
    "acme_http_requests_total",
    &["route", "status"],
    "Requests that were answered, by route and HTTP status. The route is none for what is nowhere.",
);
const REQUEST_SECONDS: Metric = Metric::seconds(
    "acme_http_request_duration_seconds",
    &["route"],
    "How long requests take, from their head to their answer.",
);
const PROBLEMS: Metric = Metric::counter(
    "acme_http_problems_total",
    &["type"],
    "Problem documents that were sent, by the last word of their type.",
);
const NONCES_REFUSED: Metric = Metric::counter(
    "acme_http_nonces_refused_total",
    &["reason"],
    "Nonces that were refused: not made here (unknown), too old (expired), or used before (spent).",
);
const CONNECTIONS: Metric = Metric::gauge(
    "acme_http_connections",
    &[],
    "Connections that are open, of all listeners.",
);
const HANDSHAKES_FAILED: Metric = Metric::counter(
    "acme_http_tls_handshakes_failed_total",
    &[],
    "TLS handshakes that failed or took too long.",
);
const ORDERS: Metric = Metric::counter(
    "acme_orders_total",
    &["provisioner", "outcome"],
    "Orders that were opened, and requests for orders that were refused.",
);
const CERTIFICATES: Metric = Metric::counter(
    "acme_certificates_total",
    &["provisioner", "outcome"],
    "Certificates: issued; put off, as the authority was slow or away; refused at finalize; revoked \
     by their holders.",
);
const SIGN_SECONDS: Metric = Metric::seconds(
    "acme_sign_duration_seconds",
    &[],
    "How long the authority takes to sign a certificate.",
);
const SIGN_FAILURES: Metric = Metric::counter(
    "acme_sign_failures_total",
    &["reason"],
    "Signatures that the authority did not give: it refuses, or is not available.",
);
const REARMED: Metric = Metric::counter(
    "acme_retry_windows_rearmed_total",
    &[],
    "Windows of attempts that a client began anew, by asking again for a challenge that was being \
     tried.",
);

/// Every figure of the API.
pub const METRICS: &[Metric] = &[
    REQUESTS,
    REQUEST_SECONDS,
    PROBLEMS,
    NONCES_REFUSED,
    CONNECTIONS,
    HANDSHAKES_FAILED,
    ORDERS,
    CERTIFICATES,
    SIGN_SECONDS,
    SIGN_FAILURES,
    REARMED,
];

/// Every status that the API answers with; any other is counted as `other`.
const STATUSES: [(u16, &str); 16] = [
    (200, "200"),
    (201, "201"),
    (204, "204"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (409, "409"),
    (413, "413"),
    (415, "415"),
    (429, "429"),
    (500, "500"),
    (503, "503"),
];

/// The counters of one API.
pub(crate) struct Meters {
    routes: HashMap<&'static str, RouteMeters>,
    problems: Vec<Counter>,
    provisioners: RwLock<HashMap<ProvisionerName, Arc<ProvisionerMeters>>>,
    pub(crate) nonces_unknown: Counter,
    pub(crate) nonces_expired: Counter,
    pub(crate) nonces_spent: Counter,
    pub(crate) signing: SignMeters,
    pub(crate) rearmed: Counter,
}

struct RouteMeters {
    seconds: Histogram,
    /// Made when they are first needed: most routes never have most statuses.
    by_status: [OnceLock<Counter>; STATUSES.len() + 1],
}

/// The counters of one provisioner.
pub(crate) struct ProvisionerMeters {
    pub(crate) orders_opened: Counter,
    pub(crate) orders_refused: Counter,
    pub(crate) issued: Counter,
    pub(crate) put_off: Counter,
    pub(crate) refused: Counter,
    pub(crate) revoked: Counter,
}

/// The counters of signatures.
#[derive(Clone)]
pub(crate) struct SignMeters {
    pub(crate) seconds: Histogram,
    pub(crate) refused: Counter,
    pub(crate) unavailable: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let routes = ROUTES.iter().map(|route| {
            let meters = RouteMeters {
                seconds: histogram!(REQUEST_SECONDS.name, "route" => *route),
                by_status: [const { OnceLock::new() }; STATUSES.len() + 1],
            };
            (*route, meters)
        });
        let problems = ProblemKind::ALL
            .iter()
            .map(|kind| counter!(PROBLEMS.name, "type" => word_of(*kind)));
        let nonces = |reason: &'static str| counter!(NONCES_REFUSED.name, "reason" => reason);
        Self {
            routes: routes.collect(),
            problems: problems.collect(),
            provisioners: RwLock::default(),
            nonces_unknown: nonces("unknown"),
            nonces_expired: nonces("expired"),
            nonces_spent: nonces("spent"),
            signing: SignMeters {
                seconds: histogram!(SIGN_SECONDS.name),
                refused: counter!(SIGN_FAILURES.name, "reason" => "refused"),
                unavailable: counter!(SIGN_FAILURES.name, "reason" => "unavailable"),
            },
            rearmed: counter!(REARMED.name),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(
        &self,
        route: &'static str,
        status: u16,
        problem: Option<ProblemKind>,
        took: Duration,
    ) {
        if let Some(kind) = problem
            && let Some(counter) = self.problems.get(kind as usize)
        {
            counter.increment(1);
        }
        let Some(meters) = self.routes.get(route) else {
            return;
        };
        meters.seconds.record(took);
        let known = STATUSES.iter().position(|(known, _)| *known == status);
        let at = known.unwrap_or(STATUSES.len());
        let word = known.map_or("other", |at| STATUSES[at].1);
        meters.by_status[at]
            .get_or_init(|| counter!(REQUESTS.name, "route" => route, "status" => word))
            .increment(1);
    }

    /// The counters of a provisioner, which must be one that there is: its name becomes a label.
    pub(crate) fn of(&self, provisioner: &ProvisionerName) -> Arc<ProvisionerMeters> {
        let known = self
            .provisioners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(meters) = known.get(provisioner) {
            return Arc::clone(meters);
        }
        drop(known);
        let mut known = self
            .provisioners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let made = known.entry(provisioner.clone()).or_insert_with(|| {
            let counter = |metric: Metric, outcome: &'static str| {
                let name = provisioner.as_str().to_owned();
                counter!(metric.name, "provisioner" => name, "outcome" => outcome)
            };
            Arc::new(ProvisionerMeters {
                orders_opened: counter(ORDERS, "opened"),
                orders_refused: counter(ORDERS, "refused"),
                issued: counter(CERTIFICATES, "issued"),
                put_off: counter(CERTIFICATES, "put-off"),
                refused: counter(CERTIFICATES, "refused"),
                revoked: counter(CERTIFICATES, "revoked"),
            })
        });
        Arc::clone(made)
    }
}

/// A problem's type without what all of them begin with.
pub(crate) fn word_of(kind: ProblemKind) -> &'static str {
    let urn = kind.urn();
    urn.rsplit(':').next().unwrap_or(urn)
}

/// The counters of an accept loop.
#[derive(Clone)]
pub(crate) struct ConnectionMeters {
    open: Gauge,
    pub(crate) handshakes_failed: Counter,
}

impl ConnectionMeters {
    pub(crate) fn new() -> Self {
        Self {
            open: gauge!(CONNECTIONS.name),
            handshakes_failed: counter!(HANDSHAKES_FAILED.name),
        }
    }

    /// Counts a connection for as long as the result lives.
    pub(crate) fn opened(&self) -> OpenConnection {
        self.open.increment(1.0);
        OpenConnection(self.open.clone())
    }
}

/// A connection that is open.
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
