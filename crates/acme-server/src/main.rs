//! The program `acme-server`: its command line, and an exit status that scripts can rely on.

use std::process::ExitCode;

fn main() -> ExitCode {
    acme_server::cli::main()
}
