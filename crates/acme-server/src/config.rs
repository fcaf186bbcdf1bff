//! The configuration: a TOML file, overridden by environment variables and then by `--set`, read in
//! one pass that reports every mistake at once.

mod attestation;
mod caa;
mod certificate;
pub mod duration;
mod issuers;
mod mistake;
mod overrides;
mod policy;
mod provisioner;
mod read;
mod section;
mod setting;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod url;
mod validation;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acme_core::{AttestationFormat, Provisioner, Retention};
use acme_http::ServeLimits;
use acme_types::Slot;
use acme_validate::ValidationConfig;

use crate::policy_hook::HookConfig;
use crate::publisher::Publication;
use crate::worker::WorkerLimits;
use section::Section;
use setting::Setting as _;
use tree::Value;
use url::{BaseUrl, Link};

pub use mistake::{Mistake, Mistakes};
pub use overrides::{Assignment, InvalidAssignment, VARIABLE_PREFIX};
pub use template::{TemplateValue, template};

/// All that a server must be told. Every path is absolute or relative to the working directory.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server's own URL, without a slash at the end; every URL that it tells is made from it.
    pub base_url: String,
    /// Earlier URLs of the server; account URLs made from them are still good.
    pub accepted_base_urls: Vec<String>,
    /// The addresses it listens on.
    pub listen: Listen,
    /// The server's own certificate; none when the CA issues it.
    pub tls: Option<TlsFiles>,
    /// Where everything is kept.
    pub store: StoreConfig,
    /// Which replica this is.
    pub slot: SlotConfig,
    /// The built-in certificate authority.
    pub ca: CaConfig,
    /// The provisioners, at least one, each name once.
    pub provisioners: Vec<ProvisionerConfig>,
    /// What the server does at once, and how long it waits.
    pub limits: Limits,
    /// How long what has ended stays readable.
    pub retention: Retention,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Where traces go; none when nobody wants them.
    pub traces: Option<TracesConfig>,
    effective: toml::Table,
}

/// The addresses that the server listens on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listen {
    /// HTTPS: ACME and the CA's public files.
    pub acme: SocketAddr,
    /// HTTPS: the admin API; none to have none.
    pub admin: Option<SocketAddr>,
    /// HTTP: `/metrics`, `/livez`, `/readyz`; none to have none.
    pub metrics: Option<SocketAddr>,
    /// HTTP: revocation lists, OCSP and the CA's public files; none to have none.
    pub public: Option<SocketAddr>,
}

/// A certificate for the server's own TLS, in PEM files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificate and those above it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where everything is kept. `Debug` shows no password.
#[derive(Clone, Eq, PartialEq)]
pub enum StoreConfig {
    /// A file of this machine, for one server.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL database, for one server or several.
    Postgres {
        /// The connection URL, perhaps with a password.
        url: String,
    },
}

/// Which replica this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SlotConfig {
    /// How the slot is told.
    pub source: SlotSource,
    /// How long the slot's lease lives unless it is renewed.
    pub lease: Duration,
}

/// How the slot is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SlotSource {
    /// By its number.
    Number(Slot),
    /// By the number at the end of the pod's name.
    PodName,
}

impl SlotSource {
    /// The slot; `variable` reads the environment.
    ///
    /// # Errors
    /// In words, when no variable holds a pod's name or the name ends with no number.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<Slot, String> {
        match self {
            Self::Number(slot) => Ok(slot),
            Self::PodName => {
                let name = variable("POD_NAME").or_else(|| variable("HOSTNAME"));
                let name = name.ok_or(
                    "slot.id is \"pod-name\", and neither POD_NAME nor HOSTNAME is set; \
                     set one of them, or give the slot by number",
                )?;
                Slot::from_pod_name(&name).map_err(|_| {
                    format!(
                        "slot.id is \"pod-name\", and the pod's name {name:?} does not end with \
                         a hyphen and a number from 0 to 255, as in a StatefulSet"
                    )
                })
            }
        }
    }
}

/// The built-in certificate authority's files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaConfig {
    /// The directory with `root.crt`, `intermediate.crt` and `intermediate.key`.
    pub dir: PathBuf,
    /// A file whose text, without the line break at its end, decrypts the key.
    pub passphrase_file: Option<PathBuf>,
    /// How it is told what was revoked.
    pub publication: Publication,
    /// Where that is found, without a slash at the end; none for `base_url`.
    pub public_base_url: Option<String>,
}

/// A provisioner and how its challenges are probed.
#[derive(Clone, Debug)]
pub struct ProvisionerConfig {
    /// The provisioner.
    pub provisioner: Provisioner,
    /// How its challenges are probed.
    pub validation: ValidationConfig,
    /// Who else decides what may be ordered and signed; none when nobody does.
    pub hook: Option<HookConfig>,
    /// PEM files with the roots by which attestations of devices are believed, by their format.
    pub attestation_roots: Vec<(AttestationFormat, PathBuf)>,
}

/// What the server does at once, and how long it waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections that may be open at once.
    pub connections: usize,
    /// Attempts that may run at once.
    pub attempts: usize,
    /// Of those, attempts against one identifier.
    pub attempts_per_target: usize,
    /// Of those, attempts for one account.
    pub attempts_per_account: usize,
    /// How long a stop waits for requests and attempts that are under way.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (serve, worker) = (ServeLimits::default(), WorkerLimits::default());
        Self {
            connections: serve.connections,
            attempts: worker.attempts,
            attempts_per_target: worker.attempts_per_target,
            attempts_per_account: worker.attempts_per_account,
            drain: serve.drain,
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,acme_validate=debug`.
    pub level: String,
}

/// Where traces go, by OTLP over HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TracesConfig {
    /// The collector's URL for traces, such as `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// One request in so many is traced; at least 1.
    pub one_in: u16,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads `path` and applies `variables` (all of the environment will do), then `assignments`,
    /// the later over the earlier.
    ///
    /// Relative paths in the configuration, wherever they were set, count from the directory of the
    /// file.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(
        path: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
        assignments: &[Assignment],
    ) -> Result<Self, Mistakes> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Mistakes(vec![Mistake {
                place: path.display().to_string(),
                key: String::new(),
                reason: format!("the file cannot be read: {error}"),
            }])
        })?;
        Self::parse(path, &text, variables, assignments)
    }

    /// The same for a text that was read from `path`.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn parse(
        path: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        assignments: &[Assignment],
    ) -> Result<Self, Mistakes> {
        let file = path.display().to_string();
        let mut mistakes = Vec::new();
        let mut root = tree::parse(&file, text, &mut mistakes);
        if !mistakes.is_empty() {
            // What else would be found in half a file misleads more than it helps.
            return Err(Mistakes(mistakes));
        }
        let variables = variables.into_iter();
        let mut variables: Vec<_> = variables
            .filter_map(|(name, value)| Assignment::from_variable(&name, &value))
            .collect();
        // The environment has no order; what comes out must not depend on one.
        variables.sort_unstable();
        for assignment in variables.iter().chain(assignments) {
            if let Err(mistake) = assignment.apply(&mut root) {
                mistakes.push(mistake);
            }
        }
        overrides::provisioners(&mut root, &file);
        let (mut config, effective) = Section::root(&file, root, &mut mistakes, read::read);
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes));
        }
        config.effective = effective;
        Ok(config.based_on(path.parent().unwrap_or_else(|| Path::new(""))))
    }

    /// The URL of each provisioner's directory.
    #[must_use]
    pub fn directories(&self) -> Vec<String> {
        let Ok(base) = self.base_url.parse::<acme_http::BaseUrl>() else {
            return Vec::new();
        };
        let names = self.provisioners.iter().map(|one| &one.provisioner.name);
        names.map(|name| base.directory(name)).collect()
    }

    /// Every key with the value that holds, without secrets.
    #[must_use]
    pub const fn effective(&self) -> &toml::Table {
        &self.effective
    }

    fn based_on(mut self, directory: &Path) -> Self {
        self.ca.dir = directory.join(self.ca.dir);
        self.ca.passphrase_file = self.ca.passphrase_file.map(|file| directory.join(file));
        self.tls = self.tls.map(|files| TlsFiles {
            cert: directory.join(files.cert),
            key: directory.join(files.key),
        });
        self.store = self.store.based_on(directory);
        for hook in self
            .provisioners
            .iter_mut()
            .filter_map(|one| one.hook.as_mut())
        {
            hook.secret_file = directory.join(&hook.secret_file);
            hook.roots_file = hook.roots_file.take().map(|file| directory.join(file));
        }
        for provisioner in &mut self.provisioners {
            for (_, file) in &mut provisioner.attestation_roots {
                *file = directory.join(&*file);
            }
        }
        self
    }
}

/// A link for people, as it is.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn check_link(text: &str) -> Result<String, String> {
    Link::read(&Value::Raw(text.to_owned())).map(|link| link.0)
}

/// The server's own URL in its one spelling.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn check_base_url(text: &str) -> Result<String, String> {
    BaseUrl::read(&Value::Raw(text.to_owned())).map(|url| url.0)
}
