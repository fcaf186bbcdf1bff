//! `ca cross-sign` prepares the change from one root to another; `ca add-issuer` makes an issuer that
//! provisioners may name.

use std::path::{Path, PathBuf};

use acme_ca::{ExistingRoot, InitOptions, OldRootKey, Passphrase};
use acme_core::{Clock as _, InvalidIssuerName, IssuerName};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::init::key_types;
use crate::cli::{ConfigArgs, NAME};
use crate::exit::Failure;
use crate::logging;
use crate::output::{OutputFormat, Report};
use crate::system::{SystemClock, SystemEntropy};

/// Looks after the certificate authority's own certificates
#[derive(Debug, Subcommand)]
pub(crate) enum Ca {
    CrossSign(CrossSign),
    AddIssuer(AddIssuer),
}

/// Makes one more issuer below a root that is there, for provisioners that name it
///
/// Writes issuers/ISSUER.crt and issuers/ISSUER.key in the authority's directory. Name it in a table
/// [provisioner.issuers], as `rsa = "ISSUER"`, and restart the server.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  acme-server ca add-issuer rsa --key-type rsa3072 --root-key ca/root.key")]
pub(crate) struct AddIssuer {
    /// What provisioners call it
    #[arg(value_name = "ISSUER", value_parser = |text: &str| text.parse::<IssuerName>()
        .map_err(|error: InvalidIssuerName| error.to_string()))]
    issuer: IssuerName,
    /// The authority's name, as it stands in the issuer's certificate
    #[arg(long, value_name = "TEXT", default_value = NAME)]
    name: String,
    /// The kind of its key
    #[arg(long, value_name = "TYPE", default_value = "p256", value_parser = key_types())]
    key_type: String,
    /// A file with the root's certificate; without it root.crt in the authority's directory
    #[arg(long, value_name = "FILE")]
    root_cert: Option<PathBuf>,
    /// The root's key, which signs the issuer's certificate
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// A file with the passphrase of that key
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Has another root sign the issuing certificate too, so that clients of both roots are served
///
/// Writes alternate/by-….crt in the authority's directory and adds the root to root.crt. Restart the
/// server: each certificate then has an alternate chain up to that root, which clients ask for by
/// its name. With the old root's key there is also one chain that clients of either root can follow,
/// which the server itself shows.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  acme-server init --dir next --name \"Example Ltd 2030\"
  acme-server ca cross-sign --root-cert next/ca/root.crt --root-key next/ca/root.key \\
    --old-root-key ca/root.key
  certbot certonly --preferred-chain \"Example Ltd 2030 Root CA\" ...")]
pub(crate) struct CrossSign {
    /// The certificate of the other root
    #[arg(long, value_name = "FILE")]
    root_cert: PathBuf,
    /// Its key, which is not copied
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// A file with the passphrase of that key
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: Option<PathBuf>,
    /// The key of the root that the chain leads to today; without it clients of that root alone
    /// cannot follow a chain of the other
    #[arg(long, value_name = "FILE")]
    old_root_key: Option<PathBuf>,
    /// A file with the passphrase of the old root's key
    #[arg(long, value_name = "FILE", requires = "old_root_key")]
    old_root_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Ca {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when something cannot be read or written, or the root does not do.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        logging::start_for_command();
        match self {
            Self::CrossSign(wanted) => wanted.run(output),
            Self::AddIssuer(wanted) => wanted.run(output),
        }
    }
}

impl AddIssuer {
    fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let config = self.config.load(&[])?;
        let in_authority = || config.ca.dir.join("root.crt");
        let options = InitOptions {
            name: self.name,
            key_type: self.key_type.parse().unwrap_or_default(),
            root: Some(ExistingRoot {
                certificate: self.root_cert.unwrap_or_else(in_authority),
                key: self.root_key,
                passphrase: passphrase(self.root_passphrase_file.as_deref())?,
            }),
            // The server opens all its keys with the one it is given.
            passphrase: passphrase(config.ca.passphrase_file.as_deref())?,
        };
        let now = SystemClock.now();
        let file =
            acme_ca::add_issuer(&config.ca.dir, &self.issuer, &options, &SystemEntropy, now)?;
        output.print(&Added {
            certificate: file.display().to_string(),
            issuer: self.issuer.to_string(),
        })
    }
}

fn passphrase(file: Option<&Path>) -> Result<Option<Passphrase>, Failure> {
    Ok(file.map(Passphrase::read).transpose()?)
}

#[derive(Serialize)]
struct Added {
    issuer: String,
    certificate: String,
}

impl Report for Added {
    fn text(&self) -> String {
        format!(
            "The issuer {0}:\n  {1}\n\nName it where it shall sign, and restart the server (each \
             replica):\n  [provisioner.issuers]\n  default = \"{0}\"\n",
            self.issuer, self.certificate
        )
    }
}

impl CrossSign {
    fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let config = self.config.load(&[])?;
        let root = ExistingRoot {
            passphrase: passphrase(self.root_passphrase_file.as_deref())?,
            certificate: self.root_cert,
            key: self.root_key,
        };
        let old = match self.old_root_key {
            Some(file) => Some(OldRootKey {
                file,
                passphrase: passphrase(self.old_root_passphrase_file.as_deref())?,
            }),
            None => None,
        };
        let made = acme_ca::cross_sign(
            &config.ca.dir,
            &root,
            old.as_ref(),
            &SystemEntropy,
            SystemClock.now(),
        )?;
        output.print(&Made {
            chains: made
                .chains
                .iter()
                .map(|it| it.display().to_string())
                .collect(),
            roots: made.roots.display().to_string(),
            root_sha256: made.root_sha256,
        })
    }
}

#[derive(Serialize)]
struct Made {
    chains: Vec<String>,
    roots: String,
    root_sha256: String,
}

impl Report for Made {
    fn text(&self) -> String {
        format!(
            "New chains:\n  {}\nThe roots, with the other one among them:\n  {}\n  SHA-256 {}\n\n\
             Restart the server (each replica) for it to offer them.\n",
            self.chains.join("\n  "),
            self.roots,
            self.root_sha256
        )
    }
}
