//! What the story of a challenge reads like in each of its states.

use std::time::Duration;

use crate::{AuthorizationState, Epoch, Finding, InFlight, Observation, Phase, Retry, RetryPolicy};
use acme_types::{
    AccountId, AuthorizationId, ChallengeId, ChallengeKind, ProblemKind, Slot, Token,
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

#[track_caller]
fn check_summary(state: ChallengeState, now: Timestamp, expect: &str) {
    let authorization = authorization(state);
    assert_eq!(
        summary(&authorization.challenges[0], &authorization, now),
        expect
    );
}

#[test]
fn each_state_is_told() {
    let processing = |retry, in_flight| ChallengeState::Processing { retry, in_flight };
    let policy = RetryPolicy::default();
    check_summary(
        ChallengeState::Pending,
        at(0),
        "pending: the client has not asked for a validation yet",
    );
    check_summary(
        ChallengeState::Pending,
        at(3600),
        "pending: the client never asked for a validation, and the authorization has expired",
    );
    check_summary(
        processing(started().attempt_failed(at(0), &policy, at(0)), None),
        at(5),
        "processing: 1 of 11 attempts of this window made; the next in 7 s",
    );
    check_summary(
        processing(started(), None),
        at(1),
        "processing: 0 of 11 attempts of this window made; the next is due now",
    );
    check_summary(
        processing(started(), None),
        at(60),
        "processing: 0 of 11 attempts of this window made; the next has been due for 1 min: is the \
         server of slot 0 running?",
    );
    let claim = InFlight {
        slot: Slot::new(0),
        epoch: Epoch(1),
        number: 1,
        started_at: at(0),
        until: at(30),
    };
    check_summary(
        processing(started().attempt_started(at(0)), Some(claim)),
        at(4),
        "processing: 0 of 11 attempts of this window made; one is being made right now, for 4 s",
    );
    check_summary(
        processing(started().disarmed(), None),
        at(200),
        "processing: 0 of 11 attempts of this window made; no more until the client asks again (it \
         is not failed)",
    );
    check_summary(
        processing(started(), None),
        at(3600),
        "processing, but the authorization has expired: no more attempts are made, and it ends \
         invalid",
    );
    check_summary(
        ChallengeState::Valid {
            validated_at: at(24),
        },
        at(60),
        "valid: the proof was seen at 2027-01-15T08:00:24Z",
    );
    let error = Problem::new(ProblemKind::IncorrectResponse, "another key authorization");
    check_summary(
        ChallengeState::Invalid { error },
        at(60),
        "invalid: another key authorization",
    );
}

#[test]
fn machines_read_the_same() {
    let retry = started().attempt_failed(at(0), &RetryPolicy::default(), at(0));
    let authorization = authorization(ChallengeState::Processing {
        retry,
        in_flight: None,
    });
    let attempts = [attempt(1, 0, Finding::DnsNoTxt, Phase::Dns, "no TXT")];
    let story = Story::new(
        &authorization,
        &authorization.challenges[0],
        &attempts,
        at(5),
    );
    let json = serde_json::to_value(&story).unwrap();
    assert_eq!(json["status"], "processing");
    assert_eq!(json["identifier"]["value"], "www.example.internal");
    assert_eq!(json["retries"]["attempts_made"], 1);
    assert_eq!(json["retries"]["next_attempt_at"], "2027-01-15T08:00:12Z");
    assert_eq!(json["attempts"][0]["finding"], "dns-no-txt");
    assert_eq!(json["attempts"][0]["took_ms"], 3);
    assert_eq!(json["attempts"][0]["advice"], advice(Finding::DnsNoTxt));
}

#[test]
fn advice_is_given_once_for_the_same_finding() {
    let authorization = authorization(ChallengeState::Pending);
    let attempts = [
        attempt(1, 0, Finding::DnsNoTxt, Phase::Dns, "no TXT"),
        attempt(2, 12, Finding::DnsNoTxt, Phase::Dns, "no TXT"),
        attempt(3, 24, Finding::DnsTxtMismatch, Phase::Compare, "another"),
        attempt(4, 36, Finding::Proof, Phase::Compare, "there"),
    ];
    let challenge = &authorization.challenges[0];
    let story = Story::new(&authorization, challenge, &attempts, at(40));
    let given: Vec<_> = (0..5).map(|at| story.advice_after(at)).collect();
    let expect = [
        None,
        Some(advice(Finding::DnsNoTxt)),
        Some(advice(Finding::DnsTxtMismatch)),
        None,
        None,
    ];
    assert_eq!(given, expect);
}
