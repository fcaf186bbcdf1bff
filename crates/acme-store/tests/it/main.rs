//! One suite for every engine: the contract of core's `Store` port; and what only one engine has.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test cannot do is its failure"
)]

#[macro_use]
mod contract;
mod memory;
mod nonsense;
mod postgres;
mod sqlite;
mod tampering;
mod world;
