//! Five rounds: a kill, a pause, a termination, a restart and a crash of the database.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use acme_chaos::fault::Fault;
use acme_chaos::run::run;
use acme_chaos::setting::Setting;

#[test]
fn five_rounds_break_no_promise() {
    let setting = Setting::short(server().unwrap(), 5, 1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(run(setting)).unwrap();
    assert_eq!(outcome.violations, []);
    assert_eq!(outcome.rounds, 5);
    // A run that looked at nothing has shown nothing.
    for (invariant, n) in &outcome.looked_at {
        assert!(*n > 0, "{invariant:?} was never looked at");
    }
    let faults: Vec<_> = outcome.figures.0.keys().copied().collect();
    let five = [
        Fault::KillAndStayAway,
        Fault::Pause,
        Fault::Terminate,
        Fault::RestartDatabase,
        Fault::CrashDatabase,
    ];
    assert_eq!(faults, five);
    let (_, orders, certificates) = outcome.acknowledged;
    assert!(
        orders > 40 && certificates > 10,
        "{orders} orders, {certificates} certificates"
    );
}

/// The binary that `cargo xtask test` names, else built here.
fn server() -> io::Result<PathBuf> {
    if let Some(binary) = std::env::var_os("ACME_SERVER_BIN") {
        return Ok(binary.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--package", "acme-server"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err(io::Error::other("acme-server does not build"));
    }
    // The test binary lies in the `deps` folder beside it.
    let this = std::env::current_exe()?;
    let profile = this.parent().and_then(Path::parent);
    Ok(profile.unwrap_or_else(|| Path::new("")).join("acme-server"))
}
