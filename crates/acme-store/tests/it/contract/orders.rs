//! Orders and authorizations.

use acme_core::{
    AuthorizationState, ChallengeState, CreateOrderVerdict, Finding, MAX_SHOWN_ATTEMPTS, Order,
    OrderState,
};
use acme_types::{AccountStatus, AuthorizationId, ChallengeKind, Identifier, OrderId, ProblemKind};

use crate::world::{A, START, World, at, rng};

pub(crate) async fn an_order_comes_back_as_it_went(world: World) {
    let mut opened = world.draw(
        &world.account().await,
        &["*.example.com", "a.example.com", "b.example.com"],
        START,
    );
    opened.order.not_before = Some(at(10));
    opened.order.not_after = Some(at(1000));
    opened.authorizations[1].identifier = Identifier::Ip("fd00::1".parse().unwrap());
    let (order, authorizations) = (opened.order.clone(), opened.authorizations.clone());
    world
        .store
        .create_order(order, authorizations)
        .await
        .unwrap();
    assert_eq!(world.order(&opened).await, opened.order);
    for authorization in opened.authorizations {
        let found = world
            .store
            .find_authorization(&authorization.id)
            .await
            .unwrap();
        let (found, attempts) = found.unwrap();
        assert_eq!(found, authorization);
        assert_eq!(attempts, vec![vec![]; authorization.challenges.len()]);
    }
}

pub(crate) async fn an_ended_account_opens_no_order(world: World) {
    let opened = world.draw(&world.account().await, &["a.example"], START);
    let ended = world
        .store
        .deactivate_account(&opened.account.id, START, &crate::world::ORIGIN);
    ended.await.unwrap();
    let (order, authorizations) = (opened.order.clone(), opened.authorizations.clone());
    let verdict = world.store.create_order(order, authorizations).await;
    let verdict = verdict.unwrap();
    assert!(
        matches!(
            verdict,
            CreateOrderVerdict::AccountEnded(AccountStatus::Deactivated)
        ),
        "{verdict:?}"
    );
    let order = world.store.find_order(&opened.order.id).await.unwrap();
    assert!(order.is_none());
    let id = &opened.authorizations[0].id;
    let authorization = world.store.find_authorization(id).await.unwrap();
    assert!(authorization.is_none());
}

pub(crate) async fn an_order_that_is_not_there(world: World) {
    let id = OrderId::random(&mut rng());
    assert!(world.store.find_order(&id).await.unwrap().is_none());
    let id = AuthorizationId::random(&mut rng());
    assert!(world.store.find_authorization(&id).await.unwrap().is_none());
}

pub(crate) async fn an_order_is_being_tried_while_a_challenge_is(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example", "b.example"], START).await;
    let being_tried = || async {
        let view = world.store.find_order(&opened.order.id).await.unwrap();
        view.unwrap().being_tried
    };
    assert!(!being_tried().await);
    let view = world.request(&opened, opened.http(), holder, START).await;
    assert!(being_tried().await);
    // A second one of the same authorization is tried too, and stays so when the first has won:
    // its authorization is not pending any more.
    let dns = opened.challenge(ChallengeKind::Dns01);
    world.arm(&opened, dns, holder, START).await;
    world
        .record(&view.claim.unwrap(), Finding::Proof, at(1))
        .await;
    assert!(!being_tried().await);
}

pub(crate) async fn an_order_is_ready_when_all_its_authorizations_are_valid(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world
        .open(&["a.example", "b.example", "c.example"], START)
        .await;
    for (n, authorization) in opened.authorizations.iter().enumerate() {
        assert_eq!(world.order(&opened).await.state, OrderState::Pending, "{n}");
        let challenge = &authorization.challenges[0];
        let view = world.request(&opened, challenge, holder, START).await;
        world
            .record(&view.claim.unwrap(), Finding::Proof, START)
            .await;
    }
    assert_eq!(world.order(&opened).await.state, OrderState::Ready);
}

pub(crate) async fn an_authorization_shows_the_newest_attempts_of_each_challenge(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let (http, dns) = (opened.http(), opened.challenge(ChallengeKind::Dns01));
    let mut now = START;
    for _ in 0..15 {
        let view = world.request(&opened, http, holder, now).await;
        world
            .record(&view.claim.unwrap(), Finding::HttpStatus, now)
            .await;
        now = now.plus(world.policy.min_gap());
    }
    let view = world.request(&opened, dns, holder, now).await;
    world
        .record(&view.claim.unwrap(), Finding::DnsNoTxt, now)
        .await;

    let id = &opened.authorizations[0].id;
    let (authorization, attempts) = world.store.find_authorization(id).await.unwrap().unwrap();
    for (challenge, attempts) in authorization.challenges.iter().zip(&attempts) {
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        let expected: Vec<u32> = match challenge.kind {
            ChallengeKind::Http01 => (5..=15).rev().collect(),
            ChallengeKind::Dns01 => vec![1],
            ChallengeKind::TlsAlpn01
            | ChallengeKind::DnsAccount01
            | ChallengeKind::DnsPersist01
            | ChallengeKind::DeviceAttest01 => vec![],
        };
        assert_eq!(numbers, expected, "{}", challenge.kind);
        assert!(numbers.len() <= MAX_SHOWN_ATTEMPTS + 1);
    }
}

pub(crate) async fn an_authorization_serves_several_orders(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let second = Order {
        id: OrderId::random(&mut rng()),
        ..opened.order.clone()
    };
    world
        .store
        .create_order(second.clone(), vec![])
        .await
        .unwrap();
    world.prove(&opened, holder, START).await;
    for id in [&opened.order.id, &second.id] {
        let view = world.store.find_order(id).await.unwrap().unwrap();
        assert_eq!(view.order.state, OrderState::Ready);
    }
}

pub(crate) async fn a_given_up_authorization_takes_its_orders_with_it(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example", "b.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    assert!(view.claim.is_some());
    let id = &opened.authorizations[0].id;
    let account = &opened.account.id;
    let given_up = world
        .store
        .deactivate_authorization(id, account, at(1))
        .await;
    let given_up = given_up.unwrap().unwrap();
    assert_eq!(given_up.state, AuthorizationState::Deactivated);
    assert_eq!(world.authorization(&opened).await, given_up);
    for challenge in &given_up.challenges {
        let ChallengeState::Invalid { error } = &challenge.state else {
            panic!("{challenge:?}");
        };
        assert_eq!(error.kind, ProblemKind::Unauthorized);
    }
    let OrderState::Invalid { error } = world.order(&opened).await.state else {
        panic!("the order goes on");
    };
    assert_eq!(
        error.detail,
        "an authorization of this order is deactivated"
    );
    let batch = world.claim(holder, at(1000)).await;
    assert_eq!((batch.claims, batch.next_due), (vec![], None));
}

pub(crate) async fn a_valid_authorization_can_be_given_up(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, holder, START).await;
    assert_eq!(world.order(&opened).await.state, OrderState::Ready);
    let id = &opened.authorizations[0].id;
    let account = &opened.account.id;
    let given_up = world
        .store
        .deactivate_authorization(id, account, at(1))
        .await;
    let given_up = given_up.unwrap().unwrap();
    assert_eq!(given_up.state, AuthorizationState::Deactivated);
    let valid = |c: &acme_core::Challenge| matches!(c.state, ChallengeState::Valid { .. });
    assert!(
        given_up.challenges.iter().any(valid),
        "a proof that was seen was seen"
    );
    assert!(matches!(
        world.order(&opened).await.state,
        OrderState::Invalid { .. }
    ));
}

pub(crate) async fn a_settled_authorization_is_returned_as_it_is(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let view = world.request(&opened, opened.http(), holder, START).await;
    world
        .record(&view.claim.unwrap(), Finding::HttpMismatch, at(1))
        .await;
    let before = world.authorization(&opened).await;
    assert_eq!(before.state, AuthorizationState::Invalid);
    let given_up = world
        .store
        .deactivate_authorization(&before.id, &opened.account.id, at(2))
        .await;
    assert_eq!(given_up.unwrap(), Some(before));
    let expired = world.open(&["b.example"], START).await;
    let given_up = world
        .store
        .deactivate_authorization(&expired.authorizations[0].id, &expired.account.id, at(4000))
        .await;
    assert_eq!(given_up.unwrap(), Some(expired.authorizations[0].clone()));
}

pub(crate) async fn another_accounts_authorization_is_not_found(world: World) {
    let opened = world.open(&["a.example"], START).await;
    let other = world.account().await;
    let id = &opened.authorizations[0].id;
    let given_up = world
        .store
        .deactivate_authorization(id, &other.id, at(1))
        .await;
    assert_eq!(given_up.unwrap(), None);
    assert_eq!(world.authorization(&opened).await, opened.authorizations[0]);
}
