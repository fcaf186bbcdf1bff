//! The built program, as users and scripts meet it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod commands;
mod config_check;
mod dev;
mod init;
mod metrics;
mod operator;
mod prepared;
mod program;
