//! Seeds without a violation; and bugs that are planted and found, each by its own invariant.

use acme_sim::bug::Bug;
use acme_sim::oracle::Invariant;
use acme_sim::run::{RunSize, run};

/// Seeds that every test run plays.
const SEEDS: u64 = 1000;

#[test]
fn a_thousand_seeds_violate_nothing() {
    let next = std::sync::atomic::AtomicU64::new(0);
    let recorded = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    let outcome = run(seed, RunSize::default(), None).unwrap();
                    recorded.fetch_add(
                        outcome.counts.recorded,
                        std::sync::atomic::Ordering::Relaxed,
                    );
                    assert!(
                        outcome.violations.is_empty(),
                        "seed {seed}: {:?}; replay with `cargo xtask sim --from {seed} --seeds 1`",
                        outcome.violations
                    );
                }
            });
        }
    });
    // Runs in which nothing happens would violate nothing either.
    assert!(recorded.into_inner() > SEEDS * 20);
}

#[test]
fn a_seed_plays_the_same_run_again() {
    let play = || run(42, RunSize::default(), None).unwrap().trace;
    assert_eq!(play(), play());
}

#[track_caller]
fn check(bug: Bug, invariant: Invariant) {
    let found = (0..20).any(|seed| {
        let Ok(outcome) = run(seed, RunSize::default(), Some(bug)) else {
            return false;
        };
        outcome.violations.iter().any(|v| v.invariant == invariant)
    });
    assert!(
        found,
        "{bug:?} was planted, and {invariant:?} did not catch it"
    );
}

#[test]
fn lost_orders_are_found() {
    check(Bug::LosesOrders, Invariant::NothingLost);
}

#[test]
fn a_state_that_goes_backwards_is_found() {
    check(Bug::GoesBackwards, Invariant::NothingBackwards);
}

#[test]
fn overlapping_attempts_are_found() {
    check(Bug::ClaimsWithoutPatience, Invariant::NoOverlap);
}

#[test]
fn hurried_attempts_are_found() {
    check(Bug::Hurries, Invariant::NeverNearer);
}

#[test]
fn forgotten_challenges_are_found() {
    check(Bug::ForgetsClaims, Invariant::AlwaysTried);
}

#[test]
fn a_valid_challenge_without_proof_is_found() {
    check(Bug::BelievesAnything, Invariant::ValidOnlyByProof);
}

#[test]
fn a_repeated_serial_number_is_found() {
    check(Bug::RepeatsSerials, Invariant::NoSerialTwice);
}

#[test]
fn a_write_under_a_stale_epoch_is_found() {
    check(Bug::ForgetsEpochs, Invariant::NoStaleWrite);
}
