//! The settings of the probes, and what can be wrong with them.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::header::HeaderValue;

use crate::Network;

/// The settings of the probes, for all provisioners or for one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ValidationConfig {
    /// The DNS resolvers to ask, one after the other until one answers; they must be recursive.
    /// Empty (the default): the system's hosts file and then its resolvers, as they are when the
    /// validator is made. Its search domains do not count: every name is a full one.
    pub resolvers: Vec<SocketAddr>,
    /// The port of http-01's first request; 80 unless a test network says otherwise. A redirection
    /// may lead to it too.
    pub http01_port: u16,
    /// A port to which, beside 80 and 443, a redirection may lead. Default 443.
    pub https_port: u16,
    /// The port of tls-alpn-01. Default 443.
    pub tlsalpn01_port: u16,
    /// The time for one whole probe, lookups and redirections included. Default 10 s.
    pub timeout: Duration,
    /// Networks in which nothing is dialled, not even after a redirection. This wins over
    /// `allow_networks`. Default [`Network::DENIED_BY_DEFAULT`].
    pub deny_networks: Vec<Network>,
    /// The only networks in which something is dialled; empty (the default): all that are not
    /// denied.
    pub allow_networks: Vec<Network>,
    /// The `User-Agent` of http-01's requests.
    pub user_agent: String,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            http01_port: 80,
            https_port: 443,
            tlsalpn01_port: 443,
            timeout: Duration::from_secs(10),
            deny_networks: Network::DENIED_BY_DEFAULT.to_vec(),
            allow_networks: Vec::new(),
            user_agent: concat!("acme-validate/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl ValidationConfig {
    /// Checks the values that have bounds, and gives the user agent in the form that goes out.
    pub(crate) fn check(&self) -> Result<HeaderValue, ValidationSetupError> {
        if self.timeout.is_zero() {
            return Err(ValidationSetupError::ZeroTimeout);
        }
        let ports = [self.http01_port, self.https_port, self.tlsalpn01_port];
        if ports.contains(&0) || self.resolvers.iter().any(|r| r.port() == 0) {
            return Err(ValidationSetupError::ZeroPort);
        }
        HeaderValue::from_str(&self.user_agent).map_err(|_| ValidationSetupError::UserAgent)
    }
}

/// Why a validator cannot be made of its settings.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationSetupError {
    /// A probe without time cannot succeed.
    #[error("the timeout of a probe must be longer than nothing")]
    ZeroTimeout,
    /// Nothing listens on port 0.
    #[error("port 0 cannot be dialled")]
    ZeroPort,
    /// The user agent has characters that a header cannot carry.
    #[error("the user agent must be visible ASCII characters and spaces")]
    UserAgent,
    /// The DNS library refuses its set-up.
    #[error("DNS cannot be set up: {0}")]
    Dns(String),
    /// The TLS library refuses its set-up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}
