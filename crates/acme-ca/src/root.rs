//! A root that signs intermediates, as it is read from its files.

use std::path::PathBuf;

use acme_types::Timestamp;

use crate::ca_certificate::CaCertificate;
use crate::files::{read_certificates, read_key};
use crate::{CaError, CaKey, Passphrase};

/// A root that is there already. Its private key signs the intermediate and is not copied.
#[derive(Clone, Debug)]
pub struct ExistingRoot {
    /// PEM file of its certificate.
    pub certificate: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
    /// Opens the private key; none when it is in the clear.
    pub passphrase: Option<Passphrase>,
}

/// A root, and the key that it is.
pub(crate) struct Root {
    pub(crate) certificate: CaCertificate,
    pub(crate) key: CaKey,
}

/// Reads a root that may have an intermediate below it.
pub(crate) fn read_root(existing: &ExistingRoot, now: Timestamp) -> Result<Root, CaError> {
    let refuse = |reason| CaError::Certificate {
        path: existing.certificate.clone(),
        reason,
    };
    let key = read_key(&existing.key, existing.passphrase.as_ref())?;
    let certificates = read_certificates(&existing.certificate)?;
    let [der] = certificates.as_slice() else {
        return Err(refuse("there is more than one".to_owned()));
    };
    let certificate = CaCertificate::parse(der).map_err(refuse)?;
    if !certificate.is_of(&key) {
        return Err(CaError::KeyMismatch {
            key: existing.key.clone(),
            certificate: existing.certificate.clone(),
        });
    }
    if !certificate.names_issuer(&certificate) {
        return Err(refuse(
            "it is not a root: another authority issued it".to_owned(),
        ));
    }
    certificate.check_validity(now).map_err(refuse)?;
    // Its own signature, and whether an intermediate may stand below it.
    certificate.check_issuer(&certificate, 1).map_err(refuse)?;
    Ok(Root { certificate, key })
}
