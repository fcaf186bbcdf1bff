//! `cargo xtask bench --counts`: instructions that the server runs for one act, counted by callgrind
//! and compared with those kept in `bench/counts.json`. Unlike time they hardly depend on what else
//! the machine does, so that a change that costs a tenth shows.
//!
//! ECDSA verification is left out: it is the same for all, it is not ours, and callgrind runs
//! another path of it than the processor does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Places;
use super::contender::Contender;
use super::driver::{Driver, Workload};
use crate::chore::{Result, output};
use crate::workspace::root;

const KEPT: &str = "bench/counts.json";
/// More than this over what is kept is a failure; runs differ by two or three in a hundred.
const TOLERANCE: f64 = 1.10;

/// What is counted, and how many acts.
const COUNTED: [(Workload, u64); 5] = [
    (Workload::Issue4, 100),
    (Workload::Nonce, 1000),
    (Workload::Account, 200),
    (Workload::Order, 200),
    (Workload::Poll, 400),
];

/// Instructions of one act, by the name of the workload.
type Counts = BTreeMap<String, f64>;

/// Counts, prints beside what is kept, and keeps or compares.
pub(super) fn count(places: &Places, keep: bool) -> Result<()> {
    let counts = measure(places)?;
    let file = root().join(KEPT);
    let kept: Counts = match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Counts::new(),
    };
    let mut worse = Vec::new();
    for (name, count) in &counts {
        let before = kept.get(name);
        let change = before.map_or_else(String::new, |before| {
            format!("{:+.1} %", (count / before - 1.0) * 100.0)
        });
        println!(
            "{name:<24}{:>12.0} thousand instructions  {change}",
            count / 1000.0
        );
        if before.is_some_and(|before| *count > before * TOLERANCE) {
            worse.push(name.as_str());
        }
    }
    if keep {
        std::fs::write(file, serde_json::to_string_pretty(&counts)? + "\n")?;
        return Ok(());
    }
    if worse.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more instructions than {KEPT} allows: {}; find out why, or keep the new ones with --keep",
        worse.join(", ")
    )
    .into())
}

fn measure(places: &Places) -> Result<Counts> {
    crate::tools::from_path_or_debian("valgrind", "valgrind")?;
    let dir = places.fresh("callgrind")?;
    let out = dir.join("out");
    let running = Contender::Ours.start_under(places, |program| {
        let mut command = Command::new("valgrind");
        command
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", out.display()))
            // Counting stops where it is entered and goes on where it is left.
            .arg("--toggle-collect=*ecdsa_do_verify_no_self_test")
            .arg(program);
        command
    })?;
    let pid = running.watches.first().map_or(0, |(_, pid)| *pid);
    let driver = Driver::new(&places.driver, &running);
    let mut counts = Counts::new();
    for (dump, (workload, acts)) in COUNTED.into_iter().enumerate() {
        driver.run_in_turn(workload, acts / 10, 1)?;
        control("--zero", pid)?;
        driver.run_in_turn(workload, acts, 2)?;
        control("--dump", pid)?;
        // Dumps are numbered from 1, each in a file of its own.
        let all = instructions(&dir.join(format!("out.{}", dump + 1)))?;
        counts.insert(workload.title().to_owned(), all / acts as f64);
    }
    Ok(counts)
}

fn control(what: &str, pid: u32) -> Result<()> {
    output(
        Command::new("callgrind_control")
            .arg(what)
            .arg(pid.to_string())
            .stdin(Stdio::null()),
    )?;
    Ok(())
}

/// The sum that a dump states.
fn instructions(dump: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(dump)?;
    summary(&text).ok_or_else(|| format!("{} states no sum", dump.display()).into())
}

fn summary(text: &str) -> Option<f64> {
    let sum = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    sum("summary:").or_else(|| sum("totals:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_dump_is_read() {
        assert_eq!(summary("version: 1\nsummary: 1234\n"), Some(1234.0));
        assert_eq!(summary("version: 1\nfn=(1)\n1 5\ntotals: 99\n"), Some(99.0));
        assert_eq!(summary("version: 1\n"), None);
    }
}
