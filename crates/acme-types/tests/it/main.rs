//! Tables of what the types take and refuse.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod identifier;
mod jwk;
mod jws;
mod name;
mod problem;
mod timestamp;
mod words;
