//! Certificates that shall be renewed early, and what replaces them.

use std::time::Duration;

use acme_core::{
    Certificate, CreateOrderVerdict, EarlyRenewal, Epoch, OrderState, RenewalId, Replacement,
    Serial,
};
use acme_types::{Slot, encode_base64url};

use crate::world::{A, Opened, START, World, at, rng};

fn name_of(serial: &Serial) -> RenewalId {
    let serial = encode_base64url(serial.integer());
    format!("AQID.{serial}").parse().unwrap()
}

async fn issue(world: &World, holder: (Slot, Epoch)) -> (Opened, Certificate) {
    let opened = world.open(&["a.example"], START).await;
    let id = world.issue(&opened, holder, START).await;
    let found = world.store.find_certificate(&id).await.unwrap();
    (opened, found.unwrap().0)
}

async fn replacement(world: &World, certificate: &Certificate) -> Option<Replacement> {
    let found = world.store.find_certificate(&certificate.id).await.unwrap();
    found.unwrap().0.replacement
}

/// An order that replaces a certificate, not stored yet.
fn draw(world: &World, opened: &Opened, certificate: &Certificate) -> Opened {
    let mut order = world.draw(&opened.account, &["a.example"], START);
    order.order.replaces = Some(name_of(&certificate.serial));
    order
}

async fn create(world: &World, opened: &Opened) -> CreateOrderVerdict {
    let (order, authorizations) = (opened.order.clone(), opened.authorizations.clone());
    let created = world.store.create_order(order, authorizations).await;
    created.unwrap()
}

pub(crate) async fn a_mark_for_early_renewal_comes_and_goes(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let (_, certificate) = issue(&world, holder).await;
    let early = |explanation_url: Option<&str>| EarlyRenewal {
        at: at(7),
        explanation_url: explanation_url.map(str::to_owned),
    };
    for mark in [
        Some(early(Some("https://why.test/"))),
        Some(early(None)),
        None,
    ] {
        let marked = world
            .store
            .set_early_renewal(&certificate.serial, mark.clone());
        assert_eq!(marked.await.unwrap().unwrap().early_renewal, mark);
        let found = world
            .store
            .find_certificate_by_serial(&certificate.serial)
            .await;
        assert_eq!(found.unwrap().unwrap().early_renewal, mark);
    }
    let unknown = Serial::random(A, &mut rng());
    let marked = world.store.set_early_renewal(&unknown, Some(early(None)));
    assert_eq!(marked.await.unwrap(), None);
}

pub(crate) async fn a_later_replacement_supersedes_an_unfinished_one(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let (opened, certificate) = issue(&world, holder).await;
    let first = draw(&world, &opened, &certificate);
    let verdict = create(&world, &first).await;
    assert!(
        matches!(verdict, CreateOrderVerdict::Created),
        "{verdict:?}"
    );
    assert_eq!(world.order(&first).await, first.order);
    let ordered = |opened: &Opened| Some(Replacement::Ordered(opened.order.id.clone()));
    assert_eq!(replacement(&world, &certificate).await, ordered(&first));
    world.prove(&first, holder, START).await;
    assert_eq!(world.order(&first).await.state, OrderState::Ready);

    let second = draw(&world, &opened, &certificate);
    let verdict = create(&world, &second).await;
    assert!(
        matches!(verdict, CreateOrderVerdict::Created),
        "{verdict:?}"
    );
    let superseded = OrderState::superseded(&second.order.id);
    assert_eq!(world.order(&first).await.state, superseded);
    assert_eq!(world.order(&second).await.state, OrderState::Pending);
    assert_eq!(replacement(&world, &certificate).await, ordered(&second));
    // An order that came to nothing is in nobody's way.
    let third = draw(&world, &opened, &certificate);
    let ended = &second.authorizations[0].id;
    let given_up = world
        .store
        .deactivate_authorization(ended, &opened.account.id, at(1));
    given_up.await.unwrap();
    let verdict = create(&world, &third).await;
    assert!(
        matches!(verdict, CreateOrderVerdict::Created),
        "{verdict:?}"
    );
    let state = world.order(&second).await.state;
    let OrderState::Invalid { error } = state else {
        panic!("{state:?}");
    };
    assert!(error.detail.contains("deactivated"), "{}", error.detail);
}

pub(crate) async fn a_certificate_is_replaced_once(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let (opened, certificate) = issue(&world, holder).await;
    let first = draw(&world, &opened, &certificate);
    create(&world, &first).await;
    world.prove(&first, holder, START).await;
    let id = world.begin_finalize(&first, holder, START).await;
    // While it is being signed it can be neither superseded nor beaten.
    let second = draw(&world, &opened, &certificate);
    let verdict = create(&world, &second).await;
    let ordered = Replacement::Ordered(first.order.id.clone());
    assert!(
        matches!(&verdict, CreateOrderVerdict::AlreadyReplaced(by) if *by == ordered),
        "{verdict:?}"
    );
    let der = crate::world::der();
    let (slot, epoch) = holder;
    let completed = world
        .store
        .complete_finalize(&id, &der, slot, epoch, &crate::world::ORIGIN);
    completed.await.unwrap();
    let issued = Replacement::Issued(id);
    assert_eq!(
        replacement(&world, &certificate).await,
        Some(issued.clone())
    );
    let verdict = create(&world, &second).await;
    assert!(
        matches!(&verdict, CreateOrderVerdict::AlreadyReplaced(by) if *by == issued),
        "{verdict:?}"
    );
    let none = world.store.find_order(&second.order.id).await.unwrap();
    assert!(none.is_none(), "what is refused is not stored");
}

pub(crate) async fn what_is_gone_is_not_replaced(world: World) {
    let opened = world.open(&["a.example"], START).await;
    let mut order = world.draw(&opened.account, &["a.example"], START);
    let unknown = Serial::random(A, &mut rng());
    order.order.replaces = Some(name_of(&unknown));
    let verdict = create(&world, &order).await;
    assert!(
        matches!(verdict, CreateOrderVerdict::NothingToReplace),
        "{verdict:?}"
    );
    let none = world.store.find_order(&order.order.id).await.unwrap();
    assert!(none.is_none());
}

pub(crate) async fn one_of_two_replacements_goes_on(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    for _ in 0..10 {
        let (opened, certificate) = issue(&world, holder).await;
        let orders = [0, 1].map(|_| draw(&world, &opened, &certificate));
        let both = orders.clone().map(|order| {
            let world = world.clone();
            tokio::spawn(async move { create(&world, &order).await })
        });
        for created in both {
            let verdict = tokio::time::timeout(Duration::from_secs(60), created).await;
            let verdict = verdict.unwrap().unwrap();
            assert!(
                matches!(verdict, CreateOrderVerdict::Created),
                "{verdict:?}"
            );
        }
        let mut open = 0;
        for order in &orders {
            let state = world.order(order).await.state;
            let ordered = Some(Replacement::Ordered(order.order.id.clone()));
            let is_named = replacement(&world, &certificate).await == ordered;
            assert_eq!(state == OrderState::Pending, is_named, "{state:?}");
            open += u32::from(is_named);
        }
        assert_eq!(open, 1);
    }
}
