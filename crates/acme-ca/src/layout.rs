//! Where the files of an authority are in its directory.

use std::path::{Path, PathBuf};

use crate::CaError;

pub(crate) const ROOT_CERTIFICATE: &str = "root.crt";
pub(crate) const ROOT_KEY: &str = "root.key";
pub(crate) const INTERMEDIATE_CERTIFICATE: &str = "intermediate.crt";
pub(crate) const INTERMEDIATE_KEY: &str = "intermediate.key";
/// Holds the certificates and keys of issuers beside the first.
pub(crate) const ISSUERS: &str = "issuers";
/// Holds the certificates of issuers that were replaced.
pub(crate) const PREVIOUS: &str = "previous";
/// Holds other chains for the issuers.
pub(crate) const ALTERNATE: &str = "alternate";

/// The directory of an authority.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout<'a>(&'a Path);

impl<'a> Layout<'a> {
    pub(crate) const fn new(dir: &'a Path) -> Self {
        Self(dir)
    }

    pub(crate) fn path(self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Checks that nothing is in the way of a new authority.
    pub(crate) fn check_vacant(self) -> Result<(), CaError> {
        let names = [
            ROOT_KEY,
            ROOT_CERTIFICATE,
            INTERMEDIATE_KEY,
            INTERMEDIATE_CERTIFICATE,
        ];
        let Some(present) = names.iter().find(|name| self.is_present(name)) else {
            return Ok(());
        };
        self.check_complete()?;
        Err(CaError::Exists(self.path(present)))
    }

    /// Checks that an initialization in this directory came to its end.
    pub(crate) fn check_complete(self) -> Result<(), CaError> {
        let begun = [ROOT_KEY, ROOT_CERTIFICATE, INTERMEDIATE_KEY];
        if begun.iter().any(|name| self.is_present(name))
            && !self.is_present(INTERMEDIATE_CERTIFICATE)
        {
            return Err(CaError::Incomplete {
                dir: self.0.to_owned(),
                missing: INTERMEDIATE_CERTIFICATE,
            });
        }
        Ok(())
    }

    fn is_present(self, name: &str) -> bool {
        // Also a link that leads nowhere is in the way.
        self.path(name).symlink_metadata().is_ok()
    }
}
