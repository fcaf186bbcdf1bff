//! Attempts: claimed, made, recorded.

use std::time::Duration;

use acme_core::{
    Attempt, AuthorizationState, ChallengeState, Finding, OnExhausted, OrderState, RecordVerdict,
};
use acme_types::{ChallengeId, ChallengeKind, ProblemKind};

use super::validation::exhaust;
use crate::world::{A, INTERVAL, LIFE, PATIENCE, START, World, at, rng, saw};

pub(crate) async fn what_is_due_is_claimed_once(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.arm(&opened, opened.http(), holder, at(10)).await;
    assert_eq!(
        world.claim(holder, at(9)).await.claims,
        vec![],
        "not due yet"
    );
    assert_eq!(world.claim(holder, at(10)).await.claims.len(), 1);
    assert_eq!(world.claim(holder, at(10)).await.claims, vec![]);
    assert_eq!(world.claim(holder, at(39)).await.claims, vec![]);
}

pub(crate) async fn the_most_overdue_come_first(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let mut due = Vec::new();
    for secs in [3, 1, 4, 2, 5] {
        let opened = world.open(&["a.example"], START).await;
        world.arm(&opened, opened.http(), holder, at(secs)).await;
        due.push((at(secs), opened.http().id.clone()));
    }
    due.sort();
    let (slot, epoch) = holder;
    let mut claimed = Vec::new();
    for (limit, next) in [(2, Some(at(9))), (2, Some(at(9))), (2, None)] {
        let batch = world
            .store
            .claim_due(slot, epoch, limit, PATIENCE, at(9))
            .await;
        let batch = batch.unwrap();
        assert_eq!(batch.next_due, next);
        claimed.extend(batch.claims.into_iter().map(|c| (c.due_at, c.challenge_id)));
    }
    assert_eq!(claimed, due);
}

pub(crate) async fn the_next_due_time_is_told(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    assert_eq!(world.claim(holder, START).await.next_due, None);
    let first = world.open(&["a.example"], START).await;
    let second = world.open(&["b.example"], START).await;
    world.arm(&first, first.http(), holder, at(20)).await;
    world.arm(&second, second.http(), holder, at(30)).await;
    assert_eq!(world.claim(holder, at(10)).await.next_due, Some(at(20)));
    let batch = world.claim(holder, at(20)).await;
    assert_eq!(batch.claims.len(), 1);
    assert_eq!(batch.next_due, Some(at(30)));
    // An attempt that is never recorded comes back when its time is over.
    let batch = world.claim(holder, at(31)).await;
    assert_eq!(batch.claims.len(), 1);
    assert_eq!(batch.next_due, Some(at(50)));
    assert_eq!(world.claim(holder, at(32)).await.next_due, Some(at(50)));
}

pub(crate) async fn a_claim_knows_what_to_probe(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let dns = opened.challenge(ChallengeKind::Dns01);
    world.arm(&opened, dns, holder, at(1)).await;
    let claim = world.claim(holder, at(4)).await.claims.remove(0);
    assert_eq!(claim.challenge_id, dns.id);
    assert_eq!((claim.kind, &claim.token), (dns.kind, &dns.token));
    assert_eq!(claim.identifier, opened.authorizations[0].identifier);
    assert_eq!(claim.thumbprint, opened.account.thumbprint);
    assert_eq!(claim.provisioner, opened.order.provisioner);
    assert_eq!((claim.due_at, claim.in_flight.started_at), (at(1), at(4)));
    assert_eq!(claim.in_flight.number, 1);
}

pub(crate) async fn a_failure_is_tried_again_on_schedule(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let challenge = world
        .record(&view.claim.unwrap(), Finding::ConnectRefused, at(1))
        .await;
    let ChallengeState::Processing { retry, in_flight } = &challenge.state else {
        panic!("{challenge:?}");
    };
    assert_eq!(*in_flight, None);
    assert_eq!(retry.next_attempt, Some(START.plus(INTERVAL)));
    assert_eq!((retry.num_attempts, retry.last_attempt), (1, Some(START)));
    let stored = world.authorization(&opened).await;
    assert!(stored.challenges.contains(&challenge));
    assert_eq!(stored.state, AuthorizationState::Pending);
    assert_eq!(world.order(&opened).await.state, OrderState::Pending);
    assert_eq!(world.claim(holder, at(11)).await.claims, vec![]);
    let claim = world.claim(holder, at(12)).await.claims.remove(0);
    assert_eq!(claim.in_flight.number, 2);
}

pub(crate) async fn a_proof_makes_all_valid(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let challenge = world
        .record(&view.claim.unwrap(), Finding::Proof, at(1))
        .await;
    let validated_at = at(1);
    assert_eq!(challenge.state, ChallengeState::Valid { validated_at });
    let stored = world.authorization(&opened).await;
    assert_eq!(stored.state, AuthorizationState::Valid);
    assert!(stored.challenges.contains(&challenge));
    assert_eq!(world.order(&opened).await.state, OrderState::Ready);
    let batch = world.claim(holder, at(1000)).await;
    assert_eq!((batch.claims, batch.next_due), (vec![], None));
}

pub(crate) async fn a_contradiction_makes_all_invalid(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example", "b.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let challenge = world
        .record(&view.claim.unwrap(), Finding::HttpMismatch, at(1))
        .await;
    let error = saw(Finding::HttpMismatch).problem();
    assert_eq!(
        challenge.state,
        ChallengeState::Invalid {
            error: error.clone()
        }
    );
    assert_eq!(
        world.authorization(&opened).await.state,
        AuthorizationState::Invalid
    );
    assert_eq!(
        world.order(&opened).await.state,
        OrderState::Invalid { error }
    );
}

pub(crate) async fn an_exhausted_window_stays_processing(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let end = exhaust(&world, &opened, holder, START).await;
    let view = world.poll(&opened, opened.http(), holder, START).await;
    let stored = view.authorization;
    assert_eq!(stored.state, AuthorizationState::Pending);
    let challenge = stored.challenges.iter().find(|c| c.id == opened.http().id);
    let state = &challenge.unwrap().state;
    assert!(
        matches!(state, ChallengeState::Processing { .. }),
        "{state:?}"
    );
    assert_eq!(end, at(120));
    assert_eq!(world.order(&opened).await.state, OrderState::Pending);
}

pub(crate) async fn an_exhausted_window_may_be_invalid(mut world: World) {
    world.policy.on_exhausted = OnExhausted::Invalid;
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    exhaust(&world, &opened, holder, START).await;
    let error = saw(Finding::ConnectRefused).problem();
    let stored = world.authorization(&opened).await;
    let challenge = stored.challenges.iter().find(|c| c.id == opened.http().id);
    let expected = ChallengeState::Invalid {
        error: error.clone(),
    };
    assert_eq!(challenge.unwrap().state, expected);
    assert_eq!(stored.state, AuthorizationState::Invalid);
    assert_eq!(
        world.order(&opened).await.state,
        OrderState::Invalid { error }
    );
}

pub(crate) async fn siblings_stop_when_one_is_valid(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let dns = opened.challenge(ChallengeKind::Dns01);
    let tls = opened.challenge(ChallengeKind::TlsAlpn01);
    world.arm(&opened, dns, holder, at(5)).await;
    let flying = world
        .request(&opened, tls, holder, START)
        .await
        .claim
        .unwrap();
    let winner = world.request(&opened, opened.http(), holder, START).await;
    world
        .record(&winner.claim.unwrap(), Finding::Proof, at(1))
        .await;
    for challenge in world.authorization(&opened).await.challenges {
        match (challenge.kind, challenge.state) {
            (ChallengeKind::Http01, ChallengeState::Valid { .. }) => {}
            (_, ChallengeState::Processing { retry, in_flight }) => {
                assert_eq!((retry.next_attempt, in_flight), (None, None));
            }
            other => panic!("{other:?}"),
        }
    }
    let verdict = world.try_record(&flying, Finding::TlsMismatch, at(2)).await;
    assert!(matches!(verdict, RecordVerdict::Superseded));
    let batch = world.claim(holder, at(1000)).await;
    assert_eq!((batch.claims, batch.next_due), (vec![], None));
    assert_eq!(
        world.authorization(&opened).await.state,
        AuthorizationState::Valid
    );
}

pub(crate) async fn a_claim_is_recorded_once(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let claim = view.claim.unwrap();
    let after = world.record(&claim, Finding::ConnectRefused, at(1)).await;
    let verdict = world.try_record(&claim, Finding::HttpMismatch, at(2)).await;
    assert!(matches!(verdict, RecordVerdict::Superseded));
    let (authorization, attempts) = world
        .store
        .find_attempts(&claim.challenge_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(attempts.len(), 1);
    assert!(authorization.challenges.contains(&after));
}

pub(crate) async fn a_lost_claim_is_due_again_and_not_counted(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.request(&opened, opened.http(), holder, START).await;
    let claim = world.claim(holder, at(30)).await.claims.remove(0);
    assert_eq!((claim.in_flight.number, claim.due_at), (2, START));
    let challenge = world.record(&claim, Finding::ConnectRefused, at(31)).await;
    let ChallengeState::Processing { retry, .. } = challenge.state else {
        panic!("not processing");
    };
    assert_eq!(retry.num_attempts, 1, "the lost attempt is not counted");
    let found = world.store.find_attempts(&challenge.id).await.unwrap();
    assert_eq!(found.unwrap().1.len(), 1);
}

pub(crate) async fn a_claim_that_was_lost_to_another_is_superseded(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let late = view.claim.unwrap();
    let newer = world.claim(holder, at(30)).await.claims.remove(0);
    let verdict = world.try_record(&late, Finding::HttpMismatch, at(31)).await;
    assert!(matches!(verdict, RecordVerdict::Superseded));
    world.store.postpone_attempt(&late, at(500)).await.unwrap();
    world.record(&newer, Finding::Proof, at(32)).await;
    assert_eq!(world.order(&opened).await.state, OrderState::Ready);
}

pub(crate) async fn a_claim_that_was_put_off_comes_back(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let claim = view.claim.unwrap();
    world.store.postpone_attempt(&claim, at(3)).await.unwrap();
    let verdict = world.try_record(&claim, Finding::Proof, at(1)).await;
    assert!(
        matches!(verdict, RecordVerdict::Superseded),
        "its mark is gone"
    );
    let batch = world.claim(holder, at(2)).await;
    assert_eq!((batch.claims, batch.next_due), (vec![], Some(at(3))));
    let again = world.claim(holder, at(3)).await.claims.remove(0);
    let challenge = world.record(&again, Finding::ConnectRefused, at(3)).await;
    let ChallengeState::Processing { retry, .. } = challenge.state else {
        panic!("not processing");
    };
    assert_eq!(retry.num_attempts, 1);
}

pub(crate) async fn a_record_after_deactivation_changes_nothing(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    let id = &opened.authorizations[0].id;
    let given_up = world
        .store
        .deactivate_authorization(id, &opened.account.id, at(1))
        .await;
    let verdict = world
        .try_record(&view.claim.unwrap(), Finding::Proof, at(2))
        .await;
    assert!(matches!(verdict, RecordVerdict::Superseded));
    assert_eq!(
        world.authorization(&opened).await,
        given_up.unwrap().unwrap()
    );
}

pub(crate) async fn expired_challenges_end(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let holder = (slot, epoch);
    let armed = world.open(&["a.example"], START).await;
    let waiting = world.open(&["b.example"], START).await;
    exhaust(&world, &waiting, holder, START).await;
    world.arm(&armed, armed.http(), holder, at(3000)).await;
    let end = START.plus(LIFE);
    let before = end.minus(Duration::from_millis(1));
    let expire = |limit, now| world.store.expire_challenges(slot, epoch, limit, now);
    assert_eq!(expire(10, before).await.unwrap(), 0);
    assert_eq!(expire(1, end).await.unwrap(), 1);
    assert_eq!(expire(10, end).await.unwrap(), 1);
    assert_eq!(expire(10, end).await.unwrap(), 0);
    for opened in [armed, waiting] {
        let stored = world.authorization(&opened).await;
        assert_eq!(stored.state, AuthorizationState::Invalid);
        let challenge = stored.challenges.iter().find(|c| c.id == opened.http().id);
        let ChallengeState::Invalid { error } = &challenge.unwrap().state else {
            panic!("{challenge:?}");
        };
        assert_eq!(error.kind, ProblemKind::Unauthorized);
        assert!(matches!(
            world.order(&opened).await.state,
            OrderState::Invalid { .. }
        ));
    }
    let batch = world.claim(holder, end).await;
    assert_eq!((batch.claims, batch.next_due), (vec![], None));
}

pub(crate) async fn a_proof_that_comes_too_late_is_not_valid(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let end = START.plus(LIFE);
    let start = end.minus(Duration::from_secs(1));
    let view = world.request(&opened, opened.http(), holder, start).await;
    let challenge = world
        .record(&view.claim.unwrap(), Finding::Proof, end)
        .await;
    assert!(matches!(challenge.state, ChallengeState::Invalid { .. }));
    assert_eq!(
        world.authorization(&opened).await.state,
        AuthorizationState::Invalid
    );
}

pub(crate) async fn attempts_are_told_oldest_first(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    exhaust(&world, &opened, holder, START).await;
    let id = &opened.http().id;
    let (authorization, attempts) = world.store.find_attempts(id).await.unwrap().unwrap();
    assert_eq!(authorization, world.authorization(&opened).await);
    for (n, attempt) in (0..).zip(&attempts) {
        let expected = Attempt {
            number: n + 1,
            slot: A,
            started_at: START.plus(INTERVAL * n),
            perspective: "local".to_owned(),
            observation: saw(Finding::ConnectRefused),
        };
        assert_eq!(*attempt, expected);
    }
    assert_eq!(attempts.len(), 11);
    let missing = ChallengeId::random(&mut rng());
    assert!(world.store.find_attempts(&missing).await.unwrap().is_none());
}
