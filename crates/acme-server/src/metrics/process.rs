//! The figures of the process, as Linux tells them in `/proc`; elsewhere there are none.

use std::fs::{read_dir, read_to_string};

use metrics::{Gauge, gauge};

use super::{CPU, MEMORY, MOST_FILES, OPEN_FILES, STARTED, THREADS};

/// Ticks in a second, in which the kernel tells times to programs on every architecture that Rust
/// runs a server on.
const TICKS: f64 = 100.0;

/// The gauges of the process.
#[derive(Clone)]
pub(super) struct Process {
    cpu: Gauge,
    memory: Gauge,
    open_files: Gauge,
    most_files: Gauge,
    threads: Gauge,
    started: Gauge,
}

impl Process {
    pub(super) fn new() -> Self {
        Self {
            cpu: gauge!(CPU.name),
            memory: gauge!(MEMORY.name),
            open_files: gauge!(OPEN_FILES.name),
            most_files: gauge!(MOST_FILES.name),
            threads: gauge!(THREADS.name),
            started: gauge!(STARTED.name),
        }
    }

    /// Reads all of them anew; what cannot be read keeps its value.
    pub(super) fn read(&self) {
        if let Ok(stat) = read_to_string("/proc/self/stat") {
            // The second field is the program's name in brackets, and may hold anything.
            let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
            let field = |n: usize| after.split_whitespace().nth(n)?.parse::<f64>().ok();
            if let (Some(user), Some(system)) = (field(11), field(12)) {
                self.cpu.set((user + system) / TICKS);
            }
            if let Some(threads) = field(17) {
                self.threads.set(threads);
            }
            if let (Some(since_boot), Some(boot)) = (field(19), boot_time()) {
                self.started.set(boot + since_boot / TICKS);
            }
        }
        if let Some(kilobytes) = number("/proc/self/status", "VmRSS:") {
            self.memory.set(kilobytes * 1024.0);
        }
        if let Ok(files) = read_dir("/proc/self/fd") {
            self.open_files.set(files.count() as f64);
        }
        if let Some(most) = number("/proc/self/limits", "Max open files") {
            self.most_files.set(most);
        }
    }
}

fn boot_time() -> Option<f64> {
    number("/proc/stat", "btime")
}

/// The first number behind a word at the beginning of a line.
fn number(file: &str, word: &str) -> Option<f64> {
    let text = read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_whitespace().next()?.parse().ok()
}
