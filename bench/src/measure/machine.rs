//! The machine a run was made on, and what else it was doing.

use std::collections::HashMap;
use std::fs;
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};

use serde::Serialize;

use super::Watch;
use super::process::Stat;

/// The other processes' CPU time at the start of a run.
pub(crate) struct Machine {
    before: HashMap<u32, u64>,
    load_before: f64,
    verification_before: f64,
}

/// The machine, for the report.
#[derive(Serialize)]
pub(crate) struct MachineReport {
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    /// Load average of one minute at the start and at the end.
    load: [f64; 2],
    /// Microseconds that one ES256 verification took at the start and at the end: the yardstick for
    /// how fast a core was meanwhile. Neighbours on the same hardware can make it half as fast.
    es256_verification_us: [f64; 2],
    /// What else ran, busiest first.
    pub(crate) others: Vec<Others>,
}

/// CPU time of other processes of one name during the run.
#[derive(Serialize)]
pub(crate) struct Others {
    name: String,
    pub(crate) cpu_ms: u64,
}

impl Machine {
    /// Looks around before a run.
    pub(crate) fn look() -> Self {
        let before = Stat::all();
        Self {
            before: before
                .iter()
                .map(|stat| (stat.pid, stat.own_ms()))
                .collect(),
            load_before: load(),
            verification_before: verification_us(),
        }
    }

    /// What the machine is and did but for the processes watched. Processes that ended during the
    /// run are not seen; the load average holds them.
    pub(crate) fn report(&self, watched: &[&Watch]) -> MachineReport {
        let all = Stat::all();
        let ours: Vec<u32> = watched
            .iter()
            .flat_map(|watch| watch.family(&all))
            .collect();
        let mut by_name: HashMap<&str, u64> = HashMap::new();
        for stat in all.iter().filter(|stat| !ours.contains(&stat.pid)) {
            let before = self.before.get(&stat.pid).copied().unwrap_or(0);
            *by_name.entry(&stat.name).or_default() += stat.own_ms().saturating_sub(before);
        }
        let mut others: Vec<Others> = by_name
            .into_iter()
            .filter(|(_, cpu_ms)| *cpu_ms > 0)
            .map(|(name, cpu_ms)| Others {
                name: name.to_owned(),
                cpu_ms,
            })
            .collect();
        others.sort_by_key(|others| std::cmp::Reverse(others.cpu_ms));
        others.truncate(8);
        MachineReport {
            cpu: value("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: value("/proc/meminfo", "MemTotal")
                .split(' ')
                .next()
                .and_then(|kib| kib.parse::<u64>().ok())
                .unwrap_or(0)
                / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: [self.load_before, load()],
            es256_verification_us: [self.verification_before, verification_us()],
            others,
        }
    }
}

impl MachineReport {
    /// Lines for people.
    pub(crate) fn lines(&self) -> String {
        let others: Vec<String> = self
            .others
            .iter()
            .map(|others| format!("{} {} ms", others.name, others.cpu_ms))
            .collect();
        let others = if others.is_empty() {
            "nothing else ran".to_owned()
        } else {
            format!("what else ran: {}", others.join(", "))
        };
        format!(
            "machine        {} cores of {}, {} MiB, Linux {}\nload average   {:.2} before, {:.2} \
             after; {others}\n\
             one ES256 verification took {:.0} us before, {:.0} us after",
            self.cores,
            self.cpu,
            self.memory_mib,
            self.kernel,
            self.load[0],
            self.load[1],
            self.es256_verification_us[0],
            self.es256_verification_us[1],
        )
    }
}

/// The median of short batches, so that a batch that was interrupted does not count. 0 when there is
/// no key.
fn verification_us() -> f64 {
    const BATCHES: usize = 15;
    const BATCH: u32 = 20;
    let message = b"a message as long as a signed request's header and payload often are";
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let signed = key.and_then(|key| {
        let signature = key.sign(&SystemRandom::new(), message)?;
        Ok((key, signature))
    });
    let Ok((key, signature)) = signed else {
        return 0.0;
    };
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key());
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            let verified = (0..BATCH).all(|_| key.verify(message, signature.as_ref()).is_ok());
            if verified {
                start.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
            } else {
                0.0
            }
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn load() -> f64 {
    let text = read("/proc/loadavg");
    text.split(' ')
        .next()
        .and_then(|one| one.parse().ok())
        .unwrap_or(0.0)
}

/// The first value of this name in a file of `name : value` lines.
fn value(path: &str, name: &str) -> String {
    read(path)
        .lines()
        .find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
        .unwrap_or_default()
}
