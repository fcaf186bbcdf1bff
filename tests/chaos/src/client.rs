//! An ACME client that tells what became of each request: answered, failed at the server, or not
//! known. Connections are short, so that its requests come to every replica.

mod connection;
mod key;
mod session;

pub use connection::{Answer, Endpoint};
pub use key::AccountKey;
pub use session::{Outside, Session};

use std::time::Duration;

/// Why there is no answer to go on with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// The request never left: nobody took the connection.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request left and no answer came: it may have been done.
    #[error("no answer: {0}")]
    Broken(String),
    /// The server says that it is at fault.
    #[error("status {status}: {body}")]
    AtFault {
        /// The HTTP status.
        status: u16,
        /// What it says.
        body: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}
