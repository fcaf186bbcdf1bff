//! Why a store cannot be opened.

use std::path::PathBuf;

/// Why a store cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has this database open; it may be free a little later.
    #[error("another process uses {}; one database file is for one server", .0.display())]
    InUse(PathBuf),
    /// A newer version of this program has used the database.
    #[error(
        "the database has the schema version {found:?}, which this version of the program does not \
         know; it was left untouched, use the newer program"
    )]
    NewerSchema {
        /// The first unknown version.
        found: String,
    },
    /// The database still has an older schema, and it was not to be changed.
    #[error("the database has an older schema; start the server or run the migration first")]
    OlderSchema,
    /// The URL of the database, or a file that it names, cannot be used.
    #[error("the URL of the database cannot be used: {0}")]
    Url(String),
    /// The database cannot be reached or read.
    #[error("cannot {context}")]
    Unavailable {
        /// What was being done.
        context: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    /// The database cannot be reached or read while doing `context`.
    pub(crate) fn unavailable(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable {
            context: context.into(),
            source: source.into(),
        }
    }
}
