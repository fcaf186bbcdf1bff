//! Authorizations that serve several orders, and orders of which there are too many.

use std::time::Duration;

use acme_core::{
    AuthorizationState, CreateAuthorizationVerdict, CreateOrderVerdict, MAX_PENDING_AUTHORIZATIONS,
    MAX_UNFINISHED_ORDERS, OrderState,
};
use acme_types::AccountStatus;

use crate::world::{A, Opened, START, World, at, dns};

const DAY: Duration = Duration::from_secs(86_400);

/// An order that rests on the authorizations of another one, not stored yet.
fn resting_on(world: &World, opened: &Opened, state: OrderState) -> Opened {
    let mut order = world.draw(&opened.account, &["a.example"], at(9));
    order.order.authorizations = opened.order.authorizations.clone();
    order.order.state = state;
    order.authorizations.clear();
    order
}

async fn create(world: &World, opened: &Opened) -> CreateOrderVerdict {
    let (order, new) = (opened.order.clone(), opened.authorizations.clone());
    world.store.create_order(order, new).await.unwrap()
}

pub(crate) async fn a_valid_authorization_is_found_and_lives_on(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let account = world.account().await;
    let mut opened = world.draw(&account, &["a.example", "*.a.example"], START);
    for authorization in &mut opened.authorizations {
        authorization.valid_for = Some(10 * DAY);
        authorization.subdomains = true;
    }
    create(&world, &opened).await;
    let find = async |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| dns(name)).collect();
        let found = world.store.find_valid_authorizations(&account.id, &names);
        found.await.unwrap()
    };
    assert_eq!(find(&["a.example"]).await, []);
    world.prove(&opened, holder, at(60)).await;
    let found = find(&["b.example", "a.example"]).await;
    assert_eq!(found.len(), 2, "the name and its wildcard");
    for found in found {
        assert_eq!(found.state, AuthorizationState::Valid);
        assert_eq!(found.expires_at, at(60).plus(10 * DAY));
        let (stored, _) = world
            .store
            .find_authorization(&found.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found, stored);
    }
    assert_eq!(find(&["example", "b.example"]).await, []);
    assert_eq!(find(&[]).await, []);
    let other = world.account().await;
    let names = [dns("a.example")];
    let theirs = world.store.find_valid_authorizations(&other.id, &names);
    assert_eq!(theirs.await.unwrap(), []);
}

pub(crate) async fn an_order_rests_on_what_its_account_has(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let ended =
        |verdict: &CreateOrderVerdict| matches!(verdict, CreateOrderVerdict::AuthorizationEnded);
    let early = resting_on(&world, &opened, OrderState::Ready);
    assert!(ended(&create(&world, &early).await), "it is pending");
    world.prove(&opened, holder, START).await;
    let ready = resting_on(&world, &opened, OrderState::Ready);
    assert!(!ended(&create(&world, &ready).await));
    assert_eq!(world.order(&ready).await, ready.order);
    // Another account's is nobody else's.
    let mut theirs = resting_on(&world, &opened, OrderState::Ready);
    theirs.order.account_id = world.account().await.id;
    assert!(ended(&create(&world, &theirs).await));

    let id = &opened.authorizations[0].id;
    let given_up = world
        .store
        .deactivate_authorization(id, &opened.account.id, at(10));
    given_up.await.unwrap();
    let state = world.order(&ready).await.state;
    assert!(matches!(state, OrderState::Invalid { .. }), "{state:?}");
    let late = resting_on(&world, &opened, OrderState::Ready);
    assert!(ended(&create(&world, &late).await));
    let none = world.store.find_order(&late.order.id).await.unwrap();
    assert!(none.is_none(), "what is refused is not stored");
}

pub(crate) async fn an_authorization_comes_before_its_order(world: World) {
    let account = world.account().await;
    let drawn = world.draw(&account, &["a.example"], START);
    let authorization = drawn.authorizations[0].clone();
    let created = world
        .store
        .create_authorization(authorization.clone(), START);
    assert_eq!(created.await.unwrap(), CreateAuthorizationVerdict::Created);
    assert_eq!(world.authorization(&drawn).await, authorization);
    let ended = world
        .store
        .deactivate_account(&account.id, at(1), &crate::world::ORIGIN);
    ended.await.unwrap();
    let state = world.authorization(&drawn).await.state;
    assert_eq!(state, AuthorizationState::Deactivated);
    let late = world.draw(&account, &["b.example"], START);
    let created = world
        .store
        .create_authorization(late.authorizations[0].clone(), START);
    let refused = CreateAuthorizationVerdict::AccountEnded(AccountStatus::Deactivated);
    assert_eq!(created.await.unwrap(), refused);
}

pub(crate) async fn an_account_has_not_too_many_pending_authorizations(world: World) {
    let account = world.account().await;
    let draw = |n: u32| {
        let drawn = world.draw(&account, &[&format!("n{n}.example")], START);
        drawn.authorizations[0].clone()
    };
    let create = async |authorization, now| {
        let created = world.store.create_authorization(authorization, now);
        created.await.unwrap()
    };
    let first = draw(0);
    let expires_at = first.expires_at;
    for authorization in
        std::iter::once(first.clone()).chain((1..MAX_PENDING_AUTHORIZATIONS).map(draw))
    {
        let created = create(authorization, START).await;
        assert_eq!(created, CreateAuthorizationVerdict::Created);
    }
    let more = draw(MAX_PENDING_AUTHORIZATIONS);
    let refused = create(more.clone(), at(1)).await;
    assert_eq!(refused, CreateAuthorizationVerdict::TooMany);
    assert!(
        world
            .store
            .find_authorization(&more.id)
            .await
            .unwrap()
            .is_none()
    );
    // Another account's do not count, nor do those that were given up, nor those that are over.
    let other = world.account().await;
    let theirs = world.draw(&other, &["a.example"], START).authorizations[0].clone();
    let created = create(theirs, at(1)).await;
    assert_eq!(created, CreateAuthorizationVerdict::Created);
    let given_up = world
        .store
        .deactivate_authorization(&first.id, &account.id, at(1));
    given_up.await.unwrap();
    let created = create(more, at(1)).await;
    assert_eq!(created, CreateAuthorizationVerdict::Created);
    let late = draw(MAX_PENDING_AUTHORIZATIONS + 1);
    let refused = create(late.clone(), at(1)).await;
    assert_eq!(refused, CreateAuthorizationVerdict::TooMany);
    let created = create(late, expires_at).await;
    assert_eq!(created, CreateAuthorizationVerdict::Created);
}

pub(crate) async fn the_oldest_of_too_many_orders_is_superseded(world: World) {
    let account = world.account().await;
    let other = world.open_for(&account, &["b.example"], START).await;
    let stranger = world.open(&["a.example"], START).await;
    let mut orders = Vec::new();
    for n in 0..=MAX_UNFINISHED_ORDERS {
        let now = at(n as u64);
        orders.push(world.open_for(&account, &["a.example"], now).await);
    }
    let last = &orders[MAX_UNFINISHED_ORDERS].order.id;
    let state = world.order(&orders[0]).await.state;
    assert_eq!(state, OrderState::superseded(last));
    for order in orders[1..].iter().chain([&other, &stranger]) {
        assert_eq!(world.order(order).await.state, OrderState::Pending);
    }
}
