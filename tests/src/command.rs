//! Programs that scenarios run, and what became of them.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// No program of a scenario takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// The command line, to tell which one it was.
    pub command: String,
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// What it wrote on standard output.
    pub stdout: String,
    /// What it wrote on standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails the test unless the program ended with 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        self.expect_status(0)
    }

    /// Fails the test unless the program ended with this status.
    #[track_caller]
    pub fn expect_status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self}");
        self
    }

    /// Fails the test if the program ended with 0.
    #[track_caller]
    pub fn expect_failure(self) -> Self {
        assert_ne!(self.status, Some(0), "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}", self.command)?;
        writeln!(f, "status {:?}", self.status)?;
        writeln!(f, "--- stdout\n{}", self.stdout)?;
        writeln!(f, "--- stderr\n{}", self.stderr)
    }
}

/// Runs a program to its end, with nothing to read.
pub(crate) async fn run(command: &mut Command) -> Ran {
    let line = format!("{:?}", command.as_std());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = timeout(PATIENCE, command.output()).await else {
        panic!("still running after {PATIENCE:?}: {line}");
    };
    let output = output.unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
    Ran {
        command: line,
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The program that the variable names, as `cargo xtask test` sets it; else the one on the path.
pub(crate) fn program(variable: &str, name: impl AsRef<OsStr>) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|dir| dir.join(name.as_ref()))
        .find(|candidate| candidate.is_file());
    found.unwrap_or_else(|| {
        let name = name.as_ref().display();
        panic!("{name} is missing: run the tests by `cargo xtask test`, or set {variable}")
    })
}
