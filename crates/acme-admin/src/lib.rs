//! The operators' side of a server as one warp filter: who asks, what they may, and the answers.
//!
#![doc = include_str!("../README.md")]

mod answer;
mod body;
mod cursor;
mod desk;
mod openapi;
mod page;
mod proof;
mod query;
mod refusal;
mod request;
mod routes;
mod session;
mod table;
mod wire;

pub use desk::{AdminConfig, AdminServices, Process, routes};
pub use proof::{SESSION_LIFE, link_url};
