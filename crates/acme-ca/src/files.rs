//! The files of an authority: read whole, written once and never over another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use acme_core::Entropy;
use acme_core::pem::certificates_from_pem;
use zeroize::Zeroizing;

use crate::key::{CaKey, KeyError};
use crate::{CaError, Passphrase, key_pem};

/// Mode of a private key's file: its owner alone reads and writes it.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;
/// Nothing that belongs here is larger; it keeps a wrong path from filling the memory.
const MAX_FILE: u64 = 1024 * 1024;

/// DER of the certificates in a PEM file; at least one.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, CaError> {
    let refuse = |reason: &str| {
        Err(CaError::Certificate {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let bytes = read(path)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return refuse("it is not PEM text");
    };
    match certificates_from_pem(text) {
        Ok(certificates) if certificates.is_empty() => refuse("there is no PEM block of one"),
        Ok(certificates) => Ok(certificates),
        Err(error) => refuse(&error.to_string()),
    }
}

/// A private key from a PEM file.
pub(crate) fn read_key(path: &Path, passphrase: Option<&Passphrase>) -> Result<CaKey, CaError> {
    let pem = read(path)?;
    let mode = fs::metadata(path)
        .map(|meta| meta.permissions().mode())
        .unwrap_or(PRIVATE);
    if mode & 0o004 != 0 {
        tracing::warn!(
            key.file = %path.display(),
            "every user of this machine can read the private key; chmod it to 0600"
        );
    }
    key_pem::decode(&pem, passphrase).map_err(|source| key_error(path, source))
}

/// The whole of a file, wiped from memory when dropped.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CaError> {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if length > MAX_FILE {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        // Room for all of it at once: a buffer that grows leaves copies behind that nobody wipes.
        let room = usize::try_from(length).unwrap_or(0) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        Read::by_ref(&mut file)
            .take(MAX_FILE)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| io_error("read", path, source))
}

/// Files that are written together. What exists is not touched; when one of them cannot be written,
/// those that were are removed again.
#[derive(Default)]
pub(crate) struct NewFiles {
    files: Vec<(PathBuf, u32, Zeroizing<Vec<u8>>)>,
}

impl NewFiles {
    pub(crate) fn certificate(&mut self, path: PathBuf, pem: String) {
        self.files
            .push((path, PUBLIC, Zeroizing::new(pem.into_bytes())));
    }

    pub(crate) fn key(
        &mut self,
        path: PathBuf,
        key: &CaKey,
        passphrase: Option<&Passphrase>,
        entropy: &dyn Entropy,
    ) -> Result<(), CaError> {
        let pem = key_pem::encode(key, passphrase, entropy)?;
        self.files.push((path, PRIVATE, pem));
        Ok(())
    }

    /// Writes them into a directory in their order, each safely on disk before the next, so that
    /// the last one stands for all of them.
    pub(crate) fn write(self, dir: &Path) -> Result<(), CaError> {
        if !dir.exists() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(|source| io_error("create", dir, source))?;
        }
        for (written, (path, mode, bytes)) in self.files.iter().enumerate() {
            let outcome = write_new(path, *mode, bytes).and_then(|()| sync_dir(dir));
            if let Err(source) = outcome {
                // One that was there before must stay: `create_new` failed on it.
                let ours = written + usize::from(source.kind() != io::ErrorKind::AlreadyExists);
                for (path, _, _) in &self.files[..ours] {
                    // What cannot be removed is found and named by the next attempt.
                    let _ = fs::remove_file(path);
                }
                return Err(match source.kind() {
                    io::ErrorKind::AlreadyExists => CaError::Exists(path.clone()),
                    _ => io_error("write", path, source),
                });
            }
        }
        Ok(())
    }
}

pub(crate) fn io_error(doing: &'static str, path: &Path, source: io::Error) -> CaError {
    CaError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

pub(crate) fn key_error(path: &Path, source: KeyError) -> CaError {
    CaError::Key {
        path: path.to_owned(),
        source,
    }
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts another content into a public file in one step: whoever reads it sees the old or the new.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        // What an interrupted replacement left.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    write_new(&beside, PUBLIC, bytes)?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// A new name is on disk only when its directory is.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
