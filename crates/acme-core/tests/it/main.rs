//! What the core decides: tables, properties, and the bugs that its origin had.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod attestation;
mod challenge;
mod csr;
#[path = "../../../../tests/it/devices.rs"]
mod devices;
mod jws;
mod keys;
mod machine;
mod nonce;
mod observation;
mod order;
mod origin;
mod renewal;
mod retry;
mod support;
