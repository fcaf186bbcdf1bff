//! The page of the documentation that lists every figure.

use std::fmt::Write as _;

use acme_core::MetricKind;

use super::ALL;

/// `docs/METRICS.md`, made from the tables.
#[must_use]
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (part, metrics) in ALL {
        // Writing to a text cannot fail.
        let _ = write!(
            page,
            "\n## {part}\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n"
        );
        for metric in metrics {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram(_) => "histogram",
            };
            let labels: Vec<_> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
            let (name, labels, meaning) = (metric.name, labels.join(", "), metric.meaning);
            let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {meaning} |");
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Metrics

<!-- Made by `cargo xtask metrics` from the tables in the code. -->

`listen.metrics` serves `/metrics` as Prometheus reads it, by plain HTTP, beside `/livez` (the process
answers) and `/readyz` (503 while it starts, drains, or cannot reach its store). Names and labels are
bounded: routes are names and never URLs, provisioners are those of the configuration, types of
problems those of the protocol.

Counting costs no lock and no allocation in a request: counters are made once. What only the store
knows is asked for every 15 seconds, not by whoever reads the page, along indexes and with an end to
each count, so that it costs the same with a thousand certificates and with ten million.

`deploy/monitoring/` holds alert rules for Prometheus and a dashboard for Grafana that use these
figures; see [its README](../deploy/monitoring/README.md).
";
