//! `cargo xtask test`: every test, with the programs that the tests drive.

use crate::chore::{Result, cargo, run};
use crate::clients::Shown;
use crate::serve;
use crate::tools::Tools;
use crate::workspace::Metadata;

/// Runs the tests; when all have passed, what they have shown of clients goes into the documents.
pub(crate) fn test(full_length: bool, only: Option<&str>) -> Result<()> {
    let shown = run_tests(full_length, only)?;
    // Some of the tests show some of the table.
    if only.is_some() {
        return Ok(());
    }
    shown.write()
}

/// Installs what is missing, builds the server, runs the tests.
pub(crate) fn run_tests(full_length: bool, only: Option<&str>) -> Result<Shown> {
    let tools = Tools::ensure()?;
    let server = serve::build(false)?;
    let shown = Shown::begin(&Metadata::load()?.target_directory)?;
    let mut command = cargo();
    command
        .args(["test", "--workspace", "--locked"])
        .args(only)
        .envs(tools.environment())
        .env("ACME_TEST_SHOWN", shown.file())
        .env("ACME_SERVER_BIN", server);
    if full_length {
        command.env("ACME_FULL_LENGTH", "1");
    }
    run(&mut command)?;
    Ok(shown)
}
