//! The command line: what it takes, and the exit status that it ends with.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    account, admin, audit, backup, ca, certificate, challenge, completions, config, dev, eab, init,
    migrate, order, prune, serve, slot,
};
use crate::config::{Assignment, Config};
use crate::exit::{Exit, Failure};
use crate::output::OutputFormat;

/// An ACME certificate authority that keeps trying.
///
/// It issues certificates by the ACME protocol (RFC 8555) for networks that you run. A validation
/// that fails for now is tried again, every 12 seconds for 2 minutes unless configured otherwise,
/// and `challenge why` tells what each attempt saw.
#[derive(Debug, Parser)]
#[command(name = NAME, version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What results look like on standard output; logs go to standard error
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        display_order = 900
    )]
    pub(crate) output: OutputFormat,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The name of the program.
pub(crate) const NAME: &str = "acme-server";

const EXAMPLES: &str = "\
Examples:
  acme-server dev                                   try it out: everything under ./acme-data
  acme-server init --dir /etc/acme --dns ca.internal
  acme-server serve --config /etc/acme/acme-server.toml
  acme-server challenge why CHALLENGE               why is there no certificate yet?

Exit status: 0 done, 1 failed, 64 usage, 69 something it needs is unavailable,
75 try again (another process holds the slot or the store), 78 configuration.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::Dev),
    Init(init::Init),
    Serve(serve::Serve),
    /// Looks after the certificate authority's own certificates
    #[command(subcommand)]
    Ca(ca::Ca),
    /// Looks at the configuration
    #[command(subcommand)]
    Config(config::Config),
    Migrate(migrate::Migrate),
    Backup(backup::Backup),
    Prune(prune::Prune),
    /// Why challenges are not met yet, and which are being tried
    #[command(subcommand)]
    Challenge(challenge::Challenge),
    /// Lists, shows, revokes, renews early and exports certificates
    #[command(subcommand, visible_alias = "certificate")]
    Cert(certificate::Certificate),
    /// Lists and shows accounts
    #[command(subcommand)]
    Account(account::Account),
    /// Makes, lists and revokes keys for external account binding
    #[command(subcommand)]
    Eab(eab::Eab),
    /// Lists and shows orders
    #[command(subcommand)]
    Order(order::Order),
    /// Makes, lists and revokes operators, who may use the admin API
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Shows, checks and exports the audit trail: who did what, and when
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Shows which replica holds which slot
    #[command(subcommand)]
    Slot(slot::Slot),
    Completions(completions::Completions),
}

/// Where the configuration is, and which of its keys are overridden.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// The configuration file; without it, acme-server.toml here or in ./acme-data
    #[arg(long, value_name = "FILE", env = CONFIG_VARIABLE)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) set: SetArgs,
}

/// Keys that are overridden on the command line.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct SetArgs {
    /// Overrides a key of the configuration, as listen.acme=0.0.0.0:8443 or
    /// provisioner.NAME.key=value; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<Assignment>,
}

/// Names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "ACME_SERVER_CONFIG";
/// Where `dev` puts what it makes, unless told otherwise.
pub(crate) const DEV_DIR: &str = "acme-data";
/// The configuration file's name in a directory that `init` or `dev` made.
pub(crate) const CONFIG_FILE: &str = "acme-server.toml";

impl ConfigArgs {
    /// The file to read.
    ///
    /// # Errors
    /// [`Failure`] when none is named and none is at the usual place.
    pub(crate) fn file(&self) -> Result<PathBuf, Failure> {
        // An empty variable is how a shell or a unit file unsets one.
        let named = self
            .config
            .clone()
            .filter(|file| !file.as_os_str().is_empty());
        if let Some(file) = named {
            return Ok(file);
        }
        let here = PathBuf::from(CONFIG_FILE);
        let usual = [here.clone(), PathBuf::from(DEV_DIR).join(here)];
        let [here, below] = &usual;
        let missing = || {
            Failure::new(
                Exit::Config,
                format!(
                    "no configuration: give --config FILE or set {CONFIG_VARIABLE} (there is \
                     neither {} nor {}); `{NAME} init --dir DIR` makes one",
                    here.display(),
                    below.display()
                ),
            )
        };
        usual
            .iter()
            .find(|file| file.is_file())
            .cloned()
            .ok_or_else(missing)
    }

    /// Reads the configuration, with `more` keys overridden last.
    ///
    /// # Errors
    /// [`Failure`] with every mistake in it.
    pub(crate) fn load(&self, more: &[Assignment]) -> Result<Config, Failure> {
        let assignments = [self.set.assignments.as_slice(), more].concat();
        Ok(Config::load(&self.file()?, variables(), &assignments)?)
    }
}

/// The variables of the environment that are text.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads the command line, does what it says, and tells how that ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version that were asked for go to standard output, the rest is a mistake.
            let exit = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            };
            let _ = error.print();
            return exit.into();
        }
    };
    match run(cli) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let output = cli.output;
    match cli.command {
        Command::Dev(dev) => dev.run(output),
        Command::Init(init) => init.run(output),
        Command::Serve(serve) => serve.run(),
        Command::Config(config) => config.run(output),
        Command::Migrate(migrate) => migrate.run(output),
        Command::Backup(backup) => backup.run(output),
        Command::Prune(prune) => prune.run(output),
        Command::Challenge(challenge) => challenge.run(output),
        Command::Cert(certificate) => certificate.run(output),
        Command::Account(account) => account.run(output),
        Command::Eab(eab) => eab.run(output),
        Command::Order(order) => order.run(output),
        Command::Admin(admin) => admin.run(output),
        Command::Audit(audit) => audit.run(output),
        Command::Slot(slot) => slot.run(output),
        Command::Ca(ca) => ca.run(output),
        Command::Completions(completions) => completions.run(),
    }
}
