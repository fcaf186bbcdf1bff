//! Simulation of replicas that fail: the real core, worker loop, lease keeper and upkeep over the
//! in-memory store, several replicas, one clock with a skew for each, faults drawn from a seed.
//!
//! A run is a function of its seed. It ends with the violations of the invariants that
//! [`oracle::Invariant`] lists, and with the trace that led there.

pub mod bug;
pub mod client;
pub mod network;
pub mod oracle;
pub mod replica;
pub mod run;
pub mod seeded;
pub mod store;
pub mod world;
