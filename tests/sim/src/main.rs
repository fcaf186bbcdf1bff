//! Runs seeds until one violates an invariant; prints that seed and its trace.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use acme_sim::oracle::Counts;
use acme_sim::run::{Outcome, RunSize, run};
use clap::Parser;

/// Simulates replicas that fail, one run for each seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed; with `--seeds 1` it runs this one alone and prints its trace.
    #[arg(long, default_value_t = 0)]
    from: u64,
}

fn main() -> ExitCode {
    let Arguments { seeds, from } = Arguments::parse();
    let next = AtomicU64::new(from);
    let failed: Mutex<Option<Outcome>> = Mutex::default();
    let total: Mutex<Counts> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let stop = failed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .is_some();
                    if seed >= from.saturating_add(seeds) || stop {
                        return;
                    }
                    match run(seed, RunSize::default(), None) {
                        Ok(outcome) => {
                            total
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .add(&outcome.counts);
                            if !outcome.violations.is_empty() || seeds == 1 {
                                *failed.lock().unwrap_or_else(PoisonError::into_inner) =
                                    Some(outcome);
                            }
                        }
                        Err(error) => eprintln!("seed {seed} did not run: {error}"),
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(outcome) = &failed {
        for line in &outcome.trace {
            println!("{line}");
        }
        for violation in &outcome.violations {
            println!(
                "seed {}: {:?}: {}",
                outcome.seed, violation.invariant, violation.detail
            );
        }
    }
    println!(
        "{} probes, {} attempts recorded, {} challenges valid, {} certificates",
        total.probes, total.recorded, total.valid, total.signed
    );
    match failed.is_some_and(|outcome| !outcome.violations.is_empty()) {
        true => ExitCode::FAILURE,
        false => {
            println!("{seeds} seeds, no violation");
            ExitCode::SUCCESS
        }
    }
}
