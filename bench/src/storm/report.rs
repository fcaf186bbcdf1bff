//! What a storm has shown.

use std::time::Duration;

use serde::Serialize;

use super::lateness::Lateness;
use super::metrics::ServerLateness;
use super::{Statuses, Target};
use crate::measure::{MachineReport, WatchReport};
use crate::report::{latency_table, tail};
use crate::sample::{Latency, Samples};

/// The parts that a report is put together from.
pub(super) struct Parts {
    pub(super) target: Target,
    pub(super) asked: u64,
    pub(super) asking: Duration,
    pub(super) alone: (Samples, Duration),
    pub(super) during: (Samples, Duration),
    pub(super) idle: Vec<WatchReport>,
    pub(super) holding: Vec<WatchReport>,
    pub(super) lateness: Lateness,
    pub(super) measured_by_server: Option<ServerLateness>,
    pub(super) all_served: Option<Duration>,
    pub(super) statuses: Statuses,
    pub(super) samples: Samples,
    pub(super) machine: MachineReport,
}

/// The report of a storm.
#[derive(Serialize)]
pub(crate) struct StormReport {
    mode: &'static str,
    target: &'static str,
    challenges: u64,
    asking_seconds: f64,
    issuing_alone: Issuing,
    issuing_beside: Issuing,
    /// By the responder's record; of no use for targets that refuse.
    lateness: Lateness,
    /// By the server's own metrics.
    lateness_by_server: Option<ServerLateness>,
    /// Seconds from the targets' return to the last proof served; null when some never were.
    healed_seconds: Option<f64>,
    statuses: Statuses,
    /// Resident memory before the storm, and at the end of the hold.
    memory_kib: Vec<Memory>,
    latencies: Vec<Latency>,
    /// During the hold; an act is the whole hold.
    processes: Vec<WatchReport>,
    machine: MachineReport,
}

#[derive(Serialize)]
struct Issuing {
    per_second: f64,
    done: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Memory {
    process: String,
    before: u64,
    after: u64,
    bytes_per_challenge: f64,
}

impl Issuing {
    fn of((samples, took): &(Samples, Duration)) -> Self {
        Self {
            per_second: samples.done as f64 / took.as_secs_f64(),
            done: samples.done,
            failed: samples.errors.values().sum(),
        }
    }
}

impl StormReport {
    pub(super) fn new(mut parts: Parts) -> Self {
        let memory_kib = parts
            .idle
            .iter()
            .zip(&parts.holding)
            .map(|(before, after)| Memory {
                process: after.label.clone(),
                before: before.resident_kib,
                after: after.resident_kib,
                bytes_per_challenge: after.resident_kib.saturating_sub(before.resident_kib) as f64
                    * 1024.0
                    / parts.asked.max(1) as f64,
            })
            .collect();
        Self {
            mode: "storm",
            target: parts.target.as_str(),
            challenges: parts.asked,
            asking_seconds: parts.asking.as_secs_f64(),
            issuing_alone: Issuing::of(&parts.alone),
            issuing_beside: Issuing::of(&parts.during),
            lateness: parts.lateness,
            lateness_by_server: parts.measured_by_server,
            healed_seconds: parts.all_served.map(|time| time.as_secs_f64()),
            statuses: parts.statuses,
            memory_kib,
            latencies: parts.samples.latencies(),
            processes: parts.holding,
            machine: parts.machine,
        }
    }

    /// Whether every challenge ended valid and no issuance failed.
    pub(crate) const fn is_sound(&self) -> bool {
        self.statuses.valid == self.challenges
            && self.issuing_alone.failed == 0
            && self.issuing_beside.failed == 0
    }

    /// The table for people.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "storm of {} challenges whose targets {}, asked for in {:.1} s\n\
             issuing: {:.1}/s alone, {:.1}/s beside the storm ({} and {} failed)\n",
            self.challenges,
            self.target,
            self.asking_seconds,
            self.issuing_alone.per_second,
            self.issuing_beside.per_second,
            self.issuing_alone.failed,
            self.issuing_beside.failed,
        );
        if let Some(spread) = &self.lateness.spread {
            table += &format!(
                "attempts by the responder: {}, late by p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms, \
                 at most {:.0} ms; {} early, {} missing, {} too many\n",
                self.lateness.attempts,
                spread.p50_ms,
                spread.p95_ms,
                spread.p99_ms,
                spread.max_ms,
                self.lateness.early,
                self.lateness.missing,
                self.lateness.surplus,
            );
        }
        if let Some(server) = &self.lateness_by_server {
            table += &format!(
                "attempts by the server: {}, late by p50 <= {} ms, p99 <= {} ms\n",
                server.attempts, server.p50_at_most_ms, server.p99_at_most_ms
            );
        }
        let Statuses {
            valid,
            processing,
            pending,
            invalid,
        } = self.statuses;
        table += &match self.healed_seconds {
            Some(seconds) => format!("all proofs fetched {seconds:.1} s after the targets were up"),
            None => "NOT all proofs were fetched".to_owned(),
        };
        table += &format!(
            "; {valid} valid, {processing} processing, {pending} pending, {invalid} invalid\n"
        );
        for memory in &self.memory_kib {
            table += &format!(
                "{}: {:.1} MiB before, {:.1} MiB after, {:.0} bytes a challenge\n",
                memory.process,
                memory.before as f64 / 1024.0,
                memory.after as f64 / 1024.0,
                memory.bytes_per_challenge
            );
        }
        table += &latency_table(&self.latencies);
        table += &tail(&self.processes, &self.machine);
        table
    }
}
