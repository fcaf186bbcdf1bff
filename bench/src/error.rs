//! What can go wrong with one request, and with a run.

use std::io;

/// Why a request, an issuance or a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file, a socket or a process could not be read.
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
    /// The TLS configuration or the handshake.
    #[error("TLS: {0}")]
    Tls(String),
    /// The connection broke, or the server spoke no HTTP.
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// The server did not answer in time.
    #[error("no answer to {0} within {1} s")]
    TimedOut(&'static str, u64),
    /// The server answered with an error.
    #[error("{request}: status {status}, {body}")]
    Refused {
        request: &'static str,
        status: u16,
        body: String,
    },
    /// The server's answer is not what the protocol allows.
    #[error("{request}: {what}")]
    Answer { request: &'static str, what: String },
    /// A key could not be made or used.
    #[error("the key could not be used")]
    Key,
}

impl Error {
    /// Wraps an I/O error with what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Key
    }
}

/// The result of something that fails as [`Error`].
pub(crate) type Result<T> = std::result::Result<T, Error>;
