//! Chaos with real processes: replicas of the built `acme-server` over one PostgreSQL, clients that
//! issue all the while, and a fault each round. What was acknowledged is remembered, and after each
//! round everything is read back and held against what must hold.
//!
//! [`run::run`] is the whole; [`postgres`] stands alone and serves other tests as well.

pub mod attempts;
pub mod balancer;
pub mod client;
pub mod error;
pub mod fault;
pub mod figures;
pub mod invariant;
pub mod ledger;
pub mod load;
pub mod machine;
pub mod nonces;
pub mod port;
pub mod postgres;
pub mod readback;
pub mod replica;
pub mod report;
pub mod run;
pub mod seeded;
pub mod setting;
pub mod stage;
pub mod target;
pub mod time;
pub mod traffic;
