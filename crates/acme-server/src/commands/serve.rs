//! `serve`: the server.

use std::io;

use acme_ca::CaError;
use acme_core::OperatorName;
use acme_store::OpenError;
use clap::Args;

use super::runtime;
use crate::chain::Chain;
use crate::cli::{ConfigArgs, NAME};
use crate::config::{Assignment, Config};
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::serve::{self, Ready, Reread, ServeError};

/// Runs the server until SIGTERM or SIGINT
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server serve --config /etc/acme/acme-server.toml
  acme-server serve --config acme-server.toml --slot pod-name
  acme-server serve --config acme-server.toml --set validation.retry.schedule=eager")]
pub(crate) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    slot: SlotArgs,
}

/// Which replica this is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct SlotArgs {
    /// The number of this replica, 0 to 255, or "pod-name" for the number at the end of $POD_NAME or
    /// $HOSTNAME; overrides slot.id
    #[arg(long, value_name = "N", env = "ACME_SLOT")]
    slot: Option<String>,
}

impl SlotArgs {
    /// The key that is overridden, if any is.
    #[must_use]
    pub(crate) fn assignment(&self) -> Option<Assignment> {
        let slot = self.slot.as_ref().filter(|slot| !slot.is_empty())?;
        Some(Assignment::by_option(
            "--slot (ACME_SLOT)",
            &["slot", "id"],
            slot,
        ))
    }
}

impl Serve {
    /// Runs the server.
    ///
    /// # Errors
    /// [`Failure`] tells why it did not start or had to end.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let more: Vec<_> = self.slot.assignment().into_iter().collect();
        let config = self.config.load(&more)?;
        let traces = logging::start(&config.log, config.traces.as_ref());
        let again = move || self.config.load(&more).map_err(|failure| failure.message);
        let served = serve(config, None, Box::new(again), |_| {});
        if let Some(traces) = traces {
            traces.end();
        }
        served
    }
}

/// Serves with this configuration; a `host` is made an admin, with a link; `again` reads the
/// configuration anew at SIGHUP, and `ready` is called once the server answers.
pub(super) fn serve(
    config: Config,
    host: Option<OperatorName>,
    again: Reread,
    ready: impl FnOnce(Ready),
) -> Result<(), Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let slot = config.slot.source.resolve(variable);
    let slot = slot.map_err(|reason| Failure::new(Exit::Config, reason))?;
    runtime()?.block_on(serve::run(config, slot, host, again, ready))?;
    Ok(())
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let exit = match &error {
            ServeError::Listen { .. } | ServeError::Io(_) => Exit::Unavailable,
            ServeError::Lease(_) => Exit::TryAgain,
            ServeError::Ca(_)
            | ServeError::Config(_)
            | ServeError::Hook { .. }
            | ServeError::Attestation { .. }
            | ServeError::Metrics(_)
            | ServeError::Tls(_)
            | ServeError::Validation(_) => Exit::Config,
            ServeError::Authority(_) => Exit::Failed,
            ServeError::Open(error) => open_exit(error),
            ServeError::Store(_) => Exit::Unavailable,
        };
        let mut message = Chain(&error).to_string();
        if let ServeError::Ca(CaError::Io { source, .. }) = &error
            && source.kind() == io::ErrorKind::NotFound
        {
            message += &format!("; `{NAME} init --dir DIR` makes an authority");
        }
        Self::new(exit, message)
    }
}

fn open_exit(error: &OpenError) -> Exit {
    match error {
        OpenError::InUse(_) => Exit::TryAgain,
        OpenError::NewerSchema { .. } | OpenError::OlderSchema => Exit::Failed,
        _ => Exit::Unavailable,
    }
}
