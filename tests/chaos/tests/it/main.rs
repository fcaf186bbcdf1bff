//! Rounds of chaos that are played with every test run, and what they stand on.

mod postgres;
mod rounds;
