//! Why a run could not be made; what a run finds is no error.

/// Why the harness could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, a socket or a process failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it was not.
        #[source]
        source: std::io::Error,
    },
    /// Something that the run needs is missing, or does not do what it should.
    #[error("{0}")]
    Stage(String),
}

impl Error {
    /// Wraps an I/O error with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Something went wrong in words.
    pub fn stage(what: impl Into<String>) -> Self {
        Self::Stage(what.into())
    }
}

/// The result of something that fails as [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
