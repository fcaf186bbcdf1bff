//! `cargo xtask sim`: replicas that fail, simulated, one run for each seed.

use crate::chore::{Result, cargo, run};

/// From this many seeds on, building with optimizations takes less time than it saves.
const MANY: u64 = 5_000;

/// Plays `seeds` runs from the seed `from` on, until one violates an invariant.
pub(crate) fn sim(seeds: u64, from: u64) -> Result<()> {
    run(cargo()
        .args(["run", "--quiet", "--locked", "--package", "acme-sim"])
        .args((seeds >= MANY).then_some("--release"))
        .args(["--", &format!("--seeds={seeds}"), &format!("--from={from}")]))
}
