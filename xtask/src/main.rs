//! The chores of this repository: `cargo xtask --help` lists them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod chaos;
mod chore;
mod ci;
mod clients;
mod conformance;
mod dependencies;
mod docs;
mod files;
mod layers;
mod licences;
mod metrics;
mod serve;
mod sim;
mod source;
mod test;
mod tools;
mod workspace;

/// The chores of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Build acme-server and run `acme-server dev` with the given arguments.
    Serve {
        /// Build with optimizations; the first build takes some minutes.
        #[arg(long)]
        release: bool,
        /// Arguments of `acme-server dev`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run every test, after installing what the tests need; write what they have shown of clients
    /// into docs/CLIENTS.md.
    Test {
        /// Let the tests of the retry schedule take their real time (some minutes).
        #[arg(long)]
        full_length: bool,
        /// Run only the tests whose name contains this.
        #[arg(long, value_name = "FILTER")]
        only: Option<String>,
    },
    /// Run what CI runs: format, lints, house rules, documentation, licences, tests.
    Ci,
    /// Check the house rules alone: files, layers, dependencies, licences, conformance table.
    Check,
    /// Measure what an issuance costs, here and in peers.
    Bench(bench::Bench),
    /// Kill, pause and restart real replicas and their PostgreSQL under load; check what must hold.
    Chaos(chaos::Chaos),
    /// Simulate replicas that crash, pause and lose answers; print the seed that breaks a promise.
    Sim {
        /// How many seeds to play.
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// The first seed; with `--seeds 1` its whole trace is printed.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Install the programs that the tests drive: certbot, lego, uacme, acme-tiny, openssl, PostgreSQL,
    /// pkilint, promtool.
    Tools,
    /// Write docs/METRICS.md anew from the tables in the code; the tests fail while it is stale.
    Metrics,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Serve { release, args } => serve::serve(release, &args),
        Chore::Test { full_length, only } => test::test(full_length, only.as_deref()),
        Chore::Ci => ci::ci(),
        Chore::Check => ci::house_rules(),
        Chore::Bench(bench) => bench.run(),
        Chore::Chaos(chaos) => chaos.run(),
        Chore::Sim { seeds, from } => sim::sim(seeds, from),
        Chore::Metrics => metrics::write(),
        Chore::Tools => tools::Tools::ensure().map(|tools| tools.print()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
