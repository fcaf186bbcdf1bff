//! Scenarios, one module for each client and one for each way things go wrong.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what the scenarios share fails the test that calls it"
)]

mod backup;
mod certbot;
mod certificates;
mod chains;
mod commands;
mod crash;
mod device;
mod devices;
mod dns_challenges;
mod instant_acme;
mod lego;
mod page;
mod policy;
mod retry;
mod revocation;
mod small_clients;
mod watching;
