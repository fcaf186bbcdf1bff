//! CPU time, memory and bytes written of a process and all its descendants.

use std::collections::HashMap;
use std::fs;
use std::str::FromStr;

use serde::Serialize;

/// Milliseconds of one clock tick; Linux has counted 100 of them a second for user space on every
/// architecture since 2.6.
const TICK_MS: u64 = 10;

/// What `/proc/PID/stat` tells of one process.
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) name: String,
    parent: u32,
    /// User and system time, in ticks.
    own: u64,
    /// The same of children that have ended and were waited for.
    children: u64,
}

impl Stat {
    /// Every process there is.
    pub(super) fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| {
                let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
                Self::of(pid)
            })
            .collect()
    }

    pub(super) fn of(pid: u32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(pid: u32, text: &str) -> Option<Self> {
        // The name may hold spaces and parentheses; the last one ends it.
        let (head, rest) = text.rsplit_once(") ")?;
        let (_, name) = head.split_once(" (")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
        Some(Self {
            pid,
            name: name.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            own: number(11)? + number(12)?,
            children: number(13)? + number(14)?,
        })
    }

    /// CPU time of the process itself, in milliseconds.
    pub(super) const fn own_ms(&self) -> u64 {
        self.own * TICK_MS
    }
}

/// A process to watch with all its descendants, and what to call it in the report.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    label: String,
    pid: u32,
}

impl FromStr for Watch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (label, pid) = text
            .split_once('=')
            .ok_or_else(|| "not of the form LABEL=PID".to_owned())?;
        let pid = pid.parse().map_err(|_| format!("{pid:?} is no PID"))?;
        if Stat::of(pid).is_none() {
            return Err(format!("there is no process {pid}"));
        }
        Ok(Self {
            label: label.to_owned(),
            pid,
        })
    }
}

/// What a process and its descendants have used, at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    cpu_ms: u64,
    written_bytes: u64,
    resident_kib: u64,
    peak_kib: u64,
    threads: u64,
}

/// What they used during a run.
#[derive(Serialize)]
pub(crate) struct WatchReport {
    pub(crate) label: String,
    pub(crate) cpu_ms: u64,
    pub(crate) cpu_ms_per_act: f64,
    /// At the end of the run.
    pub(crate) resident_kib: u64,
    /// The highest of the main process, ever.
    peak_resident_kib: u64,
    written_bytes: u64,
    written_bytes_per_act: f64,
    threads: u64,
}

impl Watch {
    /// This process, the load driver.
    pub(crate) fn own() -> Self {
        Self {
            label: "load driver".to_owned(),
            pid: std::process::id(),
        }
    }

    /// The process and its descendants.
    pub(super) fn family(&self, all: &[Stat]) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for stat in all {
            children.entry(stat.parent).or_default().push(stat.pid);
        }
        let mut family = vec![self.pid];
        let mut next = 0;
        while let Some(pid) = family.get(next) {
            family.extend(children.remove(pid).unwrap_or_default());
            next += 1;
        }
        family
    }

    /// What was used until now.
    pub(crate) fn usage(&self) -> Usage {
        let all = Stat::all();
        let family = self.family(&all);
        let mut usage = Usage::default();
        let mut shared_kib = 0;
        for pid in family {
            if let Some(stat) = all.iter().find(|stat| stat.pid == pid) {
                usage.cpu_ms += (stat.own + stat.children) * TICK_MS;
            }
            let io = field_reader(format!("/proc/{pid}/io"));
            usage.written_bytes += io("write_bytes");
            let status = field_reader(format!("/proc/{pid}/status"));
            usage.resident_kib += status("RssAnon") + status("RssFile");
            // Shared memory is the same memory for all of a database's processes.
            shared_kib = shared_kib.max(status("RssShmem"));
            usage.threads += status("Threads");
            if pid == self.pid {
                usage.peak_kib = status("VmHWM");
            }
        }
        usage.resident_kib += shared_kib;
        usage
    }

    /// What was used between two times, shared out over so many acts.
    pub(crate) fn report(&self, before: Usage, after: Usage, acts: u64) -> WatchReport {
        let each = |sum: u64| sum as f64 / acts.max(1) as f64;
        let cpu_ms = after.cpu_ms.saturating_sub(before.cpu_ms);
        let written_bytes = after.written_bytes.saturating_sub(before.written_bytes);
        WatchReport {
            label: self.label.clone(),
            cpu_ms,
            cpu_ms_per_act: each(cpu_ms),
            resident_kib: after.resident_kib,
            peak_resident_kib: after.peak_kib,
            written_bytes,
            written_bytes_per_act: each(written_bytes),
            threads: after.threads,
        }
    }
}

impl WatchReport {
    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let Self {
            label,
            cpu_ms,
            cpu_ms_per_act,
            resident_kib,
            peak_resident_kib,
            written_bytes_per_act,
            threads,
            ..
        } = self;
        format!(
            "{label:<14} {cpu_ms_per_act:>9.3} ms CPU each ({cpu_ms} ms), {:.1} MiB resident \
             (peak {:.1}), {:.2} KiB written each, {threads} threads",
            *resident_kib as f64 / 1024.0,
            *peak_resident_kib as f64 / 1024.0,
            written_bytes_per_act / 1024.0,
        )
    }
}

/// Reads numbers out of a file of `Name: number` lines; what is not there is 0.
fn field_reader(path: String) -> impl Fn(&str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    move |name| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_name_with_parentheses_is_read() {
        let text = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 0";
        let stat = Stat::parse(42, text).unwrap();
        assert_eq!(stat.name, "a (b) c");
        assert_eq!((stat.parent, stat.own, stat.children), (7, 120, 34));
    }

    #[test]
    fn work_of_a_child_is_counted_before_and_after_it_ended() {
        let own = Watch::own();
        let before = own.usage();
        let mut child = Command::new("sh")
            .args([
                "-c",
                "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; read x",
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let all = Stat::all();
        assert!(own.family(&all).contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        let report = own.report(before, own.usage(), 1);
        assert!(report.cpu_ms >= 20, "{}", report.cpu_ms);
        assert!(report.resident_kib > 0 && report.threads > 0);
    }
}
