//! The load driver, run as a program of its own, so that its work is not counted as the server's.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;

use super::contender::Running;
use super::process;
use crate::chore::Result;

/// A run that takes longer has hung.
const RUN_WITHIN: Duration = Duration::from_secs(120);

/// One kind of load.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(super) enum Workload {
    /// The whole flow, 4 clients.
    Issue4,
    /// The whole flow, 8 clients.
    Issue8,
    /// The whole flow, 64 clients.
    Issue64,
    /// The whole flow, 4 clients with a new account and a new connection each time.
    IssueCold,
    /// newNonce.
    Nonce,
    /// newAccount.
    Account,
    /// newOrder.
    Order,
    /// POST-as-GET of a pending order.
    Poll,
}

impl Workload {
    /// The name in tables.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Issue4 => "issuance, 4 clients",
            Self::Issue8 => "issuance, 8 clients",
            Self::Issue64 => "issuance, 64 clients",
            Self::IssueCold => "issuance, each with a new account and connection",
            Self::Nonce => "newNonce",
            Self::Account => "newAccount",
            Self::Order => "newOrder",
            Self::Poll => "order poll",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Issue4 | Self::Issue8 | Self::Issue64 => &["issue"],
            Self::IssueCold => &["issue", "--account-each", "--connection-each"],
            Self::Nonce => &["nonce"],
            Self::Account => &["account"],
            Self::Order => &["order"],
            Self::Poll => &["poll"],
        }
    }

    const fn clients(self) -> u32 {
        match self {
            Self::Issue8 => 8,
            Self::Issue64 => 64,
            _ => 4,
        }
    }

    /// How many acts make a run, given the issuances of one; short acts need more for the clock.
    const fn count(self, issuances: u64) -> u64 {
        match self {
            Self::Issue4 | Self::Issue8 | Self::Issue64 | Self::IssueCold => issuances,
            Self::Nonce => issuances * 10,
            Self::Account | Self::Order | Self::Poll => issuances * 2,
        }
    }

    /// Names of one workload are not those of another, so that no server finds an authorization
    /// that is valid already.
    const fn first_name(self) -> u64 {
        (self as u64 + 1) * 10_000_000
    }

    const fn is_issuance(self) -> bool {
        matches!(
            self,
            Self::Issue4 | Self::Issue8 | Self::Issue64 | Self::IssueCold
        )
    }
}

/// How much of it.
struct Load {
    clients: u32,
    count: u64,
    warmup: u64,
    first_name: u64,
}

/// The load driver, aimed at one server.
pub(super) struct Driver<'a> {
    program: &'a Path,
    running: &'a Running,
}

impl<'a> Driver<'a> {
    pub(super) const fn new(program: &'a Path, running: &'a Running) -> Self {
        Self { program, running }
    }

    /// Runs one workload and returns its report.
    pub(super) fn run(&self, workload: Workload, issuances: u64) -> Result<Value> {
        let count = workload.count(issuances);
        self.run_load(
            workload,
            &Load {
                clients: workload.clients(),
                count,
                warmup: count / 10,
                first_name: workload.first_name(),
            },
        )
    }

    /// Runs so many acts one after the other; `turn` tells apart the names of two runs of a workload.
    pub(super) fn run_in_turn(&self, workload: Workload, count: u64, turn: u64) -> Result<Value> {
        self.run_load(
            workload,
            &Load {
                clients: 1,
                count,
                warmup: 0,
                first_name: workload.first_name() + turn * 1_000_000,
            },
        )
    }

    fn run_load(&self, workload: Workload, load: &Load) -> Result<Value> {
        let running = self.running;
        let mut command = Command::new(self.program);
        command
            .args(workload.arguments())
            .args(["--directory", &running.directory])
            .arg("--root")
            .arg(&running.root)
            .args(["--name", running.name])
            .args(["--responder", &running.responder.to_string()])
            .args(["--count", &load.count.to_string()])
            .args(["--warmup", &load.warmup.to_string()])
            .args(["--first", &load.first_name.to_string()])
            .args(["--clients", &load.clients.to_string()])
            .args(["--output", "json"]);
        if let Some(resolver) = running.resolver {
            command.args(["--dns", resolver]);
        }
        if workload.is_issuance() {
            // As often as makes every server work, not wait.
            command.args(["--poll", "5"]);
        }
        for (label, pid) in &running.watches {
            command.args(["--watch", &format!("{label}={pid}")]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let report = child.stdout.take().ok_or("no standard output")?;
        let reader = std::thread::spawn(move || std::io::read_to_string(report));
        if process::wait(&mut child, RUN_WITHIN)?.is_none() {
            child.kill()?;
            child.wait()?;
            return Err(format!("not done within {} s", RUN_WITHIN.as_secs()).into());
        }
        let report = reader.join().map_err(|_| "the reader failed")??;
        let report: Value = serde_json::from_str(&report)?;
        if report["failed"] != 0 {
            return Err(format!("some failed: {}", report["errors"]).into());
        }
        Ok(report)
    }
}
