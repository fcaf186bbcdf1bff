//! `config check`: reads the configuration, and shows what holds.

use clap::{Args, Subcommand};
use serde::{Serialize, Serializer};

use super::serve::SlotArgs;
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report};

/// Looks at the configuration
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Check(Check),
}

/// Reads and checks the configuration, and prints what holds: defaults, file, environment and --set
/// together, without secrets
#[derive(Args, Debug)]
#[command(after_help = "\
All mistakes are told at once, each with its place, its key and the reason; the exit status is 78.

Examples:
  acme-server config check --config acme-server.toml
  ACME_SERVER__LISTEN__ACME=0.0.0.0:8443 acme-server config check")]
pub(crate) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    slot: SlotArgs,
}

impl Config {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] with every mistake.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self::Check(check) = self;
        let more: Vec<_> = check.slot.assignment().into_iter().collect();
        let file = check.config.file()?;
        let config = check.config.load(&more)?;
        output.print(&Effective {
            file: file.display().to_string(),
            table: config.effective(),
        })
    }
}

struct Effective<'a> {
    file: String,
    table: &'a toml::Table,
}

impl Serialize for Effective<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.table.serialize(serializer)
    }
}

impl Report for Effective<'_> {
    fn text(&self) -> String {
        format!(
            "# What holds of {}. Relative paths count from its directory.\n{}",
            self.file,
            toml::to_string(self.table).unwrap_or_default()
        )
    }
}
