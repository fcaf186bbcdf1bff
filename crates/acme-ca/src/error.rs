//! Why an authority cannot be made or loaded.

use std::io;
use std::path::PathBuf;

use crate::key::KeyError;

/// Why an authority cannot be made or loaded. Every message names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// What would be written is there already. Nothing was touched.
    #[error("{} is already there; nothing was touched", .0.display())]
    Exists(PathBuf),
    /// An earlier initialization was interrupted. Nothing has been issued by what it left.
    #[error(
        "{} holds a part of an authority, but no {missing}: its initialization was interrupted \
         and nothing was issued by it; move what is there away and initialize again", .dir.display()
    )]
    Incomplete {
        /// The authority's directory.
        dir: PathBuf,
        /// The first file that is missing.
        missing: &'static str,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was tried, such as `read`.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A certificate is damaged or does not do.
    #[error("the certificate in {}: {reason}", .path.display())]
    Certificate {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key is damaged, of a kind not supported, or locked.
    #[error("the private key in {}", .path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// A private key and a certificate do not belong together.
    #[error(
        "the private key in {} is not that of the certificate in {}",
        .key.display(), .certificate.display()
    )]
    KeyMismatch {
        /// File of the key.
        key: PathBuf,
        /// File of the certificate.
        certificate: PathBuf,
    },
    /// A setting is out of bounds.
    #[error("{0}")]
    Setting(String),
    /// A passphrase file is empty.
    #[error("the passphrase in {} is empty", .0.display())]
    EmptyPassphrase(PathBuf),
    /// A key could not be generated or used; a defect of the machine or of this program.
    #[error(transparent)]
    Crypto(#[from] KeyError),
    /// ASN.1 could not be written; a defect of this program.
    #[error("ASN.1 could not be written")]
    Encoding(#[from] der::Error),
}
