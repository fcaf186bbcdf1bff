//! The API and the accept loop, as clients see them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail the test as the test itself does"
)]

mod account;
mod authorization;
mod caa;
mod challenge;
mod client;
mod device;
#[path = "../../../../tests/it/devices.rs"]
mod devices;
mod envelope;
mod external_account;
mod failure;
mod finalize;
mod fuzz;
mod health;
mod log;
mod metrics;
mod ml_dsa;
mod oddities;
mod order;
mod policy;
mod profile;
mod public;
mod renewal;
mod revocation;
mod serve;
mod server;
mod signature;
mod status;
