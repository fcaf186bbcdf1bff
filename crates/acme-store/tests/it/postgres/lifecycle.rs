//! Connecting, restarts of the database, several replicas.

use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    Epoch, Finding, LeaseVerdict, NonceVerdict, OrderState, RecordVerdict, Retention, Store as _,
    StoreError,
};
use acme_store::{OpenError, PostgresStore};
use tokio::time::{sleep, timeout};

use super::server::Server;
use super::{connected, sql};
use crate::contract::nonces::nonce;
use crate::world::{A, B, LEASE, START, World, at};

/// Longest wait for something that comes by itself.
const SOON: Duration = Duration::from_secs(20);

async fn replica(url: &str) -> (Arc<PostgresStore>, World) {
    let store = Arc::new(PostgresStore::connect(url).await.unwrap());
    (store.clone(), World::new(store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_at_once_agree_on_the_schema() {
    let url = Server::shared().database().await;
    let start = || {
        let url = url.clone();
        tokio::spawn(async move { PostgresStore::connect(&url).await.map(drop) })
    };
    for replica in [start(), start(), start()] {
        replica.await.unwrap().unwrap();
    }
    PostgresStore::connect_beside(&url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_schema_is_refused_and_left_alone() {
    let url = Server::shared().database().await;
    let refused = PostgresStore::connect_beside(&url).await;
    assert!(
        matches!(refused, Err(OpenError::OlderSchema)),
        "{refused:?}"
    );
    sql(
        &url,
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50), run_on TIMESTAMP)",
    )
    .await
    .unwrap();
    sql(
        &url,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    )
    .await
    .unwrap();
    for refused in [
        PostgresStore::connect(&url).await,
        PostgresStore::connect_beside(&url).await,
    ] {
        match refused {
            Err(OpenError::NewerSchema { found }) => assert_eq!(found, "9999"),
            other => panic!("{other:?}"),
        }
    }
    sql(&url, "SELECT * FROM orders")
        .await
        .expect_err("the schema was made all the same");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    for url in [
        "postgres://nobody@127.0.0.1:1/none",
        &Server::shared().url("127.0.0.1", "none"),
    ] {
        let refused = PostgresStore::connect(url).await;
        assert!(
            matches!(refused, Err(OpenError::Unavailable { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_go_by_the_clock_of_the_database() {
    let (url, store, _) = connected().await;
    let (other, _) = replica(&url).await;
    let short = Duration::from_millis(600);
    let verdict = store.take_lease(A, "one", short, START).await.unwrap();
    assert!(matches!(verdict, LeaseVerdict::Taken(_)));
    // However far ahead the other replica's clock is, the lease is live.
    let far = at(1_000_000);
    let verdict = other.take_lease(A, "two", LEASE, far).await.unwrap();
    assert!(matches!(verdict, LeaseVerdict::Held(_)), "{verdict:?}");
    sleep(short).await;
    let verdict = other.take_lease(A, "two", LEASE, START).await.unwrap();
    assert!(matches!(verdict, LeaseVerdict::Taken(lease) if lease.epoch == Epoch(2)));
    let refused = store.renew_lease(A, Epoch(1), LEASE, START).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_is_good_once_at_all_replicas() {
    let (url, store, world) = connected().await;
    let (other, _) = replica(&url).await;
    let epoch = world.lease(A, "one", START).await;
    for counter in 0..50 {
        let spend = |store: &Arc<PostgresStore>| {
            let store = store.clone();
            let nonce = nonce(A, epoch, counter, at(1));
            tokio::spawn(async move { store.spend_nonce(nonce, at(2)).await.unwrap() })
        };
        let (one, two) = (spend(&store), spend(&other));
        let verdicts = [one.await.unwrap(), two.await.unwrap()];
        let fresh = verdicts
            .iter()
            .filter(|v| **v == NonceVerdict::Fresh)
            .count();
        assert_eq!(fresh, 1, "{counter}: {verdicts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_woken_when_an_attempt_frees_its_challenge() {
    let (url, store, world) = connected().await;
    let (_, other) = replica(&url).await;
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, other.lease(B, "two", START).await);
    let mut wakeups = store.wakeups(B);
    timeout(SOON, wakeups.next())
        .await
        .expect("it tells that it listens");
    let quiet = timeout(Duration::from_millis(300), wakeups.next()).await;
    assert!(quiet.is_err(), "nothing was told");

    let opened = world.open(&["a.example"], START).await;
    let claim = world
        .request(&opened, opened.http(), one, START)
        .await
        .claim
        .unwrap();
    other.request(&opened, opened.http(), two, at(6)).await;
    world.record(&claim, Finding::ConnectRefused, at(7)).await;
    timeout(SOON, wakeups.next())
        .await
        .expect("the new owner is told");
}

/// A server that may be broken, a database in it, and a replica.
async fn fragile() -> (Server, String, Arc<PostgresStore>, World) {
    let server = Server::start("", |_| ());
    let url = server.database().await;
    let (store, world) = replica(&url).await;
    (server, url, store, world)
}

/// Waits until the store answers again.
async fn back(store: &PostgresStore) {
    let answered = timeout(SOON, async {
        while store.ping().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    answered
        .await
        .expect("the store has not recovered by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_told_and_got_over() {
    let (server, _, store, world) = fragile().await;
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let claim = world
        .request(&opened, opened.http(), holder, START)
        .await
        .claim
        .unwrap();
    // As many connections as there may be.
    let mut acts = Vec::new();
    for _ in 0..40 {
        let world = world.clone();
        acts.push(tokio::spawn(async move { world.account().await }));
    }
    for act in acts {
        act.await.unwrap();
    }
    let mut wakeups = store.wakeups(A);
    timeout(SOON, wakeups.next()).await.unwrap();

    server.stop("fast");
    for _ in 0..20 {
        let found = store.find_order(&opened.order.id).await;
        assert!(
            matches!(found, Err(StoreError::Unavailable { .. })),
            "{found:?}"
        );
        let made = store
            .create_account(crate::world::new_account(), &crate::world::ORIGIN)
            .await;
        assert!(
            matches!(made, Err(StoreError::Unavailable { .. })),
            "{made:?}"
        );
        let spent = store.spend_nonce(nonce(A, holder.1, 1, at(1)), at(2)).await;
        assert!(
            matches!(spent, Err(StoreError::Unavailable { .. })),
            "{spent:?}"
        );
    }
    server.run();
    // The first act that finds the database gets its answer.
    back(&store).await;
    for _ in 0..40 {
        world.account().await;
    }
    world.record(&claim, Finding::Proof, at(3)).await;
    assert_eq!(world.order(&opened).await.state, OrderState::Ready);
    timeout(SOON, wakeups.next())
        .await
        .expect("it listens again");
    // A clean restart loses no nonce.
    let fresh = store
        .spend_nonce(nonce(A, holder.1, 1, at(1)), at(2))
        .await
        .unwrap();
    assert_eq!(fresh, NonceVerdict::Fresh);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_of_the_database_may_have_lost_is_refused() {
    let (server, url, store, world) = fragile().await;
    let (other, elsewhere) = replica(&url).await;
    let epoch = world.lease(A, "one", START).await;
    let foreign = elsewhere.lease(B, "two", START).await;
    let acknowledged = world.open(&["a.example"], START).await;
    let spend = |store: &Arc<PostgresStore>, slot, epoch, counter, issued_at| {
        let store = store.clone();
        let nonce = nonce(slot, epoch, counter, issued_at);
        async move { store.spend_nonce(nonce, at(100)).await.unwrap() }
    };
    let spent = spend(&store, A, epoch, 1, at(1)).await;
    assert_eq!(spent, NonceVerdict::Fresh);

    server.stop("immediate");
    server.run();
    back(&store).await;
    back(&other).await;
    // Nobody can tell any more which of the old ones were spent, and nobody says so.
    for (counter, issued_at) in [(1, at(1)), (2, at(1)), (3, at(100))] {
        for store in [&other, &store] {
            let verdict = spend(store, A, epoch, counter, issued_at).await;
            assert_eq!(verdict, NonceVerdict::Refused, "{counter}");
        }
    }
    // The holder has noticed; what it issues from now on is good everywhere, once.
    for (first, second) in [(&store, &other), (&other, &store)] {
        let counter = if Arc::ptr_eq(first, &store) { 4 } else { 5 };
        let verdict = spend(first, A, epoch, counter, at(101)).await;
        assert_eq!(verdict, NonceVerdict::Fresh);
        let verdict = spend(second, A, epoch, counter, at(101)).await;
        assert_eq!(verdict, NonceVerdict::Refused);
    }
    // Another slot's nonces wait for its own word, which comes with the renewal of its lease.
    let verdict = spend(&store, B, foreign, 1, at(101)).await;
    assert_eq!(verdict, NonceVerdict::Refused);
    other.renew_lease(B, foreign, LEASE, at(100)).await.unwrap();
    let verdict = spend(&store, B, foreign, 2, at(101)).await;
    assert_eq!(verdict, NonceVerdict::Fresh);
    // A new epoch begins anew.
    let next = world.lease(A, "one", at(100)).await;
    let verdict = spend(&other, A, next, 1, at(100)).await;
    assert_eq!(verdict, NonceVerdict::Fresh);
    // All else is there.
    assert_eq!(world.order(&acknowledged).await, acknowledged.order);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_the_lease_cannot_speak_for_its_nonces() {
    let (server, url, store, world) = fragile().await;
    let old = world.lease(A, "one", START).await;
    let (other, elsewhere) = replica(&url).await;
    let new = elsewhere.lease(A, "one", at(1)).await;
    let spent = nonce(A, new, 1, at(2));
    let verdict = other.spend_nonce(spent, at(3)).await.unwrap();
    assert_eq!(verdict, NonceVerdict::Fresh);
    server.stop("immediate");
    server.run();
    back(&store).await;
    // The first process believes that it still holds the slot, and sees that the mark is gone.
    let verdict = store
        .spend_nonce(nonce(A, old, 9, at(2)), at(4))
        .await
        .unwrap();
    assert_eq!(verdict, NonceVerdict::Refused);
    back(&other).await;
    let verdict = other.spend_nonce(spent, at(5)).await.unwrap();
    assert_eq!(
        verdict,
        NonceVerdict::Refused,
        "a spent nonce was taken for fresh"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_nothing_half_done() {
    let (_, store, world) = connected().await;
    let holder = (A, world.lease(A, "one", START).await);
    for n in 0..60 {
        let opened = world.draw(&world.account().await, &["a.example"], START);
        let order = opened.order.clone();
        let act = store.create_order(order, opened.authorizations.clone());
        let _ = timeout(Duration::from_micros(n * 50), act).await;
        // It was done whole, or will be in a moment, or was not begun; the next acts see to it that
        // no connection was left in the middle of a transaction.
        if store.find_order(&opened.order.id).await.unwrap().is_some() {
            assert_eq!(world.authorization(&opened).await, opened.authorizations[0]);
        }
    }
    let opened = world.open(&["b.example"], START).await;
    world.prove(&opened, holder, START).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_working_at_once_do_not_stumble() {
    let (url, _, world) = connected().await;
    let (_, other) = replica(&url).await;
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, other.lease(B, "two", START).await);
    let account = world.account().await;
    let mut acts = Vec::new();
    for n in 0..60 {
        let (world, holder) = if n % 2 == 0 {
            (&world, one)
        } else {
            (&other, two)
        };
        let (world, account) = (world.clone(), account.clone());
        acts.push(tokio::spawn(async move {
            // Names of its own: too many unfinished orders for the same ones supersede each other.
            let own = format!("n{n}.example");
            let names = ["a.example", "b.example", own.as_str()];
            let opened = world.open_for(&account, &names, START).await;
            // All authorizations of an order at once, and one of them given up in between.
            let mut proofs = Vec::new();
            for authorization in opened.authorizations.clone() {
                let (world, opened) = (world.clone(), opened.clone());
                proofs.push(tokio::spawn(async move {
                    let challenge = &authorization.challenges[0];
                    let view = world.request(&opened, challenge, holder, START).await;
                    if let Some(claim) = view.claim {
                        return match world.try_record(&claim, Finding::Proof, START).await {
                            RecordVerdict::Recorded(_) => 1,
                            RecordVerdict::Superseded => 0,
                        };
                    }
                    0
                }));
            }
            if n % 3 == 0 {
                let id = &opened.authorizations[1].id;
                let given_up = world.store.deactivate_authorization(id, &account.id, START);
                given_up.await.unwrap().unwrap();
            }
            for proof in proofs {
                proof.await.unwrap();
            }
            let state = world.order(&opened).await.state;
            if n % 3 == 0 {
                assert!(matches!(state, OrderState::Invalid { .. }), "{state:?}");
            } else {
                assert_eq!(state, OrderState::Ready);
            }
        }));
    }
    // Pruning goes on beside it.
    let store = world.store.clone();
    let pruning = tokio::spawn(async move {
        for _ in 0..20 {
            store
                .prune(&Retention::default(), 100, START)
                .await
                .unwrap();
        }
    });
    for act in acts {
        act.await.unwrap();
    }
    pruning.await.unwrap();
    let ended = world
        .store
        .deactivate_account(&account.id, at(1), &crate::world::ORIGIN)
        .await;
    ended.unwrap();
}
