//! What a client does to a challenge.

use std::time::Duration;

use acme_core::{AuthorizationState, ChallengeState, Finding, Retry};
use acme_types::{ChallengeId, Timestamp};

use crate::world::{A, B, INTERVAL, PATIENCE, START, World, at, rng};

fn retry(view: &acme_core::ValidationView, id: &ChallengeId) -> Retry {
    let challenge = view.authorization.challenges.iter().find(|c| c.id == *id);
    match &challenge.unwrap().state {
        ChallengeState::Processing { retry, .. } => retry.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_request_starts_at_once_and_claims(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["*.a.example"], START).await;
    let challenge = &opened.authorizations[0].challenges[0];
    let view = world.request(&opened, challenge, holder, at(3)).await;
    let claim = view.claim.clone().unwrap();
    assert_eq!(claim.challenge_id, challenge.id);
    assert_eq!((claim.in_flight.slot, claim.in_flight.epoch), holder);
    assert_eq!(claim.in_flight.started_at, at(3));
    assert_eq!(claim.in_flight.until, at(3).plus(PATIENCE));
    assert_eq!(claim.due_at, at(3));
    assert_eq!(
        (claim.kind, &claim.token),
        (challenge.kind, &challenge.token)
    );
    assert_eq!(claim.identifier, opened.authorizations[0].identifier);
    assert_eq!(claim.thumbprint, opened.account.thumbprint);
    assert_eq!(claim.provisioner, opened.order.provisioner);
    let retry = retry(&view, &challenge.id);
    assert_eq!((retry.owner, retry.window_start), (A, at(3)));
    assert_eq!((retry.num_attempts, retry.max_attempts), (0, 11));
    assert_eq!(view.authorization, world.authorization(&opened).await);
    assert_eq!(view.authorization.state, AuthorizationState::Pending);
}

pub(crate) async fn a_request_that_does_not_claim_leaves_it_due(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.arm(&opened, opened.http(), holder, at(3)).await;
    assert!(view.claim.is_none());
    assert_eq!(retry(&view, &opened.http().id).next_attempt, Some(at(3)));
    let batch = world.claim(holder, at(3)).await;
    assert_eq!(batch.claims.len(), 1);
}

pub(crate) async fn another_accounts_challenge_is_not_found(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let mut opened = world.open(&["a.example"], START).await;
    let challenge = opened.http().clone();
    opened.account = world.account().await;
    let request = || world.asking(&opened, &challenge, holder, START);
    assert!(
        world
            .store
            .begin_validation(request())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        world
            .store
            .poll_validation(request())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(world.authorization(&opened).await, opened.authorizations[0]);
    let missing = acme_core::Challenge {
        id: ChallengeId::random(&mut rng()),
        ..challenge.clone()
    };
    let request = || world.asking(&opened, &missing, holder, START);
    assert!(
        world
            .store
            .begin_validation(request())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        world
            .store
            .poll_validation(request())
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn a_settled_challenge_is_returned_as_it_is(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, holder, START).await;
    let before = world.authorization(&opened).await;
    let view = world.request(&opened, opened.http(), holder, at(20)).await;
    assert_eq!(view.authorization, before);
    assert!(view.claim.is_none());
    let other = &opened.authorizations[0].challenges[1];
    let view = world.request(&opened, other, holder, at(20)).await;
    assert_eq!(
        view.authorization, before,
        "a sibling of a valid one starts nothing"
    );
    assert!(view.claim.is_none());
}

pub(crate) async fn a_request_on_an_expired_authorization_changes_nothing(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let end = opened.authorizations[0].expires_at;
    for view in [
        world.request(&opened, opened.http(), holder, end).await,
        world.poll(&opened, opened.http(), holder, end).await,
    ] {
        assert_eq!(view.authorization, opened.authorizations[0]);
        assert!(view.claim.is_none());
    }
}

pub(crate) async fn a_request_while_an_attempt_is_made_does_not_claim(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let first = world.request(&opened, opened.http(), holder, START).await;
    let again = world.request(&opened, opened.http(), holder, at(1)).await;
    assert!(again.claim.is_none());
    // The one in flight is still the one that records.
    world
        .record(&first.claim.unwrap(), Finding::Proof, at(2))
        .await;
}

pub(crate) async fn a_request_starts_a_new_window(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    world
        .record(&view.claim.unwrap(), Finding::ConnectRefused, START)
        .await;
    let view = world.request(&opened, opened.http(), holder, at(1)).await;
    assert!(view.claim.is_none(), "min_gap has not passed");
    let retry_now = retry(&view, &opened.http().id);
    assert_eq!(retry_now.next_attempt, Some(at(5)));
    assert_eq!(retry_now.num_attempts, 0);
    let view = world.request(&opened, opened.http(), holder, at(6)).await;
    assert!(view.claim.is_some());
}

pub(crate) async fn a_poll_only_reads_while_the_window_lasts(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let other = (B, world.lease(B, "two", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.poll(&opened, opened.http(), holder, START).await;
    assert_eq!(
        view.authorization, opened.authorizations[0],
        "pending stays pending"
    );
    let view = world.request(&opened, opened.http(), holder, START).await;
    world
        .record(&view.claim.unwrap(), Finding::ConnectRefused, at(1))
        .await;
    let before = world.authorization(&opened).await;
    for secs in [1, 2, 11, 12, 13, 100] {
        let view = world.poll(&opened, opened.http(), other, at(secs)).await;
        assert_eq!(view.authorization, before, "{secs}");
        assert!(view.claim.is_none());
        assert_eq!(view.attempts.len(), 1);
    }
}

/// Lets all attempts of a window fail; the time after the last.
pub(crate) async fn exhaust(
    world: &World,
    opened: &crate::world::Opened,
    holder: (acme_types::Slot, acme_core::Epoch),
    start: Timestamp,
) -> Timestamp {
    let challenge = opened.http();
    let view = world.request(opened, challenge, holder, start).await;
    let mut claim = view.claim.unwrap();
    let mut now = start;
    loop {
        let challenge = world.record(&claim, Finding::ConnectRefused, now).await;
        let ChallengeState::Processing { retry, .. } = challenge.state else {
            return now;
        };
        let Some(next) = retry.next_attempt else {
            return now;
        };
        now = next;
        claim = world.claim(holder, now).await.claims.remove(0);
    }
}

pub(crate) async fn a_poll_arms_a_window_that_has_ended(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let other = (B, world.lease(B, "two", START).await);
    let opened = world.open(&["a.example"], START).await;
    let end = exhaust(&world, &opened, holder, START).await;
    assert_eq!(end, at(120));
    let second = Duration::from_secs(1);
    let view = world
        .poll(&opened, opened.http(), other, end.plus(second))
        .await;
    assert!(view.claim.is_none());
    let armed = retry(&view, &opened.http().id);
    assert_eq!(armed.owner, B);
    assert_eq!(armed.next_attempt, Some(end.plus(INTERVAL)));
    assert_eq!(
        (armed.num_attempts, armed.window_start),
        (0, end.plus(INTERVAL))
    );
    assert_eq!(view.authorization, world.authorization(&opened).await);
    let batch = world.claim(other, end.plus(INTERVAL)).await;
    assert_eq!(batch.claims.len(), 1);
}

pub(crate) async fn the_view_shows_the_newest_attempts_first(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let end = exhaust(&world, &opened, holder, START).await;
    let view = world.poll(&opened, opened.http(), holder, end).await;
    let numbers: Vec<u32> = view.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..=11).rev().collect::<Vec<_>>());
    assert_eq!(view.attempts[0].started_at, end);
    let view = world.request(&opened, opened.http(), holder, at(200)).await;
    assert_eq!(view.attempts.len(), 11);
}
