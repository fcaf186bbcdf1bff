//! The store as an operator's command opens it: beside a server that may be running on it.

use std::sync::Arc;

use acme_core::{AdminStore, Clock as _};
use acme_store::{PostgresStore, SqliteStore};
use acme_types::Timestamp;

use super::runtime;
use crate::cli::ConfigArgs;
use crate::config::StoreConfig;
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::serve::ServeError;
use crate::system::SystemClock;

/// Opens the configured store, does the work with it at the present time, and closes it.
pub(super) fn with_store<T>(
    args: &ConfigArgs,
    work: impl AsyncFnOnce(Arc<dyn AdminStore>, Timestamp) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let config = args.load(&[])?;
    logging::start_for_command();
    runtime()?.block_on(async {
        let store = open(&config.store).await?;
        work(store, SystemClock.now()).await
    })
}

async fn open(config: &StoreConfig) -> Result<Arc<dyn AdminStore>, Failure> {
    match config {
        StoreConfig::Sqlite { path } if !path.exists() => Err(Failure::new(
            Exit::Unavailable,
            format!(
                "there is no store at {} yet; the server makes it when it first starts",
                path.display()
            ),
        )),
        StoreConfig::Sqlite { path } => {
            let store = SqliteStore::open_beside(path).map_err(ServeError::from)?;
            Ok(Arc::new(store))
        }
        StoreConfig::Postgres { url } => {
            let store = PostgresStore::connect_beside(url).await;
            Ok(Arc::new(store.map_err(ServeError::from)?))
        }
    }
}
