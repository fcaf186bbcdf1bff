//! What every chore is made of: running a program, telling a breach.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A chore either ends well or says why not.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A place that breaks a house rule.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Breach {
    pub(crate) file: PathBuf,
    /// Counted from 1; 0 when the whole file is meant.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            0 => write!(f, "{file}: {}", self.what),
            line => write!(f, "{file}:{line}: {}", self.what),
        }
    }
}

/// Runs a program, showing its output, and fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", shown(command));
    let status = command
        .status()
        .map_err(|error| format!("cannot run {}: {error}", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("failed ({status}): {}", shown(command)).into())
}

/// Runs a program and returns what it printed on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", shown(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("failed ({}): {}", output.status, shown(command)).into())
}

/// `cargo`, the one that runs this chore, at the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::workspace::root());
    command
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
