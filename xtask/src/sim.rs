//! `cargo xtask sim`: replicas that fail, simulated, one run for each seed.

use crate::chore::{Result, cargo, run};

/// Plays `seeds` runs from the seed `from` on, until one violates an invariant.
pub(crate) fn sim(seeds: u64, from: u64) -> Result<()> {
    run(cargo().args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "acme-sim",
        "--",
        &format!("--seeds={seeds}"),
        &format!("--from={from}"),
    ]))
}
