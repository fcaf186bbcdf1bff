//! Lists, page by page.

use std::time::Duration;

use acme_core::{Certificate, CertificateFilter, Finding, RevocationReason};
use acme_types::{OrderId, Timestamp};

use super::validation::exhaust;
use crate::world::{A, B, LIFE, START, World, at, dns, new_account};

pub(crate) async fn accounts_by_page(world: World) {
    let mut expected = Vec::new();
    for secs in [1, 2, 2, 2, 3] {
        let mut account = new_account();
        account.created_at = at(secs);
        world
            .store
            .create_account(account.clone(), &crate::world::ORIGIN)
            .await
            .unwrap();
        expected.push(account);
    }
    expected.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    let mut found = Vec::new();
    let mut after = None;
    for size in [2, 2, 1] {
        let page = world
            .store
            .list_accounts(after.as_deref(), 2)
            .await
            .unwrap();
        assert_eq!(page.items.len(), size);
        found.extend(page.items);
        after = page.next;
    }
    assert_eq!(found, expected);
    assert_eq!(after, None);
    let whole = world.store.list_accounts(None, 5).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (5, None));
}

pub(crate) async fn orders_by_page(world: World) {
    let account = world.account().await;
    world.open(&["other.example"], at(2)).await;
    let mut expected: Vec<(Timestamp, OrderId)> = Vec::new();
    for secs in [1, 2, 2, 2, 3] {
        let opened = world.open_for(&account, &["a.example"], at(secs)).await;
        expected.push((at(secs), opened.order.id));
    }
    expected.sort_by(|a, b| b.cmp(a));
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = world
            .store
            .list_orders(&account.id, after.as_deref(), 2, at(4));
        let page = page.await.unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<OrderId> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(found, expected);
}

pub(crate) async fn orders_that_ended_are_not_listed(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let account = world.account().await;
    let pending = world.open_for(&account, &["a.example"], START).await;
    let valid = world.open_for(&account, &["b.example"], START).await;
    world.issue(&valid, holder, START).await;
    let failed = world.open_for(&account, &["c.example"], START).await;
    let view = world.request(&failed, failed.http(), holder, START).await;
    world
        .record(&view.claim.unwrap(), Finding::HttpMismatch, START)
        .await;
    let list = |now| {
        let (store, id) = (world.store.clone(), account.id.clone());
        async move {
            let mut items = store.list_orders(&id, None, 10, now).await.unwrap().items;
            items.sort();
            items
        }
    };
    let mut expected = [pending.order.id, valid.order.id.clone()];
    expected.sort();
    assert_eq!(list(at(1)).await, expected);
    assert_eq!(
        list(START.plus(LIFE)).await,
        [valid.order.id],
        "expired is invalid"
    );
}

async fn all(world: &World, filter: &CertificateFilter, limit: u32) -> Vec<Certificate> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = world
            .store
            .list_certificates(filter, after.as_deref(), limit);
        let page = page.await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

pub(crate) async fn certificates_by_page_and_filter(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let mut issued = Vec::new();
    let accounts = [world.account().await, world.account().await];
    for (n, names) in [
        (1, &["a.example"][..]),
        (2, &["a.example", "b.example"]),
        (2, &["c.example"]),
        (3, &["a.example"]),
        (4, &["*.a.example"]),
    ] {
        let account = &accounts[n as usize % 2];
        let opened = world.open_for(account, names, at(n)).await;
        let id = world.issue(&opened, holder, at(n)).await;
        issued.push(world.store.find_certificate(&id).await.unwrap().unwrap().0);
    }
    let reason = RevocationReason::Unspecified;
    world
        .store
        .revoke_certificate(&issued[1].serial, reason, at(9), &crate::world::ORIGIN)
        .await
        .unwrap();
    for certificate in &mut issued {
        let found = world.store.find_certificate(&certificate.id).await.unwrap();
        *certificate = found.unwrap().0;
    }
    issued.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    let any = CertificateFilter::default();
    let filters = [
        any.clone(),
        CertificateFilter {
            identifier: Some(dns("a.example")),
            ..any.clone()
        },
        CertificateFilter {
            account_id: Some(accounts[0].id.clone()),
            ..any.clone()
        },
        CertificateFilter {
            expires_before: Some(issued[1].not_after),
            ..any.clone()
        },
        CertificateFilter {
            revoked: Some(true),
            ..any.clone()
        },
        CertificateFilter {
            revoked: Some(false),
            ..any.clone()
        },
        CertificateFilter {
            identifier: Some(dns("a.example")),
            revoked: Some(false),
            account_id: Some(accounts[1].id.clone()),
            ..any.clone()
        },
        CertificateFilter {
            revoked: Some(true),
            account_id: Some(accounts[1].id.clone()),
            ..any
        },
    ];
    for filter in filters {
        let matches = |c: &&Certificate| {
            filter
                .identifier
                .as_ref()
                .is_none_or(|i| c.identifiers.contains(i))
                && filter
                    .account_id
                    .as_ref()
                    .is_none_or(|id| c.account_id == *id)
                && filter.expires_before.is_none_or(|end| c.not_after < end)
                && filter.revoked.is_none_or(|r| c.revocation.is_some() == r)
        };
        let expected: Vec<Certificate> = issued.iter().filter(matches).cloned().collect();
        for limit in [1, 2, 3, 100] {
            assert_eq!(
                all(&world, &filter, limit).await,
                expected,
                "{limit} of {filter:?}"
            );
        }
    }
}

pub(crate) async fn a_rare_match_is_found_across_pages(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let account = world.account().await;
    let oldest = world.open_for(&account, &["a.example"], START).await;
    let id = world.issue(&oldest, holder, START).await;
    for n in 1..600 {
        let opened = world.open_for(&account, &["a.example"], at(n)).await;
        world.prove(&opened, holder, at(n)).await;
        world.begin_finalize(&opened, holder, at(n)).await;
    }
    let (only, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    let filter = CertificateFilter {
        expires_before: Some(only.not_after.plus(Duration::from_millis(1))),
        ..CertificateFilter::default()
    };
    assert_eq!(all(&world, &filter, 10).await, [only]);
}

pub(crate) async fn processing_challenges_the_next_due_first(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    let mut expected = Vec::new();
    for (holder, secs) in [(one, 4), (two, 2), (one, 2), (two, 3), (two, 2)] {
        let opened = world.open(&["a.example"], START).await;
        world
            .arm(&opened, opened.http(), holder, at(200 + secs))
            .await;
        expected.push((false, Some(at(200 + secs)), opened.http().id.clone()));
    }
    for holder in [one, two, one] {
        let opened = world.open(&["waiting.example"], START).await;
        exhaust(&world, &opened, holder, START).await;
        expected.push((true, None, opened.http().id.clone()));
    }
    world.open(&["pending.example"], START).await;
    expected.sort();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = world
            .store
            .list_processing(after.as_deref(), 3)
            .await
            .unwrap();
        for item in page.items {
            let next = item.retry.next_attempt;
            if next.is_none() {
                assert_eq!(item.identifier, dns("waiting.example"));
                assert_eq!(item.last.unwrap().number, 11);
            } else {
                assert_eq!(item.identifier, dns("a.example"));
                assert_eq!(item.last, None);
            }
            found.push((next.is_none(), next, item.challenge.id));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
}

pub(crate) async fn a_strange_place_is_an_empty_page(world: World) {
    let opened = world.open(&["a.example"], START).await;
    for place in [
        "",
        ".",
        "x",
        "1",
        "1.2.3",
        "99999999999999999999.x",
        "\u{0}",
    ] {
        let after = Some(place);
        let orders = world
            .store
            .list_orders(&opened.account.id, after, 5, START)
            .await;
        let orders = orders.unwrap();
        assert!(orders.next.is_none() && orders.items.len() <= 1);
        let store = &world.store;
        assert!(store.list_accounts(after, 5).await.unwrap().next.is_none());
        assert!(
            store
                .list_processing(after, 5)
                .await
                .unwrap()
                .next
                .is_none()
        );
        let filter = CertificateFilter::default();
        let certificates = store.list_certificates(&filter, after, 5).await;
        assert!(certificates.unwrap().items.is_empty());
    }
}
