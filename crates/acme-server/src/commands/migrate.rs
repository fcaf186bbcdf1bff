//! `migrate`: brings the store's schema up to date.

use acme_store::{PostgresStore, SqliteStore};
use clap::Args;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::runtime;
use crate::cli::ConfigArgs;
use crate::config::StoreConfig;
use crate::exit::Failure;
use crate::logging;
use crate::output::{OutputFormat, Report};
use crate::progress::waiting;
use crate::serve::ServeError;

/// Brings the store's schema up to date; a store that is up to date stays as it is
///
/// `serve` does the same when it starts. A store of a newer version is refused and left untouched.
#[derive(Args, Debug)]
pub(crate) struct Migrate {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Migrate {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the store cannot be opened, or another process has it.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let config = self.config.load(&[])?;
        logging::start_for_command();
        // Opening a store for serving migrates it.
        runtime()?.block_on(waiting("bringing the schema up to date", async {
            match &config.store {
                StoreConfig::Sqlite { path } => {
                    let path = path.clone();
                    // It works on the thread that asks.
                    let opened = spawn_blocking(move || SqliteStore::open(path)).await;
                    let opened =
                        opened.map_err(|error| Failure::failed(format!("migrating: {error}")))?;
                    let store = opened.map_err(ServeError::from)?;
                    store.close().await.map_err(Failure::from)
                }
                StoreConfig::Postgres { url } => {
                    let store = PostgresStore::connect(url).await;
                    store
                        .map(drop)
                        .map_err(|error| ServeError::from(error).into())
                }
            }
        }))?;
        output.print(&Migrated {
            store: config.store.redacted(),
        })
    }
}

#[derive(Serialize)]
struct Migrated {
    store: String,
}

impl Report for Migrated {
    fn text(&self) -> String {
        format!("The schema of {} is up to date.\n", self.store)
    }
}
