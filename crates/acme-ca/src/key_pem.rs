//! Private keys as PEM text, in the clear or encrypted, and the passphrase that opens them.

use std::fmt;
use std::path::Path;

use acme_core::Entropy;
use der::pem::{self, LineEnding};
use zeroize::Zeroizing;

use crate::key::{CaKey, KeyError};
use crate::{CaError, files, pbes2};

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";

/// What opens an encrypted private key. `Debug` does not show it, and it is wiped from memory when
/// dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The passphrase of these octets.
    #[must_use]
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    /// The passphrase that a file holds: all of it but one line break at its end.
    ///
    /// # Errors
    /// [`CaError`] when the file cannot be read or holds nothing.
    pub fn read(path: &Path) -> Result<Self, CaError> {
        let mut octets = files::read(path)?;
        if octets.last() == Some(&b'\n') {
            octets.pop();
            if octets.last() == Some(&b'\r') {
                octets.pop();
            }
        }
        if octets.is_empty() {
            return Err(CaError::EmptyPassphrase(path.to_owned()));
        }
        Ok(Self(octets))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Writes a key as PKCS#8, encrypted when there is a passphrase.
pub(crate) fn encode(
    key: &CaKey,
    passphrase: Option<&Passphrase>,
    entropy: &dyn Entropy,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pkcs8 = key.to_pkcs8()?;
    let text = match passphrase {
        None => pem::encode_string(PLAIN, LineEnding::LF, &pkcs8),
        Some(Passphrase(passphrase)) => {
            let encrypted = pbes2::encrypt(&pkcs8, passphrase, entropy)?;
            pem::encode_string(ENCRYPTED, LineEnding::LF, &encrypted)
        }
    };
    text.map(|text| Zeroizing::new(text.into_bytes()))
        .map_err(|_| KeyError::Crypto)
}

/// Reads the first private key in a PEM text: PKCS#8, encrypted or not, PKCS#1 or SEC 1.
pub(crate) fn decode(text: &[u8], passphrase: Option<&Passphrase>) -> Result<CaKey, KeyError> {
    let text = std::str::from_utf8(text).map_err(|_| KeyError::Missing)?;
    let block = key_block(text).ok_or(KeyError::Missing)?;
    if block.contains("Proc-Type:") {
        let scheme = "the scheme of OpenSSL before PKCS#8".to_owned();
        return Err(KeyError::Encryption(scheme));
    }
    let (label, der) = pem::decode_vec(block.as_bytes()).map_err(|_| KeyError::Damaged)?;
    let der = Zeroizing::new(der);
    match label {
        PLAIN => CaKey::from_pkcs8(&der),
        ENCRYPTED => {
            let Passphrase(passphrase) = passphrase.ok_or(KeyError::PassphraseNeeded)?;
            CaKey::from_pkcs8(&pbes2::decrypt(&der, passphrase)?)
        }
        PKCS1 => CaKey::from_pkcs1(&der),
        SEC1 => CaKey::from_sec1(&der),
        other => Err(KeyError::Unsupported(format!("a PEM block {other:?}"))),
    }
}

/// The first block whose label ends with `PRIVATE KEY`: parameters of the curve may stand before it.
fn key_block(text: &str) -> Option<&str> {
    const BEGIN: &str = "-----BEGIN ";
    let (start, label) = text.match_indices(BEGIN).find_map(|(start, _)| {
        let (label, _) = text[start + BEGIN.len()..].split_once("-----")?;
        label.ends_with(PLAIN).then_some((start, label))
    })?;
    let end_line = format!("-----END {label}-----");
    let end = start + text[start..].find(&end_line)? + end_line.len();
    Some(&text[start..end])
}
