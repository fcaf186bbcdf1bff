//! `cargo xtask chaos`: real replicas over a real PostgreSQL, killed, paused and restarted under load.

use clap::Args;

use crate::chore::{Result, cargo, run};
use crate::serve;
use crate::tools;

/// Where the report of a run goes.
const REPORT: &str = "docs/RELIABILITY.md";

/// How much chaos.
#[derive(Args, Debug)]
pub(crate) struct Chaos {
    /// How many rounds to play, each with one fault.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Decides the faults and what the targets of validation do.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's own schedule and lease instead of short ones; a round takes more than a minute.
    #[arg(long)]
    full_length: bool,
    /// Write the figures into docs/RELIABILITY.md.
    #[arg(long)]
    report: bool,
    /// Leave logs and configuration behind.
    #[arg(long)]
    keep: bool,
}

impl Chaos {
    /// Builds the server with optimizations and plays.
    pub(crate) fn run(&self) -> Result<()> {
        let server = serve::build(true)?;
        let mut command = cargo();
        command
            .args([
                "run",
                "--quiet",
                "--locked",
                "--release",
                "--package",
                "acme-chaos",
                "--",
            ])
            .args([
                format!("--rounds={}", self.rounds),
                format!("--seed={}", self.seed),
            ])
            .args(self.full_length.then_some("--full-length"))
            .args(self.keep.then_some("--keep"))
            .args(self.report.then(|| format!("--report={REPORT}")))
            .env("ACME_TEST_PG_BIN", tools::postgres()?)
            .env("ACME_SERVER_BIN", server);
        run(&mut command)
    }
}
