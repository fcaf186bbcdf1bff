//! The ACME API as one warp filter, and the accept loop that serves it.
//!
#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod body;
mod contact;
mod failure;
mod health;
mod keys;
pub mod metrics;
mod nonces;
mod request;
mod request_id;
mod serve;
mod urls;

pub use acme_core::Peer;
pub use api::{ApiConfig, Services, public_routes, routes};
pub use body::{BodyError, BodyLimits, bounded};
pub use health::{Readiness, RenderMetrics, health_routes};
pub use serve::{Drained, ServeLimits, serve, with_http_alpn};
pub use urls::{BaseUrl, InvalidBaseUrl};
