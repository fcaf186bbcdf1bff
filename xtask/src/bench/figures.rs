//! The figures of all rounds, and their medians.

use std::collections::BTreeMap;

use serde_json::Value;

use super::contender::Contender;
use super::driver::Workload;

/// What is kept of one run.
#[derive(Clone, Debug)]
struct Run {
    per_second: f64,
    requests_each: f64,
    /// CPU of all processes watched, in milliseconds for one act.
    cpu_ms: f64,
    /// The same by process.
    cpu_ms_by_process: BTreeMap<String, f64>,
    driver_cpu_ms: f64,
    resident_mib: f64,
    written_kib: f64,
    /// p50 and p99 of the whole act, or of its one request, in milliseconds.
    latency_ms: [f64; 2],
}

/// The medians of one server under one load.
#[derive(Clone, Debug)]
pub(super) struct Median {
    pub(super) rounds: usize,
    pub(super) per_second: f64,
    pub(super) requests_each: f64,
    pub(super) cpu_ms: f64,
    /// The least and the most of the rounds.
    pub(super) cpu_ms_range: [f64; 2],
    pub(super) cpu_ms_by_process: BTreeMap<String, f64>,
    pub(super) driver_cpu_ms: f64,
    pub(super) resident_mib: f64,
    pub(super) written_kib: f64,
    pub(super) latency_ms: [f64; 2],
}

/// Everything measured.
#[derive(Default)]
pub(super) struct Results {
    runs: BTreeMap<(Contender, Workload), Vec<Run>>,
    failures: BTreeMap<(Contender, Workload), String>,
    /// The machine as the last run saw it, and what else ran in any.
    machine: Value,
    loads: Vec<f64>,
    verification_us: Vec<f64>,
    others_ms: BTreeMap<String, u64>,
    seconds: f64,
}

impl Results {
    pub(super) fn add(&mut self, contender: Contender, workload: Workload, report: &Value) {
        let number = |value: &Value| value.as_f64().unwrap_or(0.0);
        let processes = report["processes"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let Some((driver, watched)) = processes.split_last() else {
            return;
        };
        let sum = |field: &str| watched.iter().map(|it| number(&it[field])).sum::<f64>();
        // The last line is the whole act where an act has several requests.
        let latency = report["latencies"]
            .as_array()
            .and_then(|lines| lines.last());
        let latency_ms = latency.map_or([0.0; 2], |line| {
            [number(&line["p50_ms"]), number(&line["p99_ms"])]
        });
        self.runs
            .entry((contender, workload))
            .or_default()
            .push(Run {
                per_second: number(&report["per_second"]),
                requests_each: number(&report["requests_per_act"]),
                cpu_ms: sum("cpu_ms_per_act"),
                cpu_ms_by_process: watched
                    .iter()
                    .map(|it| {
                        let label = it["label"].as_str().unwrap_or_default().to_owned();
                        (label, number(&it["cpu_ms_per_act"]))
                    })
                    .collect(),
                driver_cpu_ms: number(&driver["cpu_ms_per_act"]),
                resident_mib: sum("resident_kib") / 1024.0,
                written_kib: sum("written_bytes_per_act") / 1024.0,
                latency_ms,
            });
        self.machine = report["machine"].clone();
        self.seconds += number(&report["seconds"]);
        self.loads.push(number(&report["machine"]["load"][0]));
        for time in report["machine"]["es256_verification_us"]
            .as_array()
            .into_iter()
            .flatten()
        {
            self.verification_us.push(number(time));
        }
        for other in report["machine"]["others"].as_array().into_iter().flatten() {
            let name = other["name"].as_str().unwrap_or_default().to_owned();
            *self.others_ms.entry(name).or_default() += other["cpu_ms"].as_u64().unwrap_or(0);
        }
    }

    pub(super) fn fail(&mut self, contender: Contender, workload: Workload, error: String) {
        self.failures.insert((contender, workload), error);
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = (Contender, Workload, &str)> {
        self.failures
            .iter()
            .map(|((contender, workload), error)| (*contender, *workload, error.as_str()))
    }

    /// The medians; None when no run came to its end.
    pub(super) fn median(&self, contender: Contender, workload: Workload) -> Option<Median> {
        let runs = self.runs.get(&(contender, workload))?;
        let of = |field: &dyn Fn(&Run) -> f64| median(runs.iter().map(field).collect());
        let cpu = || runs.iter().map(|run| run.cpu_ms);
        let labels = runs.first()?.cpu_ms_by_process.keys();
        Some(Median {
            rounds: runs.len(),
            per_second: of(&|run| run.per_second),
            requests_each: of(&|run| run.requests_each),
            cpu_ms: of(&|run| run.cpu_ms),
            cpu_ms_range: [
                cpu().fold(f64::INFINITY, f64::min),
                cpu().fold(0.0, f64::max),
            ],
            cpu_ms_by_process: labels
                .map(|label| {
                    let cpu = of(&|run| run.cpu_ms_by_process.get(label).copied().unwrap_or(0.0));
                    (label.clone(), cpu)
                })
                .collect(),
            driver_cpu_ms: of(&|run| run.driver_cpu_ms),
            resident_mib: of(&|run| run.resident_mib),
            written_kib: of(&|run| run.written_kib),
            latency_ms: [of(&|run| run.latency_ms[0]), of(&|run| run.latency_ms[1])],
        })
    }

    /// A sentence about the machine.
    pub(super) fn machine(&self) -> String {
        let machine = &self.machine;
        format!(
            "{} cores of {}, {:.0} GiB of memory, Linux {}",
            machine["cores"],
            machine["cpu"].as_str().unwrap_or("an unknown processor"),
            machine["memory_mib"].as_f64().unwrap_or(0.0) / 1024.0,
            machine["kernel"].as_str().unwrap_or_default()
        )
    }

    /// A sentence about what else the machine did.
    pub(super) fn company(&self) -> String {
        let mut others: Vec<_> = self.others_ms.iter().collect();
        others.sort_by_key(|(_, cpu_ms)| std::cmp::Reverse(**cpu_ms));
        let all: u64 = self.others_ms.values().sum();
        let percent = all as f64 / 10.0 / self.seconds.max(1.0);
        let names: Vec<String> = others
            .iter()
            .take(5)
            .map(|(name, cpu_ms)| format!("`{name}` {:.1} s", **cpu_ms as f64 / 1000.0))
            .collect();
        format!(
            "Other processes took {percent:.0} % of one core during the {:.0} s that were measured \
             ({}); the load average at the start of the runs had a median of {:.1}. One ES256 \
             verification took {:.0} µs of a core.",
            self.seconds,
            if names.is_empty() {
                "none to speak of".to_owned()
            } else {
                names.join(", ")
            },
            median(self.loads.clone()),
            median(self.verification_us.clone()),
        )
    }
}

/// The middle one; of an even number the mean of the two in the middle, of none 0.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => 0.0,
        n if n % 2 == 1 => numbers[n / 2],
        n => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }

    #[test]
    fn processes_of_a_server_are_summed_and_told_apart() {
        let mut results = Results::default();
        for cpu in [3.0, 1.0, 2.0] {
            let report = serde_json::json!({
                "per_second": 100.0, "requests_per_act": 6.0, "seconds": 1.0,
                "latencies": [{ "p50_ms": 1.0, "p99_ms": 2.0 }, { "p50_ms": 3.0, "p99_ms": 4.0 }],
                "processes": [
                    { "label": "server", "cpu_ms_per_act": cpu },
                    { "label": "PostgreSQL", "cpu_ms_per_act": 1.0 },
                    { "label": "load driver", "cpu_ms_per_act": 0.5 },
                ],
                "machine": { "load": [0.5, 0.6], "others": [{ "name": "x", "cpu_ms": 10 }] },
            });
            results.add(Contender::OursOnPostgres, Workload::Issue8, &report);
        }
        let median = results
            .median(Contender::OursOnPostgres, Workload::Issue8)
            .unwrap();
        assert_eq!(median.cpu_ms, 3.0);
        assert_eq!(median.cpu_ms_range, [2.0, 4.0]);
        assert_eq!(median.cpu_ms_by_process["server"], 2.0);
        assert_eq!(median.latency_ms, [3.0, 4.0]);
        assert_eq!(median.driver_cpu_ms, 0.5);
    }
}
