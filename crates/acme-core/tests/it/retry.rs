//! When attempts are made: schedules, requests, polls, and what cannot be a policy.

use std::time::Duration;

use acme_core::{ChallengeState, Finding, InvalidRetryPolicy as E, OnExhausted, RetryPolicy};
use acme_types::{ChallengeStatus, Slot};

use crate::support::{Driven, SECOND, START, secs};

const SLOT: Slot = Slot::new(0);
const OTHER: Slot = Slot::new(7);
const DAY: Duration = Duration::from_secs(12 * 3600);

#[track_caller]
fn attempts(policy: RetryPolicy, expect: &[i64]) {
    let mut driven = Driven::new(policy);
    driven.request(SLOT);
    driven.run(DAY, Finding::ConnectRefused);
    assert_eq!(driven.start_secs(), expect);
    assert_eq!(driven.state.status(), ChallengeStatus::Processing);
    assert_eq!(driven.next(), None);
    assert_eq!(driven.retry().num_attempts as usize, expect.len());
    assert_eq!(driven.retry().max_attempts as usize, expect.len());
}

#[test]
fn a_window_has_the_attempts_of_its_schedule_and_then_waits() {
    attempts(
        RetryPolicy::default(),
        &[0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120],
    );
    attempts(
        RetryPolicy::eager(RetryPolicy::INTERVAL),
        &[0, 2, 5, 10, 20, 32, 44, 56, 68, 80, 92, 104],
    );
    attempts(
        RetryPolicy::at(vec![secs(0), secs(3), secs(60)], secs(12)).unwrap(),
        &[0, 3, 60],
    );
    attempts(RetryPolicy::every(secs(7), secs(20)).unwrap(), &[0, 7, 14]);
    attempts(RetryPolicy::every(secs(7), secs(0)).unwrap(), &[0]);
    // Times past midnight and days are times like any others.
    attempts(
        RetryPolicy::every(secs(3600), secs(7200)).unwrap(),
        &[0, 3600, 7200],
    );
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    let every = |interval, window| RetryPolicy::every(interval, window).unwrap_err();
    assert_eq!(every(secs(0), secs(120)), E::ZeroInterval);
    assert_eq!(every(secs(1), secs(1000)), E::TooMany);
    assert_eq!(every(Duration::from_nanos(1), secs(1000)), E::TooMany);
    assert_eq!(every(secs(1), Duration::MAX), E::TooMany);
    assert!(RetryPolicy::every(secs(1), secs(999)).is_ok());
    let at = |schedule: &[u64], interval| {
        let schedule = schedule.iter().copied().map(secs).collect();
        RetryPolicy::at(schedule, interval).unwrap_err()
    };
    assert_eq!(at(&[0, 2], secs(0)), E::ZeroInterval);
    assert_eq!(at(&[], secs(12)), E::FirstNotZero);
    assert_eq!(at(&[1, 2], secs(12)), E::FirstNotZero);
    assert_eq!(at(&[0, 2, 2], secs(12)), E::NotRising);
    assert_eq!(at(&[0, 3, 2], secs(12)), E::NotRising);
    let long: Vec<u64> = (0..=1000).collect();
    assert_eq!(at(&long, secs(12)), E::TooMany);
}

#[test]
fn the_gap_of_requests_is_at_most_the_interval() {
    assert_eq!(RetryPolicy::default().min_gap(), secs(5));
    assert_eq!(
        RetryPolicy::every(secs(2), secs(10)).unwrap().min_gap(),
        secs(2)
    );
    assert_eq!(
        RetryPolicy::default().with_min_gap(secs(60)).min_gap(),
        secs(12)
    );
    assert_eq!(RetryPolicy::default().least_gap(), secs(5));
    assert_eq!(RetryPolicy::eager(secs(12)).least_gap(), secs(2));
}

#[test]
fn a_request_brings_the_next_attempt_forward_but_not_nearer_than_the_gap() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven.run(secs(0), Finding::HttpStatus);
    driven.clock.advance(SECOND);
    driven.request(SLOT);
    assert_eq!(driven.next(), Some(START.plus(secs(5))));
    // Asking again and again neither hastens nor delays it.
    driven.clock.advance(SECOND);
    driven.request(SLOT);
    assert_eq!(driven.next(), Some(START.plus(secs(5))));
    driven.clock.advance(secs(7));
    driven.request(SLOT);
    assert_eq!(driven.next(), Some(START.plus(secs(9))), "overdue: at once");
}

#[test]
fn a_request_opens_a_whole_window_and_takes_the_challenge_over() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(OTHER);
    assert_eq!(driven.retry().owner, OTHER);
    driven.request(SLOT);
    driven.run(secs(110), Finding::HttpStatus);
    driven.request(SLOT);
    assert_eq!(driven.retry().owner, SLOT);
    assert_eq!(driven.retry().num_attempts, 0);
    driven.run(DAY, Finding::HttpStatus);
    let later: Vec<i64> = (0..=10).map(|n| 113 + 12 * n).collect();
    assert_eq!(driven.start_secs()[10..], later);
}

#[test]
fn a_request_never_puts_a_planned_attempt_off() {
    // Two seconds after the first comes the second, although the gap is five.
    let mut driven = Driven::new(RetryPolicy::eager(secs(12)));
    driven.request(SLOT);
    driven.run(secs(1), Finding::DnsNoTxt);
    driven.request(SLOT);
    assert_eq!(driven.next(), Some(START.plus(secs(2))));
}

#[test]
fn a_request_while_an_attempt_is_made_does_not_bring_another_at_once() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    assert!(driven.claim(SLOT));
    driven.clock.advance(SECOND);
    driven.request(SLOT);
    assert!(!driven.is_claimable(SLOT), "one at a time");
    driven.conclude(Finding::ConnectRefused);
    assert!(!driven.is_claimable(SLOT));
    assert_eq!(driven.next(), Some(START.plus(secs(5))));
    // The attempt was of the window before; this one has all of its own.
    assert_eq!(driven.retry().num_attempts, 0);
    driven.run(DAY, Finding::ConnectRefused);
    assert_eq!(driven.starts.len(), 1 + 11);
}

#[test]
fn a_poll_within_a_window_only_reads() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    for _ in 0..130 {
        let before = driven.state.clone();
        assert_eq!(driven.state.awaits_request(), driven.next().is_none());
        if driven.next().is_some() {
            driven.poll(OTHER);
            assert_eq!(driven.state, before);
        }
        if driven.claim(SLOT) {
            let before = driven.state.clone();
            driven.poll(OTHER);
            assert_eq!(driven.state, before, "in flight");
            driven.conclude(Finding::HttpStatus);
        }
        driven.clock.advance(SECOND);
    }
    assert_eq!(driven.starts.len(), 11);
}

#[test]
fn a_poll_after_the_window_opens_another_one_interval_after_the_last_attempt() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven.run(secs(121), Finding::HttpStatus);
    assert!(driven.state.awaits_request());
    driven.poll(OTHER);
    assert_eq!(driven.next(), Some(START.plus(secs(132))));
    assert_eq!(driven.retry().owner, OTHER);
    assert!(!driven.state.awaits_request());
    // Long after: at once.
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven.run(secs(600), Finding::HttpStatus);
    driven.poll(SLOT);
    assert_eq!(driven.next(), Some(START.plus(secs(600))));
    // A poll of what nobody asked for starts nothing.
    let mut driven = Driven::new(RetryPolicy::default());
    driven.poll(SLOT);
    assert_eq!(driven.state, ChallengeState::Pending);
}

#[test]
fn a_slow_attempt_is_followed_by_the_next_as_soon_as_it_ends() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    assert!(driven.claim(SLOT));
    driven.clock.advance(secs(14));
    driven.conclude(Finding::ConnectTimeout);
    assert_eq!(driven.next(), Some(START.plus(secs(14))));
    driven.run(DAY, Finding::ConnectRefused);
    assert_eq!(
        driven.start_secs(),
        [0, 14, 24, 36, 48, 60, 72, 84, 96, 108, 120],
        "back on schedule"
    );
}

#[test]
fn attempts_that_nobody_could_make_are_made_up_for_a_gap_apart() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven.run(secs(13), Finding::ConnectRefused);
    driven.clock.advance(secs(287));
    driven.run(DAY, Finding::ConnectRefused);
    let expect: Vec<i64> = [0, 12]
        .into_iter()
        .chain((0..9).map(|n| 300 + 5 * n))
        .collect();
    assert_eq!(driven.start_secs(), expect);
}

#[test]
fn an_attempt_that_is_put_off_is_not_counted() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    assert!(driven.claim(SLOT));
    let to = START.plus(Duration::from_millis(250));
    driven.state = driven.state.clone().postponed(to);
    assert_eq!((driven.next(), driven.in_flight()), (Some(to), None));
    assert_eq!(driven.retry().num_attempts, 0);
    driven.clock.set(to);
    driven.starts.clear();
    driven.run(DAY, Finding::ConnectRefused);
    assert_eq!(driven.starts.len(), 11);
}

#[test]
fn the_end_of_a_window_may_end_the_challenge() {
    let mut policy = RetryPolicy::every(secs(12), secs(24)).unwrap();
    policy.on_exhausted = OnExhausted::Invalid;
    let mut driven = Driven::new(policy.clone());
    driven.request(SLOT);
    driven.run(secs(23), Finding::ConnectRefused);
    assert_eq!(driven.state.status(), ChallengeStatus::Processing);
    driven.run(secs(1), Finding::ConnectRefused);
    let ChallengeState::Invalid { error } = &driven.state else {
        panic!("{:?}", driven.state);
    };
    assert_eq!(error.detail, "saw connect-refused");

    // A request during the last attempt opens a window that this attempt cannot end.
    let mut driven = Driven::new(policy);
    driven.request(SLOT);
    driven.run(secs(23), Finding::ConnectRefused);
    driven.clock.advance(SECOND);
    assert!(driven.claim(SLOT));
    driven.request(SLOT);
    driven.conclude(Finding::ConnectRefused);
    assert_eq!(driven.state.status(), ChallengeStatus::Processing);
    driven.run(DAY, Finding::ConnectRefused);
    assert_eq!(driven.state.status(), ChallengeStatus::Invalid);
    assert_eq!(driven.elapsed(), 24 + DAY.as_secs());
    assert_eq!(driven.start_secs(), [0, 12, 24, 29, 41, 53]);
}

#[test]
fn a_policy_that_changed_under_a_window_ends_it_without_harm() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven.run(secs(60), Finding::ConnectRefused);
    driven.policy = RetryPolicy::every(secs(1), secs(1)).unwrap();
    driven.run(DAY, Finding::ConnectRefused);
    assert_eq!(driven.start_secs(), [0, 12, 24, 36, 48, 60, 72]);
    assert_eq!(driven.next(), None);
}
