//! A copy of the database while a server uses it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::connection;
use crate::OpenError;

/// A database that is about to be copied.
#[derive(Debug)]
pub struct SqliteBackup {
    path: PathBuf,
    bytes: u64,
}

impl SqliteBackup {
    /// Looks at the database.
    ///
    /// # Errors
    /// As [`crate::SqliteStore::open_beside`].
    pub fn of(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        #[derive(QueryableByName)]
        struct Size {
            #[diesel(sql_type = BigInt)]
            bytes: i64,
        }
        let path = path.into();
        let context = || format!("open {}", path.display());
        File::open(&path).map_err(|error| OpenError::unavailable(context(), error))?;
        connection::check_current(&path)?;
        let mut conn = connection::reader(&path)?;
        let size: Size = diesel::sql_query(
            "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
        )
        .get_result(&mut conn)
        .map_err(|error| OpenError::unavailable(context(), error))?;
        let bytes = size.bytes.unsigned_abs();
        Ok(Self { path, bytes })
    }

    /// How large the database is, in bytes; its copy may be smaller.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the copy: all that was committed when it began, and nothing later. Servers go on
    /// meanwhile. The file is its owner's alone, and on the disk when this returns.
    ///
    /// # Errors
    /// [`OpenError::Unavailable`] when it cannot be written, or is there already.
    pub fn write(&self, to: &Path) -> Result<(), OpenError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            OpenError::unavailable(format!("write {}", to.display()), error)
        };
        let name = to.to_str().ok_or_else(|| failed("not UTF-8".into()))?;
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(to).map_err(|error| failed(error.into()))?;
        let mut conn = connection::plain(&self.path)?;
        // One statement is one view of the database, and takes a file that is empty.
        diesel::sql_query("VACUUM INTO ?")
            .bind::<Text, _>(name)
            .execute(&mut conn)
            .map_err(|error| failed(error.into()))?;
        file.sync_all().map_err(|error| failed(error.into()))
    }
}
