//! What a challenge becomes, and what a client is told of it.

use acme_core::{
    Attempt, Authorization, AuthorizationState, Challenge, ChallengeState, Epoch, Finding,
    MAX_SHOWN_ATTEMPTS, RetryPolicy, Stopped,
};
use acme_types::{
    AuthorizationStatus, ChallengeKind, ChallengeStatus, ProblemKind, Slot, Timestamp,
};

use crate::support::{Driven, PATIENCE, SECOND, START, attempt, provisioner, saw, secs};

const SLOT: Slot = Slot::new(0);

fn challenge(state: ChallengeState) -> Challenge {
    Challenge {
        id: "c".repeat(32).parse().unwrap(),
        authorization_id: "a".repeat(32).parse().unwrap(),
        kind: ChallengeKind::Http01,
        token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
            .parse()
            .unwrap(),
        state,
    }
}

fn processing() -> Driven {
    let mut driven = Driven::new(RetryPolicy::default());
    driven.request(SLOT);
    driven
}

fn authorization(challenges: Vec<ChallengeState>) -> Authorization {
    Authorization {
        id: "a".repeat(32).parse().unwrap(),
        account_id: "b".repeat(32).parse().unwrap(),
        provisioner: provisioner(),
        identifier: acme_types::Identifier::Dns("a.example".parse().unwrap()),
        wildcard: false,
        subdomains: false,
        valid_for: None,
        attested_key: None,
        expires_at: START.plus(secs(3600)),
        state: AuthorizationState::Pending,
        challenges: challenges.into_iter().map(challenge).collect(),
    }
}

#[track_caller]
fn concluded(finding: Finding, expect: ChallengeStatus) -> ChallengeState {
    let mut driven = processing();
    assert!(driven.claim(SLOT));
    driven.clock.advance(SECOND);
    driven.conclude(finding);
    assert_eq!(driven.state.status(), expect, "{finding:?}");
    assert_eq!(driven.in_flight(), None);
    driven.state
}

#[test]
fn a_conclusion_is_distinct_or_there_is_none() {
    let valid = concluded(Finding::Proof, ChallengeStatus::Valid);
    let validated_at = START.plus(SECOND);
    assert_eq!(valid, ChallengeState::Valid { validated_at });
    let ChallengeState::Invalid { error } =
        concluded(Finding::HttpMismatch, ChallengeStatus::Invalid)
    else {
        unreachable!();
    };
    assert_eq!(error.kind, ProblemKind::IncorrectResponse);
    assert_eq!(error.detail, "saw http-mismatch");
    concluded(Finding::Internal, ChallengeStatus::Processing);
    concluded(Finding::DnsTxtMismatch, ChallengeStatus::Processing);
}

#[test]
fn a_txt_record_with_another_value_is_final_where_the_policy_says_so() {
    let mut driven = processing();
    driven.policy.dns_mismatch_is_final = true;
    assert!(driven.claim(SLOT));
    driven.conclude(Finding::DnsTxtMismatch);
    assert_eq!(driven.state.status(), ChallengeStatus::Invalid);
}

#[test]
fn nothing_is_processing_beyond_the_authorizations_end() {
    for finding in [Finding::Proof, Finding::ConnectRefused] {
        let mut driven = processing();
        driven.expires_at = START.plus(secs(3));
        assert!(driven.claim(SLOT));
        driven.clock.advance(secs(3));
        driven.conclude(finding);
        let ChallengeState::Invalid { error } = &driven.state else {
            panic!("{finding:?}: {:?}", driven.state);
        };
        assert!(error.detail.contains("expired"), "{}", error.detail);
    }
    // One millisecond before, the proof counts.
    let mut driven = processing();
    driven.expires_at = START.plus(secs(3));
    assert!(driven.claim(SLOT));
    driven
        .clock
        .set(Timestamp::from_millis(driven.expires_at.as_millis() - 1));
    driven.conclude(Finding::Proof);
    assert_eq!(driven.state.status(), ChallengeStatus::Valid);
}

#[test]
fn stopping_ends_what_is_open_and_nothing_else() {
    for why in [Stopped::Expired, Stopped::Deactivated] {
        for state in [ChallengeState::Pending, processing().state] {
            let ChallengeState::Invalid { error } = state.stopped(why) else {
                panic!("{why:?}");
            };
            assert_eq!(error.kind, ProblemKind::Unauthorized);
        }
        let valid = ChallengeState::Valid {
            validated_at: START,
        };
        assert_eq!(valid.clone().stopped(why), valid);
    }
}

#[test]
fn a_superseded_challenge_rests_and_keeps_its_status() {
    let mut driven = processing();
    assert!(driven.claim(SLOT));
    let rested = driven.state.superseded();
    assert_eq!(rested.status(), ChallengeStatus::Processing);
    let later = START.plus(secs(3600));
    assert!(!rested.is_claimable(SLOT, later, |_| true));
    assert_eq!(
        ChallengeState::Pending.superseded(),
        ChallengeState::Pending
    );
}

#[test]
fn only_the_owner_claims_and_only_one_at_a_time() {
    let mut driven = processing();
    assert!(!driven.is_claimable(Slot::new(1)));
    assert!(driven.claim(SLOT));
    let claim = driven.in_flight().unwrap();
    assert_eq!((claim.slot, claim.epoch, claim.number), (SLOT, Epoch(1), 1));
    assert_eq!(claim.until, START.plus(PATIENCE));
    assert!(!driven.claim(SLOT));
    // Its patience over, it counts as lost.
    driven
        .clock
        .set(Timestamp::from_millis(claim.until.as_millis() - 1));
    assert!(!driven.is_claimable(SLOT));
    driven.clock.set(claim.until);
    assert!(driven.claim(SLOT));
    assert_eq!(driven.in_flight().unwrap().number, 2);
    assert_eq!(driven.retry().num_attempts, 0);
}

#[track_caller]
fn retry_after(state: &ChallengeState, policy: &RetryPolicy, now: Timestamp, expect: Option<u64>) {
    let shown = challenge(state.clone()).retry_after(policy, now);
    assert_eq!(shown, expect);
}

#[test]
fn retry_after_is_just_after_the_next_attempt() {
    let policy = RetryPolicy::default();
    let mut driven = processing();
    retry_after(&driven.state, &policy, START, Some(1));
    assert!(driven.claim(SLOT));
    retry_after(&driven.state, &policy, START.plus(secs(9)), Some(1));
    driven.conclude(Finding::HttpStatus);
    retry_after(&driven.state, &policy, START, Some(13));
    let millis = |n| START.plus(std::time::Duration::from_millis(n));
    retry_after(&driven.state, &policy, millis(1), Some(13));
    retry_after(&driven.state, &policy, millis(11_999), Some(2));
    retry_after(&driven.state, &policy, millis(12_000), Some(1));
    retry_after(&driven.state, &policy, millis(500_000), Some(1));
    driven.run(secs(120), Finding::HttpStatus);
    retry_after(&driven.state, &policy, driven.now(), Some(12));
}

#[test]
fn retry_after_is_one_to_sixty_seconds_and_never_on_what_is_settled() {
    let policy = RetryPolicy::at(vec![secs(0), secs(3000)], secs(90)).unwrap();
    let mut driven = Driven::new(policy.clone());
    driven.request(SLOT);
    driven.run(secs(0), Finding::HttpStatus);
    retry_after(&driven.state, &policy, START, Some(60));
    driven.run(secs(3000), Finding::HttpStatus);
    retry_after(&driven.state, &policy, driven.now(), Some(60));
    retry_after(&ChallengeState::Pending, &policy, START, None);
    let valid = ChallengeState::Valid {
        validated_at: START,
    };
    retry_after(&valid, &policy, START, None);
    let invalid = ChallengeState::Pending.stopped(Stopped::Expired);
    retry_after(&invalid, &policy, START, None);
}

#[test]
fn a_pending_authorization_that_is_tried_says_five_seconds_at_most() {
    let policy = RetryPolicy::default();
    let mut failed = processing();
    failed.run(secs(0), Finding::HttpStatus);
    let due = processing().state;
    let pending = ChallengeState::Pending;
    let tried = authorization(vec![pending.clone(), failed.state.clone()]);
    assert_eq!(tried.retry_after(&policy, START), Some(5));
    let sooner = authorization(vec![failed.state, due.clone()]);
    assert_eq!(sooner.retry_after(&policy, START), Some(1));
    let idle = authorization(vec![pending.clone(), pending]);
    assert_eq!(idle.retry_after(&policy, START), None);
    let mut settled = authorization(vec![due]);
    assert_eq!(settled.retry_after(&policy, settled.expires_at), None);
    settled.state = AuthorizationState::Valid;
    assert_eq!(settled.retry_after(&policy, START), None);
}

fn newest_first(n: u32, finding: Finding) -> Vec<Attempt> {
    (1..=n)
        .rev()
        .map(|number| attempt(number, START.plus(secs(12) * number), finding))
        .collect()
}

#[test]
fn the_error_of_a_processing_challenge_is_its_newest_attempt_and_then_the_earlier() {
    let challenge = challenge(processing().state);
    assert_eq!(challenge.error(&[]), None);
    let mut attempts = newest_first(3, Finding::ConnectRefused);
    attempts[0].observation = saw(Finding::HttpStatus);
    let error = challenge.error(&attempts).unwrap();
    assert_eq!(error.kind, ProblemKind::Connection);
    assert_eq!(error.detail, "saw http-status");
    let details: Vec<_> = error
        .subproblems
        .iter()
        .map(|s| s.detail.as_str())
        .collect();
    assert_eq!(
        details,
        [
            "attempt 2 at 2030-03-17T17:47:04Z: saw connect-refused",
            "attempt 1 at 2030-03-17T17:46:52Z: saw connect-refused",
        ]
    );
    let many = challenge
        .error(&newest_first(40, Finding::DnsNoTxt))
        .unwrap();
    assert_eq!(many.subproblems.len(), MAX_SHOWN_ATTEMPTS);
    assert!(many.subproblems[0].detail.starts_with("attempt 39 "));
}

#[test]
fn the_error_of_an_invalid_challenge_names_what_settled_it_once() {
    let mut attempts = newest_first(3, Finding::ConnectRefused);
    attempts[0].observation = saw(Finding::HttpMismatch);
    let contradicted = challenge(ChallengeState::Invalid {
        error: attempts[0].observation.problem(),
    });
    let error = contradicted.error(&attempts).unwrap();
    assert_eq!(error.detail, "saw http-mismatch");
    assert_eq!(error.subproblems.len(), 2);
    // What ended by time shows every attempt.
    let expired = challenge(processing().state.stopped(Stopped::Expired));
    let error = expired.error(&attempts).unwrap();
    assert!(error.detail.contains("expired"));
    assert_eq!(error.subproblems.len(), 3);
    assert!(error.subproblems[0].detail.ends_with("saw http-mismatch"));
}

#[test]
fn pending_and_valid_challenges_have_no_error() {
    let attempts = newest_first(3, Finding::ConnectRefused);
    let validated_at = START;
    for state in [
        ChallengeState::Pending,
        ChallengeState::Valid { validated_at },
    ] {
        assert_eq!(challenge(state).error(&attempts), None);
    }
}

#[test]
fn an_authorization_follows_the_first_challenge_that_settles() {
    use AuthorizationState as S;
    let valid = ChallengeState::Valid {
        validated_at: START,
    };
    let invalid = ChallengeState::Pending.stopped(Stopped::Expired);
    let tried = processing().state;
    for (state, challenge, expect) in [
        (S::Pending, &ChallengeState::Pending, S::Pending),
        (S::Pending, &tried, S::Pending),
        (S::Pending, &valid, S::Valid),
        (S::Pending, &invalid, S::Invalid),
        (S::Valid, &invalid, S::Valid),
        (S::Invalid, &valid, S::Invalid),
        (S::Deactivated, &valid, S::Deactivated),
        (S::Revoked, &valid, S::Revoked),
    ] {
        assert_eq!(state.after_challenge(challenge), expect);
    }
}

#[test]
fn an_authorization_ends_at_its_time() {
    use AuthorizationState as S;
    use AuthorizationStatus as W;
    for (state, before, after) in [
        (S::Pending, W::Pending, W::Invalid),
        (S::Valid, W::Valid, W::Expired),
        (S::Invalid, W::Invalid, W::Invalid),
        (S::Deactivated, W::Deactivated, W::Deactivated),
        (S::Revoked, W::Revoked, W::Revoked),
    ] {
        let end = START.plus(SECOND);
        assert_eq!(state.status(end, START), before);
        assert_eq!(state.status(end, end), after);
    }
}
