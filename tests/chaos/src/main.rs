//! Plays chaos rounds and reports what held and what was measured.

use std::path::PathBuf;
use std::process::ExitCode;

use acme_chaos::report;
use acme_chaos::run::run;
use acme_chaos::setting::{Engine, Setting};
use clap::Parser;

/// Kills, pauses and restarts replicas and their database under load, and checks what must hold.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds, each with one fault.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Decides the faults and what the targets do; the machine decides the rest.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's own schedule and lease instead of short ones; a round takes more than a minute.
    #[arg(long)]
    full_length: bool,
    /// One replica over SQLite instead of three over PostgreSQL.
    #[arg(long)]
    sqlite: bool,
    /// The built acme-server.
    #[arg(
        long,
        env = "ACME_SERVER_BIN",
        default_value = "target/release/acme-server"
    )]
    server: PathBuf,
    /// A document with a place for the report.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Leave logs and configuration behind.
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let setting = arguments.setting();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(setting.clone())),
        Err(error) => Err(acme_chaos::error::Error::stage(error.to_string())),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("acme-chaos: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = report::markdown(&setting, &outcome, &arguments.command());
    println!("{text}");
    if let Some(document) = &arguments.report
        && let Err(error) = report::put(document, arguments.place(), &text)
    {
        eprintln!("acme-chaos: {error}");
        return ExitCode::FAILURE;
    }
    for violation in &outcome.violations {
        println!("VIOLATION {violation}");
    }
    match outcome.violations.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

impl Arguments {
    fn setting(&self) -> Setting {
        let make = if self.full_length {
            Setting::defaults
        } else {
            Setting::short
        };
        let mut setting = make(self.server.clone(), self.rounds, self.seed);
        setting.keep = self.keep;
        if self.sqlite {
            setting.engine = Engine::Sqlite;
            setting.replicas = 1;
        }
        setting
    }

    /// The name of the report's place.
    const fn place(&self) -> &'static str {
        match self.full_length {
            true => "chaos full-length",
            false => "chaos",
        }
    }

    /// What to type to have the same again.
    fn command(&self) -> String {
        let full = if self.full_length {
            " --full-length"
        } else {
            ""
        };
        format!(
            "cargo xtask chaos --rounds {} --seed {}{full}",
            self.rounds, self.seed
        )
    }
}
