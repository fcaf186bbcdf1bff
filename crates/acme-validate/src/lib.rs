//! The network probes of ACME challenges.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod caa;
mod config;
mod dial;
mod dns;
mod dns01;
mod dns_account01;
mod dns_persist01;
mod host;
mod http01;
mod known;
mod network;
mod progress;
mod tap;
mod tls;
mod tlsalpn01;
mod validator;

pub use config::{ValidationConfig, ValidationSetupError};
pub use network::{Network, ParseNetworkError};
pub use validator::NetworkValidator;

pub(crate) use progress::Failure;
