//! Everything has an end.

use std::time::Duration;

use acme_core::{AuditRetention, Order, Pruned, Retention};
use acme_types::{OrderId, Timestamp};

use super::validation::exhaust;
use crate::world::{A, LIFE, START, World, dns, rng};

const RETENTION: Retention = Retention {
    orders: Duration::from_secs(86_400),
    certificates: Duration::from_secs(10 * 86_400),
    audit: AuditRetention {
        issuance: Duration::from_secs(100_000 * 86_400),
        account: Duration::from_secs(100_000 * 86_400),
        control: Duration::from_secs(100_000 * 86_400),
    },
};
const MILLI: Duration = Duration::from_millis(1);

fn end_of_orders() -> Timestamp {
    START.plus(LIFE).plus(RETENTION.orders)
}

async fn prune(world: &World, limit: u32, now: Timestamp) -> Pruned {
    world.store.prune(&RETENTION, limit, now).await.unwrap()
}

pub(crate) async fn what_ended_stays_for_its_retention(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let tried = world.open(&["b.example"], START).await;
    exhaust(&world, &tried, (slot, epoch), START).await;
    let later = world.open(&["c.example"], START.plus(MILLI * 1000)).await;
    assert_eq!(
        prune(&world, 10, end_of_orders().minus(MILLI)).await,
        Pruned::default()
    );
    world.order(&opened).await;
    world.authorization(&tried).await;

    let pruned = prune(&world, 10, end_of_orders()).await;
    assert_eq!((pruned.orders, pruned.authorizations), (2, 2));
    for opened in [&opened, &tried] {
        let store = &world.store;
        assert!(store.find_order(&opened.order.id).await.unwrap().is_none());
        let id = &opened.authorizations[0].id;
        assert!(store.find_authorization(id).await.unwrap().is_none());
        assert!(
            store
                .find_attempts(&opened.http().id)
                .await
                .unwrap()
                .is_none()
        );
    }
    world.order(&later).await;
    let found = world.store.find_account(&opened.account.id).await.unwrap();
    assert_eq!(found, Some(opened.account), "accounts stay");
    let page = world.store.list_processing(None, 10).await.unwrap();
    assert!(page.items.is_empty());
}

pub(crate) async fn pruning_goes_in_batches(world: World) {
    for _ in 0..5 {
        world.open(&["a.example", "b.example"], START).await;
    }
    let mut sum = Pruned::default();
    for _ in 0..10 {
        let pruned = prune(&world, 2, end_of_orders()).await;
        assert!(pruned.orders <= 2 && pruned.authorizations <= 2);
        sum.orders += pruned.orders;
        sum.authorizations += pruned.authorizations;
    }
    assert_eq!((sum.orders, sum.authorizations), (5, 10));
}

pub(crate) async fn what_is_being_finalized_stays(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, (slot, epoch), START).await;
    let id = world.begin_finalize(&opened, (slot, epoch), START).await;
    let late = START.plus(Duration::from_secs(400 * 86_400));
    assert_eq!(prune(&world, 10, late).await, Pruned::default());
    let unsigned = world.store.find_unsigned(slot, late, 10).await.unwrap();
    assert_eq!(unsigned[0].id, id);
}

pub(crate) async fn an_authorization_stays_while_an_order_names_it(world: World) {
    let opened = world.open(&["a.example"], START).await;
    let longer = Order {
        id: OrderId::random(&mut rng()),
        expires_at: START.plus(LIFE * 2),
        ..opened.order.clone()
    };
    world
        .store
        .create_order(longer.clone(), vec![])
        .await
        .unwrap();
    let pruned = prune(&world, 10, end_of_orders()).await;
    assert_eq!((pruned.orders, pruned.authorizations), (1, 0));
    world.authorization(&opened).await;
    let pruned = prune(&world, 10, end_of_orders().plus(LIFE)).await;
    assert_eq!((pruned.orders, pruned.authorizations), (1, 1));
}

pub(crate) async fn certificates_have_their_own_retention(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example", "b.example"], START).await;
    let id = world.issue(&opened, holder, START).await;
    let (certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    let end = certificate.not_after.plus(RETENTION.certificates);
    assert_eq!(prune(&world, 10, end.minus(MILLI)).await.certificates, 0);
    assert!(world.store.find_certificate(&id).await.unwrap().is_some());
    assert_eq!(prune(&world, 10, end).await.certificates, 1);
    assert!(world.store.find_certificate(&id).await.unwrap().is_none());
    let filter = acme_core::CertificateFilter {
        identifier: Some(dns("b.example")),
        ..Default::default()
    };
    let page = world
        .store
        .list_certificates(&filter, None, 10)
        .await
        .unwrap();
    assert_eq!(page.items, []);
}
