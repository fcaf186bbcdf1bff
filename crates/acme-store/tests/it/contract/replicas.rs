//! Several replicas over one store.

use acme_core::{ChallengeState, Finding, RecordVerdict};
use acme_types::Slot;

use super::validation::exhaust;
use crate::world::{A, B, LIFE, Opened, PATIENCE, START, World, at};

async fn owner(world: &World, opened: &Opened) -> Slot {
    let stored = world.authorization(opened).await;
    let challenge = stored
        .challenges
        .into_iter()
        .find(|c| c.id == opened.http().id);
    match challenge.unwrap().state {
        ChallengeState::Processing { retry, .. } => retry.owner,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn ownership_follows_the_last_request(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let opened = world.open(&["a.example"], START).await;
    let flying = world
        .request(&opened, opened.http(), one, START)
        .await
        .claim
        .unwrap();
    let view = world.request(&opened, opened.http(), two, at(6)).await;
    assert!(view.claim.is_none(), "another replica is making an attempt");
    assert_eq!(owner(&world, &opened).await, B);
    assert_eq!(world.claim(two, at(7)).await.claims, vec![]);
    assert_eq!(world.claim(one, at(7)).await.claims, vec![]);
    // The attempt of the slot that no longer owns it is recorded all the same.
    let challenge = world.record(&flying, Finding::ConnectRefused, at(8)).await;
    let ChallengeState::Processing { retry, .. } = challenge.state else {
        panic!("not processing");
    };
    assert_eq!(retry.owner, B);
    let next = retry.next_attempt.unwrap();
    assert_eq!(world.claim(one, next).await.claims, vec![]);
    assert_eq!(world.claim(two, next).await.claims.len(), 1);
}

pub(crate) async fn a_new_epoch_frees_what_the_old_one_was_making(world: World) {
    let old = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let own = world.open(&["a.example"], START).await;
    let lost = world
        .request(&own, own.http(), old, START)
        .await
        .claim
        .unwrap();
    let moved = world.open(&["b.example"], START).await;
    world
        .request(&moved, moved.http(), old, START)
        .await
        .claim
        .unwrap();
    world.request(&moved, moved.http(), two, START).await;
    assert_eq!(world.claim(two, at(1)).await.claims, vec![]);

    let new = (A, world.lease(A, "one", at(1)).await);
    let again = world.claim(new, at(1)).await.claims.remove(0);
    assert_eq!(again.challenge_id, own.http().id);
    assert!(again.in_flight.number > lost.in_flight.number);
    // A request of the other replica takes over what the old epoch was making there.
    let view = world.request(&moved, moved.http(), two, at(6)).await;
    assert!(view.claim.is_some());
    world.record(&again, Finding::Proof, at(2)).await;
}

pub(crate) async fn the_living_adopt_what_the_dead_own(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let waiting = world.open(&["b.example"], START).await;
    exhaust(&world, &waiting, one, START).await;
    let armed = world.open(&["a.example"], START).await;
    world.arm(&armed, armed.http(), one, at(125)).await;
    world
        .store
        .release_lease(one.0, one.1, at(130))
        .await
        .unwrap();
    let adopt = |now| world.store.adopt(two.0, two.1, 10, now);
    assert_eq!(
        adopt(at(131)).await.unwrap(),
        1,
        "what waits for its client stays"
    );
    assert_eq!(owner(&world, &armed).await, B);
    assert_eq!(world.claim(two, at(131)).await.claims.len(), 1);
    // What has expired must be ended by somebody.
    assert_eq!(owner(&world, &waiting).await, A);
    let end = START.plus(LIFE);
    assert_eq!(adopt(end).await.unwrap(), 1);
    let expire = world.store.expire_challenges(two.0, two.1, 10, end);
    assert_eq!(expire.await.unwrap(), 2);
}

pub(crate) async fn adoption_waits_for_the_attempt_in_flight(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let opened = world.open(&["a.example"], START).await;
    let flying = world
        .request(&opened, opened.http(), one, START)
        .await
        .claim
        .unwrap();
    world
        .store
        .release_lease(one.0, one.1, at(1))
        .await
        .unwrap();
    assert_eq!(world.store.adopt(two.0, two.1, 10, at(2)).await.unwrap(), 1);
    // It may still be being made; nobody else makes one beside it.
    assert_eq!(world.claim(two, at(2)).await.claims, vec![]);
    assert_eq!(
        world.claim(two, at(2)).await.next_due,
        Some(START.plus(PATIENCE))
    );
    let again = world
        .claim(two, START.plus(PATIENCE))
        .await
        .claims
        .remove(0);
    let verdict = world.try_record(&flying, Finding::Proof, at(31)).await;
    assert!(matches!(verdict, RecordVerdict::Superseded));
    world.record(&again, Finding::ConnectRefused, at(32)).await;
}

pub(crate) async fn adoption_goes_in_batches_and_takes_orders(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    for _ in 0..3 {
        let opened = world.open(&["a.example"], START).await;
        world.arm(&opened, opened.http(), one, START).await;
        let signing = world.open(&["b.example"], START).await;
        world.prove(&signing, one, START).await;
        world.begin_finalize(&signing, one, START).await;
    }
    world
        .store
        .release_lease(one.0, one.1, at(1))
        .await
        .unwrap();
    let mut adopted = Vec::new();
    for _ in 0..4 {
        let batch = world.store.adopt(two.0, two.1, 2, at(2)).await.unwrap();
        adopted.push(batch);
    }
    assert_eq!(adopted, [2, 2, 2, 0]);
    assert_eq!(world.claim(two, at(2)).await.claims.len(), 3);
    let unsigned = world.store.find_unsigned(B, at(2), 10).await.unwrap();
    assert_eq!(unsigned.len(), 3);
    assert_eq!(world.store.find_unsigned(A, at(2), 10).await.unwrap(), []);
}

pub(crate) async fn nobody_adopts_from_the_living(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.arm(&opened, opened.http(), one, START).await;
    assert_eq!(world.store.adopt(two.0, two.1, 10, at(1)).await.unwrap(), 0);
    assert_eq!(owner(&world, &opened).await, A);
}
