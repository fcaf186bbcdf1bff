//! `ca cross-sign`: prepares the change from one root to another.

use std::path::PathBuf;

use acme_ca::{ExistingRoot, OldRootKey, Passphrase};
use acme_core::Clock as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::logging;
use crate::output::{OutputFormat, Report};
use crate::system::{SystemClock, SystemEntropy};

/// Looks after the certificate authority's own certificates
#[derive(Debug, Subcommand)]
pub(crate) enum Ca {
    CrossSign(CrossSign),
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
        let Self::CrossSign(wanted) = self;
        logging::start_for_command();
        let config = wanted.config.load(&[])?;
        let passphrase = |file: &Option<PathBuf>| file.as_deref().map(Passphrase::read).transpose();
        let root = ExistingRoot {
            passphrase: passphrase(&wanted.root_passphrase_file)?,
            certificate: wanted.root_cert,
            key: wanted.root_key,
        };
        let old = match wanted.old_root_key {
            Some(file) => Some(OldRootKey {
                file,
                passphrase: passphrase(&wanted.old_root_passphrase_file)?,
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
