//! The stage of a run: database, certificate authority, configuration, replicas, balancer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use acme_core::{Store, StoreError};
use acme_types::Slot;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::balancer::Balancer;
use crate::client::Endpoint;
use crate::error::{Error, Result};
use crate::port::free_port;
use crate::postgres::{Durability, Postgres};
use crate::replica::{Life, Replica};
use crate::setting::{Engine, Setting};

/// How often the harness asks the store again while it is away.
const STORE_ATTEMPTS: u32 = 100;

/// Everything that runs beside the clients.
pub struct Stage {
    /// The database; none when the store is a file.
    pub postgres: Option<Arc<Postgres>>,
    /// The replicas, by slot.
    pub replicas: Vec<Arc<Replica>>,
    /// The store as the harness reads it.
    pub store: Arc<dyn Store>,
    /// Where clients connect.
    pub endpoint: Endpoint,
    /// The URL that all others are made from.
    pub base_url: String,
    /// The port of http-01.
    pub http01_port: u16,
    _balancer: Balancer,
    dir: Option<TempDir>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

impl Stage {
    /// Builds it; every replica is ready when this returns.
    ///
    /// # Errors
    /// When a part cannot be had.
    pub async fn build(setting: &Setting) -> Result<Self> {
        let dir = TempDir::with_prefix("acme-chaos-").map_err(Error::io("making a folder"))?;
        let postgres = match setting.engine {
            Engine::Postgres => Some(Arc::new(
                blocking(|| Postgres::start(Durability::Full)).await?,
            )),
            Engine::Sqlite => None,
        };
        let store_url = match &postgres {
            Some(postgres) => postgres.url("acme"),
            None => "sqlite:acme.db".to_owned(),
        };
        let (port, http01_port) = (free_port()?, free_port()?);
        let base_url = format!("https://127.0.0.1:{port}");
        make_authority(&setting.binary, dir.path())?;
        let config = dir.path().join("replicas.toml");
        let text = config_text(setting, &base_url, http01_port, &store_url)?;
        std::fs::write(&config, text)
            .map_err(Error::io(format!("writing {}", config.display())))?;
        let replicas = (0..setting.replicas)
            .map(|slot| {
                Replica::new(Slot::new(slot), &setting.binary, &config, dir.path()).map(Arc::new)
            })
            .collect::<Result<Vec<_>>>()?;
        for replica in &replicas {
            replica.start()?;
            // One after the other: the first makes the schema.
            if let Err(error) = replica.ready().await {
                return Err(Error::stage(format!("{error}\n{}", replica.log_tail(30))));
            }
        }
        let ports: Vec<_> = replicas
            .iter()
            .map(|it| (it.acme.port(), it.health.port()))
            .collect();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let root = dir.path().join("ca/root.crt");
        Ok(Self {
            store: open_store(&postgres, dir.path()).await?,
            postgres,
            replicas,
            endpoint: Endpoint::new(address, &root, setting.patience())?,
            base_url,
            http01_port,
            _balancer: Balancer::start(port, &ports).await?,
            dir: Some(dir),
        })
    }

    /// Reads from the store, however long that takes while the database is being restarted.
    ///
    /// # Errors
    /// What the store says at last.
    pub async fn read<T>(
        &self,
        read: impl AsyncFn(&dyn Store) -> std::result::Result<T, StoreError>,
    ) -> Result<T> {
        let mut attempts = 0;
        loop {
            match read(&*self.store).await {
                Ok(value) => return Ok(value),
                Err(error) if attempts == STORE_ATTEMPTS => {
                    return Err(Error::stage(format!(
                        "the harness cannot read the store: {error:?}"
                    )));
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
            attempts += 1;
        }
    }

    /// The lives of every slot's processes.
    #[must_use]
    pub fn lives(&self) -> HashMap<Slot, Vec<Life>> {
        self.replicas
            .iter()
            .map(|replica| (replica.slot, replica.lives()))
            .collect()
    }

    /// The end of every log, for whoever must find out why something did not hold.
    #[must_use]
    pub fn log_tails(&self, lines: usize) -> String {
        let mut text = String::new();
        for replica in &self.replicas {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "--- replica {}\n{}",
                replica.slot,
                replica.log_tail(lines)
            );
        }
        text
    }

    /// Leaves logs and configuration behind; returns where.
    pub fn keep(&mut self) -> Option<PathBuf> {
        self.dir.take().map(TempDir::keep)
    }
}

/// Runs what blocks beside the clients.
///
/// # Errors
/// What it says.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::stage(error.to_string()))?
}

fn make_authority(binary: &Path, dir: &Path) -> Result<()> {
    let output = Command::new(binary)
        .args(["init", "--dns", "127.0.0.1", "--dir"])
        .arg(dir)
        .output()
        .map_err(Error::io(format!("running {}", binary.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(Error::stage(format!(
        "acme-server init: {}\n{why}",
        output.status
    )))
}

fn config_text(
    setting: &Setting,
    base_url: &str,
    http01_port: u16,
    store_url: &str,
) -> Result<String> {
    let Setting {
        interval,
        window,
        lease,
        probe_timeout,
        ..
    } = setting;
    let mut text = String::new();
    writeln!(
        text,
        "base_url = \"{base_url}\"\n\
         \n\
         [listen]\n\
         admin = \"\"\n\
         \n\
         [store]\n\
         url = \"{store_url}\"\n\
         \n\
         [slot]\n\
         lease = \"{lease:?}\"\n\
         \n\
         [ca]\n\
         dir = \"ca\"\n\
         \n\
         [validation]\n\
         http01_port = {http01_port}\n\
         timeout = \"{probe_timeout:?}\"\n\
         deny_networks = [\"169.254.0.0/16\"]\n\
         \n\
         [validation.retry]\n\
         interval = \"{interval:?}\"\n\
         window = \"{window:?}\"\n\
         \n\
         [[provisioner]]\n\
         name = \"default\""
    )
    .map_err(|error| Error::stage(error.to_string()))?;
    Ok(text)
}

async fn open_store(postgres: &Option<Arc<Postgres>>, dir: &Path) -> Result<Arc<dyn Store>> {
    let broken =
        |error: acme_store::OpenError| Error::stage(format!("opening the store: {error:?}"));
    match postgres {
        Some(postgres) => {
            let store = acme_store::PostgresStore::connect_beside(&postgres.url("acme")).await;
            Ok(Arc::new(store.map_err(broken)?))
        }
        None => {
            let store =
                acme_store::SqliteStore::open_beside(dir.join("acme.db")).map_err(broken)?;
            Ok(Arc::new(store))
        }
    }
}
