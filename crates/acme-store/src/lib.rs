//! Accounts, orders, challenges and certificates, kept: three engines behind core's
//! [`Store`](acme_core::Store) port.
//!
//! The acts of the protocol are written once (`acts`) over a small set of row operations (`rows`);
//! each engine supplies those and a transaction around them.
#![doc = include_str!("../README.md")]
#![expect(
    clippy::duplicate_mod,
    reason = "the queries are written once and compiled for each SQL engine"
)]

mod act;
mod acts;
mod cursor;
mod der;
mod engine;
mod error;
mod memory;
pub mod metrics;
mod model;
mod nonces;
mod postgres;
mod rows;
mod schema;
mod sqlite;
mod update;

pub use engine::StoreOn;
pub use error::OpenError;
pub use memory::{Memory, MemoryStore};
pub use postgres::{Postgres, PostgresStore, Wakeups};
pub use sqlite::{Sqlite, SqliteBackup, SqliteStore};
