//! Runs the built program.

use std::path::Path;
use std::process::{Command, Output};

/// The program with an environment that holds nothing of this machine's configuration.
pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acme-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ACME_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(dir)
        .env_remove("POD_NAME")
        .env_remove("HOSTNAME");
    command
}

/// What a run of the program came to.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the program in `dir` with these arguments.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Ran {
    program(dir).args(arguments).output().unwrap().into()
}

/// The same, which must be done: exit status 0 and nothing on standard error.
#[track_caller]
pub(crate) fn done(dir: &Path, arguments: &[&str]) -> String {
    let ran = run(dir, arguments);
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (0, ""),
        "{arguments:?}\n{}",
        ran.out
    );
    ran.out
}

/// The same with `--output json`, parsed.
#[track_caller]
pub(crate) fn json(dir: &Path, arguments: &[&str]) -> serde_json::Value {
    let out = done(dir, &[arguments, &["--output", "json"]].concat());
    serde_json::from_str(&out).unwrap()
}

/// The same, which must end with this exit status and tell this on standard error.
#[track_caller]
pub(crate) fn fails(dir: &Path, arguments: &[&str], status: i32, told: &str) {
    let ran = run(dir, arguments);
    assert_eq!(ran.status, status, "{arguments:?}\n{}{}", ran.out, ran.err);
    assert!(ran.err.contains(told), "{arguments:?}\n{}", ran.err);
    assert_eq!(ran.out, "", "{arguments:?}: results are for what was done");
}
