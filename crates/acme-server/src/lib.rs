//! The ACME server: configuration, wiring, the worker loop, the command line.
#![doc = include_str!("../README.md")]

pub mod chain;
pub mod cli;
pub mod config;
pub mod lease_keeper;
pub mod logging;
pub mod metrics;
pub mod policy_hook;
pub mod publisher;
pub mod serve;
pub mod system;
pub mod tls;
pub mod upkeep;
pub mod worker;

mod commands;
mod exit;
mod output;
mod progress;
mod story;
#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "no_traces.rs"]
mod traces;
