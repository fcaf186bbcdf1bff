//! What a figure that a server shows of itself is called and means. Nothing is counted here: each
//! crate that counts has a table of these beside its counters, so that names, labels and words stand
//! in one place, for the code, for Prometheus and for the documents.

/// How a figure is kept, as Prometheus knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// Only grows while a process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counted by size; the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name, which ends with its unit, and with `_total` when it is a counter.
    pub name: &'static str,
    /// How it is kept.
    pub kind: MetricKind,
    /// The names of its labels. None of them has more than a few hundred values.
    pub labels: &'static [&'static str],
    /// What it tells, as a sentence.
    pub meaning: &'static str,
}

impl Metric {
    /// Bounds for what should take milliseconds, in seconds.
    pub const SECONDS: &'static [f64] = &[
        0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
        2.5, 5.0, 10.0,
    ];

    /// A counter.
    #[must_use]
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        let kind = MetricKind::Counter;
        Self {
            name,
            kind,
            labels,
            meaning,
        }
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        let kind = MetricKind::Gauge;
        Self {
            name,
            kind,
            labels,
            meaning,
        }
    }

    /// A histogram of seconds, by [`Metric::SECONDS`].
    #[must_use]
    pub const fn seconds(
        name: &'static str,
        labels: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        let kind = MetricKind::Histogram(Self::SECONDS);
        Self {
            name,
            kind,
            labels,
            meaning,
        }
    }
}
