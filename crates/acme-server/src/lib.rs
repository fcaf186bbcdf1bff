//! The ACME server: configuration, wiring, the worker loop, the command line.
#![doc = include_str!("../README.md")]

pub mod chain;
pub mod cli;
pub mod config;
pub mod lease_keeper;
pub mod policy_hook;
pub mod publisher;
pub mod serve;
pub mod system;
pub mod tls;
pub mod upkeep;
pub mod worker;

mod advice;
mod commands;
mod exit;
mod logging;
mod output;
mod story;
