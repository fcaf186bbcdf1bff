//! `cargo xtask test`: every test, with the programs that the tests drive.

use crate::chore::{Result, cargo, run};
use crate::serve;
use crate::tools::Tools;

/// Installs what is missing, builds the server, runs the tests.
pub(crate) fn test(full_length: bool, only: Option<&str>) -> Result<()> {
    let tools = Tools::ensure()?;
    let server = serve::build(false)?;
    let mut command = cargo();
    command
        .args(["test", "--workspace", "--locked"])
        .args(only)
        .envs(tools.environment())
        .env("ACME_SERVER_BIN", server);
    if full_length {
        command.env("ACME_FULL_LENGTH", "1");
    }
    run(&mut command)
}
