//! Leases: one holder at a time, fenced by epochs.

use acme_core::{Epoch, Finding, Lease, LeaseVerdict, StoreError};
use acme_types::{CertificateId, Problem, ProblemKind};

use crate::world::{A, B, LEASE, PATIENCE, START, World, at, der, rng, saw};

pub(crate) async fn epochs_grow_with_each_take(world: World) {
    for expected in 1..=3 {
        assert_eq!(world.lease(A, "me", START).await, Epoch(expected));
    }
    assert_eq!(world.lease(B, "me", START).await, Epoch(1));
}

pub(crate) async fn a_live_lease_is_held_and_a_dead_one_is_free(world: World) {
    let take = |holder, now| world.store.take_lease(A, holder, LEASE, now);
    let LeaseVerdict::Taken(first) = take("one", START).await.unwrap() else {
        panic!("not taken");
    };
    match take("two", at(14)).await.unwrap() {
        LeaseVerdict::Held(lease) => assert_eq!(lease, first),
        LeaseVerdict::Taken(lease) => panic!("taken: {lease:?}"),
    }
    // Its own holder takes it at any time.
    let verdict = take("one", at(14)).await.unwrap();
    assert!(matches!(verdict, LeaseVerdict::Taken(lease) if lease.epoch == Epoch(2)));
}

pub(crate) async fn renewal_is_fenced_by_the_epoch(world: World) {
    let epoch = world.lease(A, "one", START).await;
    let renewed = world
        .store
        .renew_lease(A, epoch, LEASE, at(5))
        .await
        .unwrap();
    assert_eq!((renewed.slot, renewed.epoch), (A, epoch));
    assert_eq!(renewed.holder, "one");
    world.lease(A, "one", at(6)).await;
    let refused = world.store.renew_lease(A, epoch, LEASE, at(7)).await;
    assert_fenced(refused);
    assert_fenced(world.store.renew_lease(B, Epoch(1), LEASE, at(7)).await);
}

pub(crate) async fn a_lease_that_was_handed_back_is_free_at_once(world: World) {
    let epoch = world.lease(A, "one", START).await;
    world.store.release_lease(A, epoch, START).await.unwrap();
    let lease = world.store.leases().await.unwrap().remove(0);
    assert_eq!((lease.holder.as_str(), lease.epoch), ("", epoch));
    assert_fenced(world.store.renew_lease(A, epoch, LEASE, START).await);
    assert_fenced(world.store.release_lease(A, epoch, START).await);
    assert_eq!(world.lease(A, "two", at(1)).await, Epoch(2));
}

pub(crate) async fn every_worker_act_is_fenced(world: World) {
    let old = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), old, START).await;
    let claim = view.claim.unwrap();
    let ready = world.open(&["b.example"], START).await;
    world.prove(&ready, old, START).await;
    let signing = world.open(&["c.example"], START).await;
    world.prove(&signing, old, START).await;
    let certificate = world.begin_finalize(&signing, old, START).await;
    let new = world.lease(A, "one", at(1)).await;
    assert_ne!(old.1, new);

    let store = &world.store;
    let (slot, epoch) = old;
    let now = at(2);
    let request = world.asking(&opened, opened.http(), old, now);
    assert_fenced(store.begin_validation(request).await);
    assert_fenced(store.claim_due(slot, epoch, 10, PATIENCE, now).await);
    let observation = saw(Finding::Proof);
    let recorded = store.record_attempt(&claim, &observation, &world.policy, now);
    assert_fenced(recorded.await);
    assert_fenced(store.postpone_attempt(&claim, at(20)).await);
    assert_fenced(store.expire_challenges(slot, epoch, 10, now).await);
    assert_fenced(store.adopt(slot, epoch, 10, now).await);
    assert_fenced(store.release_lease(slot, epoch, now).await);
    let finalize = acme_core::BeginFinalize {
        order_id: &ready.order.id,
        certificate: world.new_certificate(now).await,
        slot,
        epoch,
        now,
    };
    assert_fenced(store.begin_finalize(finalize).await);
    let der = der();
    let completed = store.complete_finalize(&certificate, &der, slot, epoch, &crate::world::ORIGIN);
    assert_fenced(completed.await);
    let problem = Problem::new(ProblemKind::ServerInternal, "no");
    let failed = store.fail_finalize(&certificate, &problem, slot, epoch, &crate::world::ORIGIN);
    assert_fenced(failed.await);

    // A slot that nobody ever held is fenced too, and nothing was written by anybody.
    assert_fenced(store.claim_due(B, Epoch(1), 10, PATIENCE, now).await);
    assert_eq!(
        world.order(&ready).await.state,
        acme_core::OrderState::Ready
    );
    let unsigned = store.find_unsigned(A, at(10), 10).await.unwrap();
    assert_eq!(unsigned.len(), 1);
    assert_ne!(unsigned[0].id, CertificateId::random(&mut rng()));
    let (_, attempts) = store
        .find_attempts(&claim.challenge_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(attempts, []);
}

pub(crate) async fn leases_are_listed_by_slot(world: World) {
    assert_eq!(world.store.leases().await.unwrap(), []);
    world.lease(B, "two", START).await;
    world.lease(A, "one", START).await;
    let leases = world.store.leases().await.unwrap();
    let told = |lease: &Lease| (lease.slot, lease.holder.clone());
    let told: Vec<_> = leases.iter().map(told).collect();
    assert_eq!(told, [(A, "one".to_owned()), (B, "two".to_owned())]);
}

fn assert_fenced<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(
        matches!(outcome, Err(StoreError::Fenced { .. })),
        "{outcome:?}"
    );
}
