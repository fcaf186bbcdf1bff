//! Lists for people.

use std::collections::BTreeSet;
use std::time::Duration;

use acme_core::{AccountFilter, AuthorizationFilter, Finding, OrderFilter, Page, StoreError};
use acme_types::{AccountStatus, OrderStatus};

use crate::world::{A, World, at, dns};

/// Every entry of a list, page by page, two at a time.
async fn all<T>(
    mut page: impl AsyncFnMut(Option<String>) -> Result<Page<T>, StoreError>,
) -> Vec<T> {
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..100 {
        let found = page(after).await.unwrap();
        assert!(found.items.len() <= 2);
        items.extend(found.items);
        match found.next {
            Some(next) => after = Some(next),
            None => return items,
        }
    }
    panic!("a list without an end");
}

pub(crate) async fn every_order_is_listed_once(world: World) {
    let holder = (A, world.lease(A, "a", at(0)).await);
    let account = world.account().await;
    let other = world.open(&["other.example"], at(1)).await;
    let mut expected = Vec::new();
    for secs in 0..5 {
        let opened = world.open_for(&account, &["a.example"], at(secs)).await;
        expected.push(opened);
    }
    // One of them becomes invalid, and stays in the list.
    let broken = &expected[2];
    let view = world.request(broken, broken.http(), holder, at(10)).await;
    let claim = view.claim.unwrap();
    world.record(&claim, Finding::HttpMismatch, at(10)).await;
    let find = async |filter: OrderFilter| {
        let mut found = all(async |after: Option<String>| {
            world
                .store
                .find_orders(&filter, after.as_deref(), 2, at(20))
                .await
        })
        .await;
        let ids: Vec<_> = found.iter().map(|order| order.id.clone()).collect();
        let unique: BTreeSet<_> = ids.iter().cloned().collect();
        assert_eq!(unique.len(), ids.len(), "no order comes twice");
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    };
    let whole = find(OrderFilter::default()).await;
    assert_eq!(whole.len(), expected.len() + 1);
    assert!(whole.iter().any(|order| order.id == other.order.id));
    let of_account = OrderFilter {
        account_id: Some(account.id.clone()),
        status: None,
    };
    let mine = find(of_account.clone()).await;
    let mut ids: Vec<_> = expected.iter().map(|one| one.order.id.clone()).collect();
    ids.sort();
    assert!(mine.iter().map(|order| &order.id).eq(&ids));
    let invalid = find(OrderFilter {
        status: Some(OrderStatus::Invalid),
        ..of_account
    })
    .await;
    assert_eq!(
        invalid.iter().map(|order| &order.id).collect::<Vec<_>>(),
        [&expected[2].order.id]
    );
}

pub(crate) async fn authorizations_are_found_by_name(world: World) {
    let first = world.open(&["a.example", "b.example"], at(1)).await;
    let second = world.open(&["a.example"], at(2)).await;
    let find = async |filter: AuthorizationFilter| {
        all(async |after: Option<String>| {
            world
                .store
                .find_authorizations(&filter, after.as_deref(), 2, at(3))
                .await
        })
        .await
    };
    let named = find(AuthorizationFilter {
        identifier: Some(dns("a.example")),
        ..AuthorizationFilter::default()
    })
    .await;
    let ids: BTreeSet<_> = named.iter().map(|one| &one.id).collect();
    let expected = BTreeSet::from([&first.authorizations[0].id, &second.authorizations[0].id]);
    assert_eq!(ids, expected);
    for found in &named {
        let (whole, _) = world
            .store
            .find_authorization(&found.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(*found, whole, "with its challenges");
    }
    let whole = find(AuthorizationFilter::default()).await;
    assert_eq!(whole.len(), 3);
    let mine = find(AuthorizationFilter {
        account_id: Some(second.account.id.clone()),
        ..AuthorizationFilter::default()
    })
    .await;
    assert_eq!(mine.len(), 1);
    let nothing = find(AuthorizationFilter {
        identifier: Some(dns("c.example")),
        ..AuthorizationFilter::default()
    })
    .await;
    assert!(nothing.is_empty());
    let id = &first.authorizations[1].id;
    let orders = world.store.orders_of_authorization(id, 10).await.unwrap();
    assert_eq!(orders, [first.order.id]);
}

pub(crate) async fn the_first_certificate_to_end_comes_first(world: World) {
    let holder = (A, world.lease(A, "a", at(0)).await);
    let mut ids = Vec::new();
    for secs in [1, 2, 3] {
        let opened = world.open(&["a.example"], at(secs)).await;
        ids.push(world.issue(&opened, holder, at(secs)).await);
    }
    let end = at(2).plus(Duration::from_secs(30 * 86_400));
    let find = async |from, before| {
        let found = all(async |after: Option<String>| {
            world
                .store
                .expiring_certificates(from, before, after.as_deref(), 2)
                .await
        })
        .await;
        found.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let late = end.plus(Duration::from_secs(10));
    assert_eq!(find(at(0), late).await, ids);
    assert_eq!(find(at(0), end).await, ids[..1], "the bound is not in it");
    assert_eq!(find(end, late).await, ids[2..], "what has ended is not");
}

pub(crate) async fn accounts_are_listed_by_status(world: World) {
    let first = world.account().await;
    let second = world.account().await;
    world
        .store
        .deactivate_account(&first.id, at(1), &crate::world::ORIGIN)
        .await
        .unwrap();
    let find = async |filter: AccountFilter| {
        let found = all(async |after: Option<String>| {
            world
                .store
                .find_accounts(&filter, after.as_deref(), 2)
                .await
        })
        .await;
        found.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let valid = AccountFilter {
        status: Some(AccountStatus::Valid),
        ..AccountFilter::default()
    };
    assert_eq!(find(valid).await, [second.id]);
    let elsewhere = AccountFilter {
        provisioner: Some("other".parse().unwrap()),
        status: None,
    };
    assert!(find(elsewhere).await.is_empty());
    assert_eq!(find(AccountFilter::default()).await.len(), 2);
}
