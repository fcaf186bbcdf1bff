//! What a run has shown: JSON for machines, a table for people.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::measure::{Machine, MachineReport, Usage, Watch, WatchReport};
use crate::sample::{Latency, Samples};

/// What is measured around a run.
pub(crate) struct Meter {
    watches: Vec<Watch>,
    before: Vec<Usage>,
    machine: Machine,
}

/// One run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) mode: &'static str,
    pub(crate) directory: String,
    pub(crate) clients: usize,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    pub(crate) requests_per_act: f64,
    pub(crate) bad_nonces: u64,
    pub(crate) connections: u64,
    pub(crate) latencies: Vec<Latency>,
    /// The processes watched; the load driver last.
    pub(crate) processes: Vec<WatchReport>,
    pub(crate) machine: MachineReport,
}

impl Meter {
    /// Starts to measure these processes and the load driver.
    pub(crate) fn start(watches: &[Watch]) -> Self {
        let mut watches = watches.to_vec();
        watches.push(Watch::own());
        Self {
            before: watches.iter().map(Watch::usage).collect(),
            machine: Machine::look(),
            watches,
        }
    }

    /// What the processes used since the start, shared out over so many acts.
    pub(crate) fn processes(&self, acts: u64) -> Vec<WatchReport> {
        self.watches
            .iter()
            .zip(&self.before)
            .map(|(watch, before)| watch.report(*before, watch.usage(), acts))
            .collect()
    }

    /// What the machine did meanwhile.
    pub(crate) fn machine(&self) -> MachineReport {
        self.machine
            .report(&self.watches.iter().collect::<Vec<_>>())
    }

    /// The report of a run that ends now.
    pub(crate) fn report(
        &self,
        mode: &'static str,
        directory: &str,
        clients: usize,
        mut samples: Samples,
        took: Duration,
    ) -> Report {
        let seconds = took.as_secs_f64();
        let latencies = samples.latencies();
        let requests: usize = latencies
            .iter()
            .filter(|line| line.request != crate::sample::Kind::Issuance.as_str())
            .map(|line| line.count)
            .sum();
        Report {
            mode,
            directory: directory.to_owned(),
            clients,
            done: samples.done,
            failed: samples.errors.values().sum(),
            errors: samples.errors,
            seconds,
            per_second: samples.done as f64 / seconds,
            requests_per_act: requests as f64 / samples.done.max(1) as f64,
            bad_nonces: samples.bad_nonces,
            connections: samples.connections,
            latencies,
            processes: self.processes(samples.done),
            machine: self.machine(),
        }
    }
}

impl Report {
    /// The table for people.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{} at {}, {} clients\n{} done in {:.2} s: {:.1}/s, {:.2} requests each\n",
            self.mode,
            self.directory,
            self.clients,
            self.done,
            self.seconds,
            self.per_second,
            self.requests_per_act
        );
        table += &format!(
            "{} failed, {} nonces refused, {} connections\n",
            self.failed, self.bad_nonces, self.connections
        );
        for (error, count) in &self.errors {
            table += &format!("  {count} x {error}\n");
        }
        table += &latency_table(&self.latencies);
        table += &tail(&self.processes, &self.machine);
        table
    }
}

/// The latencies, a line for each kind of request.
pub(crate) fn latency_table(latencies: &[Latency]) -> String {
    let mut table = format!(
        "\n{:<20}{:>9}{:>10}{:>10}{:>10}{:>10}\n",
        "request (ms)", "count", "p50", "p95", "p99", "max"
    );
    for line in latencies {
        let spread = &line.spread;
        table += &format!(
            "{:<20}{:>9}{:>10.2}{:>10.2}{:>10.2}{:>10.2}\n",
            line.request, line.count, spread.p50_ms, spread.p95_ms, spread.p99_ms, spread.max_ms
        );
    }
    table
}

/// The processes and the machine.
pub(crate) fn tail(processes: &[WatchReport], machine: &MachineReport) -> String {
    let mut tail = String::from("\n");
    for process in processes {
        tail += &process.line();
        tail.push('\n');
    }
    tail += &machine.lines();
    tail.push('\n');
    tail
}
