//! `cargo xtask serve`: the server with everything it needs, from a clean clone.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::chore::{Result, cargo, run};
use crate::workspace::Metadata;

/// Builds acme-server and becomes `acme-server dev`.
pub(crate) fn serve(release: bool, args: &[String]) -> Result<()> {
    let binary = build(release)?;
    let error = Command::new(&binary).arg("dev").args(args).exec();
    Err(format!("cannot run {}: {error}", binary.display()).into())
}

/// Builds acme-server and returns where the binary lies.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--locked", "-p", "acme-server"]);
    if release {
        command.arg("--release");
    }
    run(&mut command)?;
    let profile = if release { "release" } else { "debug" };
    Ok(Metadata::load()?
        .target_directory
        .join(profile)
        .join("acme-server"))
}
