//! `completions`: what a shell needs to complete this program's command line.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, NAME};
use crate::exit::Failure;
use crate::output::write_out;

/// Prints a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server completions bash > /etc/bash_completion.d/acme-server
  acme-server completions zsh  > ~/.zfunc/_acme-server
  acme-server completions fish > ~/.config/fish/completions/acme-server.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints it.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be written.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), NAME, &mut script);
        write_out(&script)
    }
}
