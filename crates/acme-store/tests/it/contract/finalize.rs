//! Finalization: one order, one certificate.

use acme_core::{FinalizeVerdict, NewCertificate, OrderState, StoreError};
use acme_types::{CertificateId, OrderId, Problem, ProblemKind};

use crate::world::{A, B, LIFE, START, World, at, der, rng};

pub(crate) async fn a_ready_order_is_finalized(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, (slot, epoch), START).await;
    let id = world.begin_finalize(&opened, (slot, epoch), at(1)).await;
    let certificate_id = id.clone();
    let processing = OrderState::Processing { certificate_id };
    assert_eq!(world.order(&opened).await.state, processing);
    let verdict = world
        .store
        .complete_finalize(&id, &der(), slot, epoch, &crate::world::ORIGIN)
        .await;
    let FinalizeVerdict::Done(order) = verdict.unwrap() else {
        panic!("not done");
    };
    let certificate_id = id.clone();
    assert_eq!(order.state, OrderState::Valid { certificate_id });
    assert_eq!(world.order(&opened).await, order);
}

pub(crate) async fn an_order_that_is_not_ready_is_not_finalized(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let pending = world.open(&["a.example"], START).await;
    let processing = world.open(&["a.example"], START).await;
    world.prove(&processing, holder, START).await;
    world.begin_finalize(&processing, holder, START).await;
    let valid = world.open(&["a.example"], START).await;
    world.issue(&valid, holder, START).await;
    for opened in [pending, processing, valid] {
        let before = world.order(&opened).await;
        let certificate = world.new_certificate(START).await;
        let serial = certificate.serial;
        let verdict = world
            .try_finalize(&opened, certificate, holder, at(1))
            .await;
        assert!(matches!(verdict, FinalizeVerdict::NotReady(order) if order == before));
        assert_eq!(world.order(&opened).await, before);
        let stored = world.store.find_certificate_by_serial(&serial).await;
        assert_eq!(stored.unwrap(), None);
    }
}

pub(crate) async fn an_expired_order_is_not_finalized(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, holder, START).await;
    let certificate = world.new_certificate(START).await;
    let end = START.plus(LIFE);
    let verdict = world.try_finalize(&opened, certificate, holder, end).await;
    assert!(matches!(verdict, FinalizeVerdict::NotReady(_)));
}

pub(crate) async fn completing_again_changes_nothing(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let id = world.issue(&opened, (slot, epoch), START).await;
    let verdict = world
        .store
        .complete_finalize(&id, b"another", slot, epoch, &crate::world::ORIGIN)
        .await;
    assert!(matches!(verdict.unwrap(), FinalizeVerdict::Done(_)));
    let problem = Problem::new(ProblemKind::ServerInternal, "too late");
    let verdict = world
        .store
        .fail_finalize(&id, &problem, slot, epoch, &crate::world::ORIGIN)
        .await;
    assert!(matches!(verdict.unwrap(), FinalizeVerdict::NotReady(_)));
    let (certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    assert_eq!(certificate.der, Some(der()), "the first certificate stays");
    assert!(matches!(
        world.order(&opened).await.state,
        OrderState::Valid { .. }
    ));
}

pub(crate) async fn a_refusal_ends_the_order(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, (slot, epoch), START).await;
    let id = world.begin_finalize(&opened, (slot, epoch), START).await;
    let error = Problem::new(ProblemKind::ServerInternal, "the authority refuses");
    for _ in 0..2 {
        let verdict = world
            .store
            .fail_finalize(&id, &error, slot, epoch, &crate::world::ORIGIN)
            .await;
        let FinalizeVerdict::Done(order) = verdict.unwrap() else {
            panic!("not done");
        };
        assert_eq!(
            order.state,
            OrderState::Invalid {
                error: error.clone()
            }
        );
        assert_eq!(world.order(&opened).await, order);
    }
    let verdict = world
        .store
        .complete_finalize(&id, &der(), slot, epoch, &crate::world::ORIGIN)
        .await;
    assert!(matches!(verdict.unwrap(), FinalizeVerdict::NotReady(_)));
    // What was to be signed is still known, and nobody is to sign it.
    let (certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    assert_eq!(certificate.der, None);
    let unsigned = world.store.find_unsigned(slot, at(100), 10).await;
    assert_eq!(unsigned.unwrap(), []);
}

pub(crate) async fn a_serial_number_is_never_used_twice(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let first = world.open(&["a.example"], START).await;
    let second = world.open(&["a.example"], START).await;
    world.prove(&second, holder, START).await;
    let id = world.issue(&first, holder, START).await;
    let (used, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    let request = acme_core::BeginFinalize {
        order_id: &second.order.id,
        certificate: NewCertificate {
            serial: used.serial,
            ..world.new_certificate(START).await
        },
        slot: holder.0,
        epoch: holder.1,
        now: START,
    };
    let refused = world.store.begin_finalize(request).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt(_))),
        "{refused:?}"
    );
    assert_eq!(world.order(&second).await.state, OrderState::Ready);
    world.begin_finalize(&second, holder, START).await;
}

pub(crate) async fn unsigned_certificates_are_found_by_their_slot(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let mut ids = Vec::new();
    for (holder, secs) in [(one, 3), (two, 1), (one, 1), (one, 2)] {
        let opened = world.open(&["a.example"], START).await;
        world.prove(&opened, holder, START).await;
        ids.push(world.begin_finalize(&opened, holder, at(secs)).await);
    }
    let find = |slot, secs, limit| {
        let store = world.store.clone();
        async move {
            let found = store.find_unsigned(slot, at(secs), limit).await.unwrap();
            found.into_iter().map(|c| c.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(find(A, 3, 10).await, [ids[2].clone(), ids[3].clone()]);
    assert_eq!(find(A, 4, 2).await, [ids[2].clone(), ids[3].clone()]);
    assert_eq!(find(B, 2, 10).await, [ids[1].clone()]);
    assert_eq!(find(B, 1, 10).await, []);
}

pub(crate) async fn an_order_that_is_not_there(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let mut opened = world.open(&["a.example"], START).await;
    opened.order.id = OrderId::random(&mut rng());
    let certificate = world.new_certificate(START).await;
    let verdict = world
        .try_finalize(&opened, certificate, (slot, epoch), START)
        .await;
    assert!(matches!(verdict, FinalizeVerdict::NotFound));
    let missing = CertificateId::random(&mut rng());
    let verdict = world
        .store
        .complete_finalize(&missing, &der(), slot, epoch, &crate::world::ORIGIN)
        .await;
    assert!(matches!(verdict.unwrap(), FinalizeVerdict::NotFound));
}
