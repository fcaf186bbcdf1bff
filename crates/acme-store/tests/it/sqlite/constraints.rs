//! Rows that mean nothing are refused, whoever writes them; those that came in all the same are
//! told and not guessed at.

use acme_core::{CreateAccountVerdict, Finding, Store as _, StoreError};
use acme_types::AccountId;
use diesel::result::{DatabaseErrorKind, Error};

use super::{Place, sql};
use crate::world::{A, START, World, at, new_account, rng};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_status_needs_its_facts() {
    let place = Place::new();
    let world = &place.world;
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let tried = world.open(&["b.example"], START).await;
    world.request(&tried, tried.http(), holder, START).await;
    let issued = world.open(&["c.example"], START).await;
    world.issue(&issued, holder, START).await;
    let of_sqlite = ["UPDATE accounts SET terms_agreed = 2"];
    for nonsense in of_sqlite.iter().chain(crate::nonsense::IN_ANY_ENGINE) {
        let refused = sql(&place.path(), nonsense);
        let is_check = |error: &Error| {
            matches!(
                error,
                Error::DatabaseError(DatabaseErrorKind::CheckViolation, _)
            )
        };
        assert!(
            refused.as_ref().is_err_and(is_check),
            "{nonsense}: {refused:?}"
        );
    }
    for orphan in [
        "UPDATE orders SET account_id = 'x'",
        "UPDATE certificates SET issuer = zeroblob(32)",
        "DELETE FROM accounts",
        "INSERT INTO order_authorizations VALUES ('x', 'y')",
        "INSERT INTO attempts VALUES ('x', 1, 0, 0, 'local', 'proof', 'http', NULL, '', 0)",
    ] {
        let refused = sql(&place.path(), orphan);
        let is_orphan = |error: &Error| {
            matches!(
                error,
                Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)
            )
        };
        assert!(
            refused.as_ref().is_err_and(is_orphan),
            "{orphan}: {refused:?}"
        );
    }
    world.order(&opened).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_rows_are_told() {
    let place = Place::new();
    let world = &place.world;
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let claim = world
        .request(&opened, opened.http(), holder, START)
        .await
        .claim
        .unwrap();
    for damage in [
        "UPDATE accounts SET jwk = '{}'",
        "UPDATE orders SET identifiers = 'not JSON'",
        "UPDATE authorizations SET identifier = 'dns:not a name'",
    ] {
        sql(&place.path(), damage).unwrap();
    }
    let store = &world.store;
    assert_corrupt(store.find_account(&opened.account.id).await);
    assert_corrupt(store.find_order(&opened.order.id).await);
    assert_corrupt(store.find_authorization(&opened.authorizations[0].id).await);
    assert_corrupt(store.list_processing(None, 10).await);
    let seen = crate::world::saw(Finding::Proof);
    assert_corrupt(
        store
            .record_attempt(&claim, &seen, &world.policy, at(1))
            .await,
    );
    // Others go on.
    let other = world.open(&["b.example"], START).await;
    world.prove(&other, holder, START).await;
}

fn assert_corrupt<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(
        matches!(outcome, Err(StoreError::Corrupt(_))),
        "{outcome:?}"
    );
}

/// Many acts share one transaction; one that breaks a rule after it has written takes only itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_act_takes_no_other_with_it() {
    let place = Place::new();
    let existing = place.world.open(&["a.example"], START).await;
    let mut acts = Vec::new();
    for n in 0..200 {
        let world = place.world.clone();
        let existing = existing.clone();
        acts.push(tokio::spawn(async move {
            let account = new_account();
            let verdict = world
                .store
                .create_account(account.clone(), &crate::world::ORIGIN)
                .await;
            assert!(matches!(verdict.unwrap(), CreateAccountVerdict::Done(_)));
            let mut opened = world.draw(&account, &["a.example"], START);
            if n % 7 == 0 {
                // Its authorizations are written before the order is refused.
                opened.order.id = existing.order.id.clone();
            }
            let (order, authorizations) = (opened.order.clone(), opened.authorizations.clone());
            let outcome = world.store.create_order(order, authorizations).await;
            (n, opened, outcome)
        }));
    }
    for act in acts {
        let (n, opened, outcome) = act.await.unwrap();
        let id = &opened.authorizations[0].id;
        let found = place.store.find_authorization(id).await.unwrap();
        if n % 7 == 0 {
            assert!(
                matches!(outcome, Err(StoreError::Corrupt(_))),
                "{outcome:?}"
            );
            assert!(found.is_none(), "half an order was kept");
        } else {
            outcome.unwrap();
            assert!(found.is_some());
            assert_eq!(place.world.order(&opened).await, opened.order);
        }
    }
    let missing = AccountId::random(&mut rng());
    let orphan = World::draw(&place.world, &existing.account, &["a.example"], START);
    let mut order = orphan.order;
    order.account_id = missing;
    assert_corrupt(place.store.create_order(order, orphan.authorizations).await);
}
