//! The ACME API ([RFC 8555]) over the ports of `acme-core`, as one warp filter, and an accept loop
//! with limits to serve it.
//!
//! It knows no database, no signing key and no socket but the one it serves on: give it a
//! [`Store`](acme_core::Store), a [`SignAuthority`](acme_core::SignAuthority) and the other
//! [`Services`], and mount [`routes`].
//!
//! [RFC 8555]: https://www.rfc-editor.org/rfc/rfc8555

mod answer;
mod api;
mod body;
mod contact;
mod failure;
mod health;
mod keys;
mod nonces;
mod request;
mod serve;
mod urls;

pub use api::{ApiConfig, Services, routes};
pub use body::{BodyError, BodyLimits, bounded};
pub use health::{Readiness, health_routes};
pub use serve::{Drained, Peer, ServeLimits, serve, with_http_alpn};
pub use urls::{BaseUrl, InvalidBaseUrl};
