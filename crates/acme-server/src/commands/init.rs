//! `init`: makes a certificate authority and a configuration; touches nothing that exists.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use acme_ca::{CaError, ExistingRoot, InitOptions, KeyType, Passphrase};
use acme_core::Clock as _;
use clap::Args;
use serde::Serialize;

use super::certificate::sha256_hex;
use super::io_failure;
use crate::chain::Chain;
use crate::cli::{CONFIG_FILE, DEV_DIR, NAME};
use crate::config::{Config, TemplateValue, template};
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::output::{OutputFormat, Report};
use crate::system::{SystemClock, SystemEntropy};

/// Makes a certificate authority and a commented configuration; touches nothing that exists
///
/// In DIR: ca/root.crt (what clients trust), ca/root.key (keep it off line), ca/intermediate.crt and
/// ca/intermediate.key (what the server signs with), acme-server.toml.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server init --dir /etc/acme --dns ca.internal
  acme-server init --dir /etc/acme --name \"Example Ltd\" --dns ca.internal --key-type p384
  acme-server init --dir /etc/acme --dns ca.internal --root-cert root.crt --root-key root.key")]
pub(crate) struct Init {
    /// The directory to make it in
    #[arg(long, value_name = "DIR", default_value = DEV_DIR)]
    dir: PathBuf,
    /// The authority's name, as it stands in its certificates
    #[arg(long, value_name = "TEXT", default_value = NAME)]
    name: String,
    /// The names or addresses by which clients reach the server; the first makes base_url
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', default_value = "localhost")]
    dns: Vec<String>,
    /// The kind of the authority's keys
    #[arg(long, value_name = "TYPE", default_value = "p256", value_parser = key_types())]
    key_type: String,
    /// A file with the passphrase to encrypt the keys with; the server needs it too
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The certificate of a root that is there already
    #[arg(long, value_name = "FILE", requires = "root_key")]
    root_cert: Option<PathBuf>,
    /// The key of that root, which signs the intermediate and is not copied
    #[arg(long, value_name = "FILE", requires = "root_cert")]
    root_key: Option<PathBuf>,
    /// A file with the passphrase of that key
    #[arg(long, value_name = "FILE", requires = "root_key")]
    root_passphrase_file: Option<PathBuf>,
}

impl Init {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when something cannot be read or written.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        logging::start_for_command();
        let urls = self.dns.iter().map(|name| base_url(name));
        let urls = urls.collect::<Result<Vec<_>, _>>()?;
        let Some((base_url, others)) = urls.split_first() else {
            return Err(Failure::usage("--dns needs a name"));
        };
        let authority = make_authority(&self.dir, &self.options()?)?;
        let mut values = vec![
            value("base_url", base_url.as_str()),
            TemplateValue {
                key: "accepted_base_urls",
                value: toml::Value::from(others.to_vec()),
            },
        ];
        if let Some(file) = &self.passphrase_file {
            // The configuration looks for it from its own directory.
            let file =
                std::path::absolute(file).map_err(|error| io_failure("find", file, &error))?;
            values.push(value("ca.passphrase_file", file.to_string_lossy()));
        }
        let (config_file, config_was_made) = write_config(&self.dir, &template(&values))?;
        let config = Config::load(&config_file, [], &[])?;
        output.print(&Made {
            ca: self.dir.join(CA_DIR).display().to_string(),
            ca_was_made: authority.was_made,
            root: authority.root.display().to_string(),
            root_sha256: authority.root_sha256,
            config: config_file.display().to_string(),
            config_was_made,
            directory: config.directories().into_iter().next().unwrap_or_default(),
        })
    }

    fn options(&self) -> Result<InitOptions, Failure> {
        let passphrase = |file: &Option<PathBuf>| file.as_deref().map(Passphrase::read).transpose();
        let root = match (&self.root_cert, &self.root_key) {
            (Some(certificate), Some(key)) => Some(ExistingRoot {
                certificate: certificate.clone(),
                key: key.clone(),
                passphrase: passphrase(&self.root_passphrase_file)?,
            }),
            _ => None,
        };
        Ok(InitOptions {
            name: self.name.clone(),
            key_type: self.key_type.parse().unwrap_or_default(),
            root,
            passphrase: passphrase(&self.passphrase_file)?,
        })
    }
}

/// The authority's directory within that of `init` and `dev`.
pub(super) const CA_DIR: &str = "ca";

/// An authority that is there now.
pub(super) struct Authority {
    pub(super) root: PathBuf,
    pub(super) root_sha256: String,
    was_made: bool,
}

/// Makes the authority under `dir` unless there is one.
pub(super) fn make_authority(dir: &Path, options: &InitOptions) -> Result<Authority, Failure> {
    let dir = dir.join(CA_DIR);
    match acme_ca::init(&dir, options, &SystemEntropy, SystemClock.now()) {
        Ok(report) => Ok(Authority {
            root: report.root_certificate,
            root_sha256: report.root_sha256,
            was_made: true,
        }),
        Err(CaError::Exists(_)) => {
            let root = dir.join("root.crt");
            Ok(Authority {
                root_sha256: fingerprint(&root)?,
                root,
                was_made: false,
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// SHA-256 of the first certificate in a PEM file.
pub(super) fn fingerprint(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))?;
    let certificates = acme_core::pem::certificates_from_pem(&text).unwrap_or_default();
    let first = certificates.first();
    first
        .map(|der| sha256_hex(der))
        .ok_or_else(|| Failure::failed(format!("{} holds no certificate in PEM", path.display())))
}

/// Writes the configuration file unless it is there; tells where it is and whether it was made.
pub(super) fn write_config(dir: &Path, text: &str) -> Result<(PathBuf, bool), Failure> {
    let path = dir.join(CONFIG_FILE);
    let written = std::fs::File::create_new(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    match written {
        Ok(()) => Ok((path, true)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok((path, false)),
        Err(error) => Err(io_failure("write", &path, &error)),
    }
}

/// Sets a key of the file to a text.
pub(super) fn value<'a>(key: &'a str, text: impl Into<String>) -> TemplateValue<'a> {
    TemplateValue {
        key,
        value: toml::Value::from(text.into()),
    }
}

fn base_url(name: &str) -> Result<String, Failure> {
    let url = match name.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("https://[{address}]"),
        Err(_) => format!("https://{name}"),
    };
    crate::config::check_base_url(&url)
        .map_err(|_| Failure::usage(format!("--dns {name}: not a DNS name or an address")))
}

pub(super) fn key_types() -> clap::builder::PossibleValuesParser {
    KeyType::ALL.map(KeyType::as_str).to_vec().into()
}

impl From<CaError> for Failure {
    fn from(error: CaError) -> Self {
        let exit = match error {
            CaError::Setting(_) => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, Chain(&error).to_string())
    }
}

#[derive(Serialize)]
struct Made {
    ca: String,
    ca_was_made: bool,
    root: String,
    root_sha256: String,
    config: String,
    config_was_made: bool,
    directory: String,
}

impl Report for Made {
    fn text(&self) -> String {
        let made = |was_made: bool| if was_made { "made" } else { "kept as it was" };
        format!(
            "Authority      {} ({})\n\
             Root           {}\n\
             \x20              SHA-256 {}\n\
             Configuration  {} ({})\n\
             \n\
             Let clients trust the root, keep {}/root.key off line, look through the configuration, and run\n\
             \n\
             \x20 {NAME} serve --config {}\n\
             \n\
             Clients then find the directory at {}\n",
            self.ca,
            made(self.ca_was_made),
            self.root,
            self.root_sha256,
            self.config,
            made(self.config_was_made),
            self.ca,
            self.config,
            self.directory,
        )
    }
}
