//! What the story of a challenge reads like on the command line.

use std::time::Duration;

use acme_core::{
    Attempt, Authorization, AuthorizationState, Challenge, ChallengeState, Finding, Observation,
    Phase, Retry, RetryPolicy,
};
use acme_types::{
    AccountId, AuthorizationId, ChallengeId, ChallengeKind, Identifier, Slot, Timestamp, Token,
};

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

fn id<T: std::str::FromStr>(letter: char) -> T
where
    T::Err: std::fmt::Debug,
{
    letter.to_string().repeat(32).parse().unwrap()
}

fn authorization(state: ChallengeState) -> Authorization {
    let authorization_id: AuthorizationId = id('a');
    let challenge = Challenge {
        id: id::<ChallengeId>('c'),
        authorization_id: authorization_id.clone(),
        kind: ChallengeKind::Http01,
        token: "dG9rZW4tdG9rZW4tdG9rZW4".parse::<Token>().unwrap(),
        state,
    };
    Authorization {
        id: authorization_id,
        account_id: id::<AccountId>('b'),
        provisioner: "default".parse().unwrap(),
        identifier: Identifier::Dns("www.example.internal".parse().unwrap()),
        wildcard: false,
        subdomains: false,
        valid_for: None,
        attested_key: None,
        expires_at: at(3600),
        state: AuthorizationState::Pending,
        challenges: vec![challenge],
    }
}

fn attempt(number: u32, secs: i64, finding: Finding, phase: Phase, detail: &str) -> Attempt {
    Attempt {
        number,
        slot: Slot::new(0),
        started_at: at(secs),
        perspective: "local".to_owned(),
        observation: Observation {
            finding,
            phase,
            address: Some("10.0.3.7:80".parse().unwrap()),
            detail: detail.to_owned(),
            took: Duration::from_millis(3),
        },
    }
}

fn started() -> Retry {
    let provisioner = "default".parse().unwrap();
    Retry::start(Slot::new(0), provisioner, &RetryPolicy::default(), at(0))
}

#[test]
fn the_story_tells_every_attempt_and_what_to_mend() {
    let policy = RetryPolicy::default();
    let retry = (0..3).fold(started(), |retry, n| {
        retry.attempt_failed(at(12 * n), &policy, at(12 * n))
    });
    let authorization = authorization(ChallengeState::Processing {
        retry,
        in_flight: None,
    });
    let refused = "nothing listens at 10.0.3.7:80: connection refused after 1 ms";
    let attempts = [
        attempt(1, 0, Finding::ConnectRefused, Phase::Connect, refused),
        attempt(2, 12, Finding::ConnectRefused, Phase::Connect, refused),
        attempt(
            3,
            24,
            Finding::HttpStatus,
            Phase::Http,
            "connected to 10.0.3.7:80 after 1 ms, 404 Not Found",
        ),
    ];
    let story = Story::new(
        &authorization,
        &authorization.challenges[0],
        &attempts,
        at(29),
    );
    let expect = "\
Challenge      cccccccccccccccccccccccccccccccc (http-01)
Identifier     www.example.internal
Status         processing: 3 of 11 attempts of this window made; the next in 7 s
Slot           0
Next attempt   2027-01-15T08:00:36Z
Provisioner    default
Authorization  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa (pending, expires 2027-01-15T09:00:00Z)
Account        bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb

#1  2027-01-15T08:00:00Z  +0 s  slot 0  connect  10.0.3.7:80  took 3 ms  connect-refused
    nothing listens at 10.0.3.7:80: connection refused after 1 ms
#2  2027-01-15T08:00:12Z  +12 s  slot 0  connect  10.0.3.7:80  took 3 ms  connect-refused
    nothing listens at 10.0.3.7:80: connection refused after 1 ms
    -> Nothing listens at this address and port. Start the client's web server (or the proxy in
    front of it), or send the port to where it listens; check that the name points to the right
    machine.
#3  2027-01-15T08:00:24Z  +24 s  slot 0  http  10.0.3.7:80  took 3 ms  http-status
    connected to 10.0.3.7:80 after 1 ms, 404 Not Found
    -> The web server answers, but not with the challenge's file. Make it serve
    /.well-known/acme-challenge/ from where the client writes (or pass the path on to the
    client), without login or rewriting.
";
    assert_eq!(story.text(), expect);
}

#[test]
fn a_proof_needs_no_advice_and_no_attempt_is_told_as_such() {
    let valid = ChallengeState::Valid {
        validated_at: at(0),
    };
    let authorization = authorization(valid);
    let proof = [attempt(
        1,
        0,
        Finding::Proof,
        Phase::Compare,
        "the key authorization is there",
    )];
    let told = |attempts: &[Attempt]| {
        Story::new(
            &authorization,
            &authorization.challenges[0],
            attempts,
            at(5),
        )
        .text()
    };
    assert!(!told(&proof).contains("->"));
    assert!(told(&[]).ends_with("No attempt has been made yet.\n"));
}
