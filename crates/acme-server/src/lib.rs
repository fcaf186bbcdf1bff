//! The ACME server: configuration, wiring, the worker loop, the command line.

pub mod chain;
pub mod lease_keeper;
pub mod system;
pub mod upkeep;
pub mod worker;
