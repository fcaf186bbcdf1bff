//! The desk as operators meet it: who may, what is refused, and that a refusal changes nothing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test cannot do is its failure"
)]

mod acts;
mod document;
mod pages;
mod roles;
mod session;
mod world;
