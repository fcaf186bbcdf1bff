//! Operator's commands beside a running server.

use acme_core::{NonceVerdict, RevocationReason, RevokeVerdict, Store as _};
use acme_store::{OpenError, SqliteStore};

use super::{Place, sql};
use crate::contract::nonces::nonce;
use crate::world::{A, START, at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_reads_and_revokes_beside_the_server() {
    let place = Place::new();
    let world = &place.world;
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let id = world.issue(&opened, holder, START).await;
    let beside = SqliteStore::open_beside(place.path()).unwrap();
    let (certificate, _) = beside.find_certificate(&id).await.unwrap().unwrap();
    let reason = RevocationReason::KeyCompromise;
    let revoked = beside
        .revoke_certificate(&certificate.serial, reason, at(1), &crate::world::ORIGIN)
        .await;
    assert!(matches!(revoked.unwrap(), RevokeVerdict::Revoked(_)));
    let (seen, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    assert!(seen.revocation.is_some());

    // It has done no harm: the lease is live, the nonces are the server's alone.
    assert!(beside.leases().await.unwrap()[0].expires_at > at(1));
    let nonce = nonce(A, holder.1, 1, at(1));
    assert!(beside.spend_nonce(nonce, at(2)).await.is_err());
    beside.close().await.unwrap();
    let verdict = world.store.spend_nonce(nonce, at(2)).await.unwrap();
    assert_eq!(verdict, NonceVerdict::Fresh);
    world.open(&["b.example"], START).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_may_write_at_once() {
    let place = Place::new();
    let beside = SqliteStore::open_beside(place.path()).unwrap();
    let other = crate::world::World::new(std::sync::Arc::new(beside));
    let write = |world: crate::world::World| {
        tokio::spawn(async move {
            for _ in 0..50 {
                world.open(&["a.example"], START).await;
            }
        })
    };
    let (one, two) = (write(place.world.clone()), write(other));
    one.await.unwrap();
    two.await.unwrap();
    let page = place.store.list_accounts(None, 200).await.unwrap();
    assert_eq!(page.items.len(), 100);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("acme.db");
    let refused = SqliteStore::open_beside(&path);
    assert!(
        matches!(refused, Err(OpenError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_schema_is_not_changed() {
    let place = Place::new();
    sql(&place.path(), "DELETE FROM __diesel_schema_migrations").unwrap();
    let refused = SqliteStore::open_beside(place.path());
    assert!(
        matches!(refused, Err(OpenError::OlderSchema)),
        "{refused:?}"
    );
}
