//! The parts of a server, made from its configuration, and what may be missing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use acme_ca::{CaError, LeafProfile, LocalAuthority, Passphrase};
use acme_core::pem::certificates_from_pem;
use acme_core::{
    AdminStore, AttestationFormat, AttestationPolicy, Clock, PolicyHook, Provisioner, Store,
    StoreError,
};
use acme_http::ApiConfig;
use acme_store::{OpenError, PostgresStore, SqliteStore, Wakeups};
use acme_types::{Slot, Timestamp};
use acme_validate::{NetworkValidator, ValidationSetupError};
use async_trait::async_trait;
use tokio::sync::watch;
use tracing::warn;

use crate::chain::Chain;
use crate::config::{Config, ProvisionerConfig, StoreConfig};
use crate::lease_keeper::LeaseError;
use crate::policy_hook::{HookSetupError, HttpPolicyHooks};
use crate::publisher::Publication;
use crate::tls::TlsError;

/// Why a server does not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The CA's files cannot be used.
    #[error("the certificate authority cannot be loaded")]
    Ca(#[from] CaError),
    /// The CA does not issue the server's own certificate.
    #[error("the server's own certificate cannot be issued: {0}")]
    Authority(String),
    /// A provisioner's policy hook cannot be set up.
    #[error("the policy hook of the provisioner {provisioner:?} cannot be set up")]
    Hook {
        /// The provisioner.
        provisioner: String,
        /// Why.
        #[source]
        source: HookSetupError,
    },
    /// A provisioner's roots for attestations cannot be used.
    #[error(
        "the {format} roots of the provisioner {provisioner:?} in {path} cannot be used: {reason}"
    )]
    Attestation {
        /// The provisioner.
        provisioner: String,
        /// The format that they are for.
        format: AttestationFormat,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The validators cannot be set up.
    #[error("validation cannot be set up")]
    Validation(#[from] ValidationSetupError),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Open(#[from] OpenError),
    /// The store failed during the start.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The slot is another process's.
    #[error(transparent)]
    Lease(LeaseError),
    /// The server's own TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The configuration is wrong in a way that only shows here.
    #[error("{0}")]
    Config(String),
    /// The figures for `/metrics` cannot be kept.
    #[error("the figures for /metrics cannot be kept")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The operating system refused something.
    #[error("the operating system refused")]
    Io(#[source] std::io::Error),
}

impl From<LeaseError> for ServeError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Store(error) => Self::Store(error),
            held @ LeaseError::Held(_) => Self::Lease(held),
        }
    }
}

/// An open store, and how to close it.
pub struct OpenStore(Engine);

enum Engine {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

impl std::fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenStore(..)")
    }
}

impl OpenStore {
    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.admin_store()
    }

    /// The same store, with what operators ask of it.
    #[must_use]
    pub fn admin_store(&self) -> Arc<dyn AdminStore> {
        match &self.0 {
            Engine::Sqlite(store) => Arc::clone(store) as Arc<dyn AdminStore>,
            Engine::Postgres(store) => Arc::clone(store) as Arc<dyn AdminStore>,
        }
    }

    /// What other replicas tell a slot; none when there can be no others.
    #[must_use]
    pub fn wakeups(&self, slot: Slot) -> Option<Wakeups> {
        match &self.0 {
            Engine::Sqlite(_) => None,
            Engine::Postgres(store) => Some(store.wakeups(slot)),
        }
    }

    /// Closes it in order, so that what it only remembers is kept.
    pub async fn close(self) {
        match self.0 {
            Engine::Sqlite(store) => {
                if let Err(error) = store.close().await {
                    warn!(error = %Chain(&error), "the store could not be closed in order");
                }
            }
            // What it knows is in the database.
            Engine::Postgres(_) => {}
        }
    }
}

/// Opens the configured store for serving.
///
/// # Errors
/// [`ServeError::Open`].
pub async fn open_store(config: &StoreConfig) -> Result<OpenStore, ServeError> {
    match config {
        StoreConfig::Sqlite { path } => {
            let store = SqliteStore::open(path)?;
            Ok(OpenStore(Engine::Sqlite(Arc::new(store))))
        }
        StoreConfig::Postgres { url } => {
            let store = PostgresStore::connect(url).await?;
            Ok(OpenStore(Engine::Postgres(Arc::new(store))))
        }
    }
}

/// Loads the built-in authority with the configured provisioners.
///
/// # Errors
/// [`ServeError::Ca`], [`ServeError::Attestation`].
pub fn open_authority(config: &Config, now: Timestamp) -> Result<LocalAuthority, ServeError> {
    let passphrase = match &config.ca.passphrase_file {
        Some(path) => Some(Passphrase::read(path)?),
        None => None,
    };
    let provisioners = config
        .provisioners
        .iter()
        .map(|configured| {
            let attestation = attestation_policy(configured)?;
            Ok(Arc::new(Provisioner {
                attestation,
                ..configured.provisioner.clone()
            }))
        })
        .collect::<Result<_, ServeError>>()?;
    Ok(LocalAuthority::load(
        &config.ca.dir,
        passphrase.as_ref(),
        provisioners,
        now,
    )?)
}

/// Whose attestations of devices a provisioner believes.
fn attestation_policy(configured: &ProvisionerConfig) -> Result<AttestationPolicy, ServeError> {
    let mut policy = AttestationPolicy::default();
    for (format, path) in &configured.attestation_roots {
        let wrong = |reason: String| ServeError::Attestation {
            provisioner: configured.provisioner.name.to_string(),
            format: *format,
            path: path.clone(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let roots = certificates_from_pem(&text).map_err(|error| wrong(error.to_string()))?;
        if roots.is_empty() {
            return Err(wrong("it holds no certificate in PEM".to_owned()));
        }
        for root in roots {
            let trusted = policy.trust(*format, &root);
            trusted.map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(policy)
}

/// The same authority, whose certificates tell where their revocation is found; none when nothing
/// is published.
///
/// # Errors
/// [`ServeError::Ca`].
pub(super) fn open_publishing_authority(
    config: &Config,
    now: Timestamp,
) -> Result<Option<LocalAuthority>, ServeError> {
    let publication = config.ca.publication;
    if publication == Publication::default() {
        return Ok(None);
    }
    let base = config.ca.public_base_url.as_ref();
    let base = base.unwrap_or(&config.base_url);
    let profile = LeafProfile {
        crl_url: publication
            .crl
            .map(|_| format!("{base}/crl/{{issuer}}.crl")),
        ocsp_url: publication.ocsp.map(|_| format!("{base}/ocsp")),
        ..LeafProfile::default()
    };
    Ok(Some(open_authority(config, now)?.with_profile(&profile)?))
}

/// Sets the probes up as each provisioner wants them.
///
/// # Errors
/// [`ServeError::Validation`].
pub fn open_validator(config: &Config) -> Result<NetworkValidator, ServeError> {
    let Some(first) = config.provisioners.first() else {
        return Err(ServeError::Config(
            "no provisioner is configured".to_owned(),
        ));
    };
    let mut validator = NetworkValidator::new(&first.validation)?;
    for configured in &config.provisioners {
        let name = configured.provisioner.name.clone();
        validator = validator.with_provisioner(name, &configured.validation)?;
    }
    Ok(validator)
}

/// The policy hooks of all provisioners; none when none has one.
///
/// # Errors
/// [`ServeError::Hook`].
pub(super) fn open_policy_hooks(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn PolicyHook>>, ServeError> {
    let mut hooks = HttpPolicyHooks::new(Arc::clone(clock));
    let ca_roots = config.ca.dir.join("root.crt");
    for configured in &config.provisioners {
        let Some(hook) = &configured.hook else {
            continue;
        };
        let name = &configured.provisioner.name;
        hooks
            .add(name.clone(), hook, &ca_roots)
            .map_err(|source| ServeError::Hook {
                provisioner: name.to_string(),
                source,
            })?;
    }
    Ok((!hooks.is_empty()).then(|| Arc::new(hooks) as Arc<dyn PolicyHook>))
}

pub(super) fn api_config(config: &Config, nonce_key: [u8; 32]) -> Result<ApiConfig, ServeError> {
    let wrong = |error: acme_http::InvalidBaseUrl| ServeError::Config(error.to_string());
    let accepted = config.accepted_base_urls.iter().map(|url| url.parse());
    Ok(ApiConfig {
        accepted_base_urls: accepted.collect::<Result<_, _>>().map_err(wrong)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..ApiConfig::new(config.base_url.parse().map_err(wrong)?, nonce_key)
    })
}

/// The host of a base URL, an IPv6 address without its brackets.
pub(super) fn base_host(base_url: &str) -> &str {
    let rest = base_url
        .split_once("://")
        .map_or(base_url, |(_, rest)| rest);
    match rest.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => rest.split([':', '/']).next().unwrap_or(rest),
    }
}

/// Whether the server is ready for requests: started, not draining, and its store answers.
pub(super) struct Readiness {
    /// None while the server starts.
    store: OnceLock<Arc<dyn Store>>,
    stopping: watch::Receiver<bool>,
}

impl Readiness {
    /// That of a server that starts.
    pub(super) const fn new(stopping: watch::Receiver<bool>) -> Self {
        let store = OnceLock::new();
        Self { store, stopping }
    }

    /// The server has started.
    pub(super) fn started(&self, store: Arc<dyn Store>) {
        // Once is enough.
        let _ = self.store.set(store);
    }
}

#[async_trait]
impl acme_http::Readiness for Readiness {
    async fn unready(&self) -> Option<String> {
        if *self.stopping.borrow() {
            return Some("draining".to_owned());
        }
        let Some(store) = self.store.get() else {
            return Some("starting".to_owned());
        };
        let error = store.ping().await.err()?;
        Some(Chain(&error).to_string())
    }
}
