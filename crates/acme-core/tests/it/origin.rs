//! The bugs of the origin of this retry machine, a change to another CA that was never finished; one
//! test for each that can be shown without a store or a network.

use std::time::Duration;

use acme_core::{
    AuthorizationState, Challenge, ChallengeState, Epoch, Finding, InFlight, OnExhausted,
    RetryPolicy, Stopped, Tenure, dns01_value, thumbprint,
};
use acme_types::{
    AuthorizationStatus, ChallengeKind, ChallengeStatus, Jwk, KeyAuthorization, Slot, Timestamp,
};

use crate::support::{Driven, PATIENCE, SECOND, START, attempt, provisioner, saw, secs};

const SLOT: Slot = Slot::new(0);
const OTHER: Slot = Slot::new(1);

fn processing() -> Driven {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven
}

fn challenge(kind: ChallengeKind, state: ChallengeState) -> Challenge {
    Challenge {
        id: "c".repeat(32).parse().unwrap(),
        authorization_id: "a".repeat(32).parse().unwrap(),
        kind,
        token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
            .parse()
            .unwrap(),
        state,
    }
}

/// Bug 1: the comparison with the clock was turned round, so that attempts that were due were
/// dropped, and no challenge was ever tried again.
#[test]
fn bug_01_an_attempt_is_due_when_its_time_has_come_and_not_before() {
    let mut driven = processing();
    driven.run(secs(0), Finding::ConnectRefused);
    let due = driven.next().unwrap();
    assert_eq!(due, START.plus(secs(12)));
    for (offset, is_due) in [
        (-11_999, false),
        (-1, false),
        (0, true),
        (1, true),
        (86_400_000, true),
    ] {
        driven
            .clock
            .set(Timestamp::from_millis(due.as_millis() + offset));
        assert_eq!(
            driven.is_claimable(SLOT),
            is_due,
            "{offset} ms after it is due"
        );
    }
}

/// Bug 2: what was planned lived in a timer of the process, and was lost when it restarted.
#[test]
fn bug_02_a_restarted_slot_goes_on_where_it_was() {
    let mut driven = processing();
    driven.run(secs(12), Finding::ConnectRefused);
    // All that is planned is in the state; no timer runs anywhere.
    driven.clock.advance(secs(11));
    assert!(!driven.is_claimable(SLOT));
    driven.clock.advance(SECOND);
    assert!(driven.claim(SLOT));
    // The process dies in the middle of an attempt. Until its slot's lease is taken anew, or its
    // patience is over, nobody makes another; then it is due at once, and not counted as a failure.
    let counted = driven.retry().num_attempts;
    driven.clock.advance(SECOND);
    assert!(!driven.is_claimable(SLOT));
    driven.epoch = Epoch(2);
    assert!(driven.claim(SLOT));
    assert_eq!(driven.retry().num_attempts, counted);
    driven.conclude(Finding::Proof);
    assert_eq!(driven.state.status(), ChallengeStatus::Valid);
}

/// Bug 3: a request opened a valid or an invalid challenge again.
#[test]
fn bug_03_what_is_settled_stays_settled() {
    let validated_at = START;
    let valid = ChallengeState::Valid { validated_at };
    let invalid = ChallengeState::Pending.stopped(Stopped::Deactivated);
    for settled in [valid, invalid] {
        let mut driven = Driven::new(RetryPolicy::default());
        driven.state = settled.clone();
        driven.request(SLOT);
        driven.poll(SLOT);
        assert!(!driven.claim(SLOT));
        for finding in Finding::ALL {
            driven.conclude_from(*finding, START);
        }
        let policy = driven.policy.clone();
        let state = driven
            .state
            .claimed(SLOT, Epoch(1), 1, START, PATIENCE)
            .postponed(START)
            .superseded()
            .stopped(Stopped::Expired)
            .requested(OTHER, &provisioner(), &policy, START);
        assert_eq!(state, settled);
    }
}

/// Bug 4: the first validation of any challenge crashed, since it had no retry to copy yet.
#[test]
fn bug_04_the_first_request_finds_no_retry_and_makes_one() {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    let retry = driven.retry();
    assert_eq!((retry.num_attempts, retry.max_attempts), (0, 11));
    assert_eq!(
        (retry.next_attempt, retry.last_attempt),
        (Some(START), None)
    );
    // Nothing else that may come first finds anything to stumble over either.
    let mut driven = Driven::new(RetryPolicy::default());
    driven.poll(SLOT);
    assert!(!driven.claim(SLOT));
    driven.conclude_from(Finding::Proof, START);
    assert_eq!(driven.state, ChallengeState::Pending);
}

/// Bug 5: a copied challenge forgot its kind, and none could be validated.
#[test]
fn bug_05_every_kind_of_challenge_keeps_its_kind_and_can_be_met() {
    for kind in ChallengeKind::ALL {
        let mut driven = processing();
        assert!(driven.claim(SLOT));
        driven.conclude(Finding::Proof);
        let met = challenge(*kind, driven.state.clone()).clone();
        assert_eq!(met.kind, *kind);
        assert_eq!(met.state.status(), ChallengeStatus::Valid);
        assert_eq!(met.error(&[attempt(1, START, Finding::Proof)]), None);
    }
}

/// Bug 6: computing a key authorization always looked like a failure.
#[test]
fn bug_06_a_key_authorization_is_computed_and_cannot_fail() {
    let jwk: Jwk =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
            .parse()
            .unwrap();
    let token = challenge(ChallengeKind::Http01, ChallengeState::Pending).token;
    let authorization = KeyAuthorization::new(&token, &thumbprint(&jwk));
    assert_eq!(
        authorization.as_str(),
        "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    assert_eq!(dns01_value(&authorization).len(), 43);
}

/// Bug 7: what was thought impossible ended the process.
#[test]
fn bug_07_every_event_in_every_state_has_an_answer() {
    let mut in_flight = processing();
    assert!(in_flight.claim(SLOT));
    let mut exhausted = processing();
    exhausted.run(secs(120), Finding::ConnectRefused);
    let states = [
        ChallengeState::Pending,
        processing().state,
        in_flight.state,
        exhausted.state.clone(),
        exhausted.state.superseded(),
        ChallengeState::Valid {
            validated_at: START,
        },
        ChallengeState::Pending.stopped(Stopped::Expired),
    ];
    let policies = [
        RetryPolicy::default(),
        RetryPolicy::every(SECOND, Duration::ZERO).unwrap(),
        RetryPolicy::default().with_min_gap(Duration::ZERO),
    ];
    let times = [Timestamp::EPOCH, START, Timestamp::MAX];
    for state in &states {
        for policy in &policies {
            for now in times {
                let after = [
                    state.clone().requested(OTHER, &provisioner(), policy, now),
                    state.clone().polled(OTHER, policy, now),
                    state.clone().claimed(OTHER, Epoch(9), 9, now, PATIENCE),
                    state.clone().postponed(now),
                    state.clone().superseded(),
                    state.clone().stopped(Stopped::Expired),
                ];
                let concluded = Finding::ALL.iter().flat_map(|finding| {
                    times.map(|at| state.clone().concluded(&saw(*finding), at, at, policy, now))
                });
                for state in after.into_iter().chain(concluded) {
                    let shown = challenge(ChallengeKind::Dns01, state);
                    let _ = shown.error(&[attempt(1, now, Finding::Internal)]);
                    let wait = shown.retry_after(policy, now);
                    assert!(wait.is_none_or(|secs| (1..=60).contains(&secs)));
                }
            }
        }
    }
}

/// Bug 8: each poll began the attempts anew, so that a client that polled made the server knock at
/// any target for ever, as fast as it liked.
#[test]
fn bug_08_polls_begin_nothing_anew_and_requests_keep_their_distance() {
    let mut polled = processing();
    for _ in 0..120 {
        polled.run(SECOND, Finding::ConnectRefused);
        polled.poll(OTHER);
        polled.poll(OTHER);
    }
    assert_eq!(
        polled.start_secs(),
        [0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120]
    );
    let mut asked = processing();
    for _ in 0..120 {
        asked.run(SECOND, Finding::ConnectRefused);
        asked.request(SLOT);
    }
    assert_eq!(asked.starts.len(), 1 + 120 / 5);
    assert!(
        asked
            .starts
            .windows(2)
            .all(|pair| pair[1] - pair[0] >= 5000)
    );
}

/// Bug 9: the first attempt was made within the request, so that no client ever saw `processing`
/// before it had waited for the target's time-out.
#[test]
fn bug_09_a_request_is_answered_before_any_attempt_is_made() {
    let driven = processing();
    assert_eq!(driven.state.status(), ChallengeStatus::Processing);
    assert_eq!(driven.in_flight(), None);
    assert_eq!(driven.retry().num_attempts, 0);
    assert!(
        driven.is_claimable(SLOT),
        "the first attempt is due at once"
    );
    assert!(driven.policy.answer_within < SECOND);
}

/// Bug 10: of a request and an attempt that met, one was lost, or answered with an error.
#[test]
fn bug_10_a_request_and_an_attempt_that_meet_both_count() {
    // The attempt brings the proof: the request did not take that away.
    let mut driven = processing();
    assert!(driven.claim(SLOT));
    driven.request(OTHER);
    driven.conclude(Finding::Proof);
    assert_eq!(driven.state.status(), ChallengeStatus::Valid);
    // It fails for now: the window that the request opened is whole, and its owner's.
    let mut driven = processing();
    assert!(driven.claim(SLOT));
    driven.clock.advance(SECOND);
    driven.request(OTHER);
    driven.conclude(Finding::ConnectRefused);
    let retry = driven.retry();
    assert_eq!((retry.owner, retry.num_attempts), (OTHER, 0));
    assert_eq!(retry.next_attempt, Some(START.plus(secs(5))));
    // A late recorder is told from a newer one by the number of its claim.
    let mut driven = processing();
    assert!(driven.claim(SLOT));
    let late = driven.in_flight().unwrap();
    driven.clock.set(late.until);
    assert!(driven.claim(SLOT));
    let newer = driven.in_flight().unwrap();
    assert_ne!(late.number, newer.number);
}

/// Bug 11: a challenge that nobody asked about any more stayed `processing` for ever, and so did its
/// authorization and its order.
#[test]
fn bug_11_processing_ends_with_the_authorization() {
    let mut driven = processing();
    driven.run(secs(600), Finding::ConnectRefused);
    assert_eq!(driven.state.status(), ChallengeStatus::Processing);
    let ended = driven.state.clone().stopped(Stopped::Expired);
    assert_eq!(ended.status(), ChallengeStatus::Invalid);
    assert_eq!(
        AuthorizationState::Pending.after_challenge(&ended),
        AuthorizationState::Invalid
    );
    // Before the upkeep gets there, everybody can already tell.
    let end = driven.expires_at;
    assert_eq!(
        AuthorizationState::Pending.status(end, end),
        AuthorizationStatus::Invalid
    );
    // An attempt that runs beyond it ends it too.
    driven.request(SLOT);
    assert!(driven.claim(SLOT));
    driven.clock.set(end);
    driven.conclude(Finding::ConnectRefused);
    assert_eq!(driven.state.status(), ChallengeStatus::Invalid);
    // And where the operator wants it so, the window's end does.
    let mut strict = processing();
    strict.policy.on_exhausted = OnExhausted::Invalid;
    strict.run(secs(120), Finding::ConnectRefused);
    assert_eq!(strict.state.status(), ChallengeStatus::Invalid);
}

/// Bug 12: two processes of the same number both owned a challenge, and what a number owned that
/// was gone was tried by nobody.
#[test]
fn bug_12_a_slot_acts_under_one_epoch_and_can_be_taken_over() {
    let mut driven = processing();
    assert!(!driven.is_claimable(OTHER));
    assert!(driven.claim(SLOT));
    // A second process of slot 0 has taken the lease: to it the claim of the first is stale.
    let is_stale = |current: Epoch| move |claim: &InFlight| claim.epoch != current;
    let now = driven.now();
    assert!(!driven.state.is_claimable(SLOT, now, is_stale(Epoch(1))));
    assert!(driven.state.is_claimable(SLOT, now, is_stale(Epoch(2))));
    // The slot does not come back; another takes its challenge over, by a request or by adoption.
    driven.epoch = Epoch(2);
    driven.request(OTHER);
    assert_eq!(driven.retry().owner, OTHER);
    driven.clock.advance(secs(5));
    assert!(driven.claim(OTHER));
    // Whoever holds a lease writes under its newest epoch.
    let tenure = Tenure::new(SLOT, Epoch(1));
    tenure.renew(Epoch(2));
    assert_eq!((tenure.slot(), tenure.epoch()), (SLOT, Epoch(2)));
}

/// Bug 13: the times were fixed, and the first attempt was not counted, so that ten attempts were
/// eleven.
#[test]
fn bug_13_the_schedule_is_configuration_and_every_attempt_counts() {
    let mut driven = processing();
    for made in 1..=11 {
        driven.clock.set(driven.next().unwrap());
        assert!(driven.claim(SLOT));
        driven.conclude(Finding::ConnectRefused);
        assert_eq!(driven.retry().num_attempts, made);
    }
    assert_eq!(driven.retry().max_attempts, 11);
    assert_eq!(driven.next(), None);
    let schedule = vec![secs(0), secs(1), secs(90)];
    let mut own = Driven::new(RetryPolicy::at(schedule, secs(30)).unwrap());
    own.request(SLOT);
    own.run(secs(300), Finding::ConnectRefused);
    assert_eq!(own.start_secs(), [0, 1, 90]);
}

/// Bug 14: the provisioner that was remembered for an attempt was looked up and used without a look
/// at whether it was there.
#[test]
fn bug_14_a_challenge_always_names_the_provisioner_whose_policy_rules() {
    let other: acme_types::ProvisionerName = "other".parse().unwrap();
    let policy = RetryPolicy::default();
    let state = ChallengeState::Pending.requested(SLOT, &other, &policy, START);
    let ChallengeState::Processing { retry, .. } = state else {
        unreachable!();
    };
    assert_eq!(retry.provisioner_id, other);
    // A name that names nothing cannot be remembered.
    assert!("".parse::<acme_types::ProvisionerName>().is_err());
}

/// Bug 15: once the attempts were used up, `Retry-After` lay in the past.
#[test]
fn bug_15_retry_after_is_never_in_the_past() {
    let mut driven = processing();
    for second in 0..600 {
        let shown = challenge(ChallengeKind::Http01, driven.state.clone());
        let wait = shown.retry_after(&driven.policy, driven.now()).unwrap();
        assert!((1..=13).contains(&wait), "{wait} at {second}");
        // What it says is just after something has changed, or when to ask again.
        match driven.next() {
            Some(next) => assert!(driven.now().plus(secs(wait)) > next),
            None => assert_eq!(wait, 12),
        }
        driven.run(SECOND, Finding::ConnectRefused);
    }
}
