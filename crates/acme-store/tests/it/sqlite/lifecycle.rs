//! Opening, closing, and what is found again.

use acme_core::{Epoch, LeaseVerdict, NonceVerdict, Store as _, StoreError};
use acme_store::{OpenError, SqliteStore};

use super::{Place, sql};
use crate::contract::nonces::nonce;
use crate::contract::validation::exhaust;
use crate::world::{A, B, LEASE, START, at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_found_again() {
    let place = Place::new();
    let world = &place.world;
    let holder = (A, world.lease(A, "one", START).await);
    let issued = world.open(&["a.example"], START).await;
    let certificate = world.issue(&issued, holder, START).await;
    let waiting = world.open(&["b.example"], START).await;
    exhaust(world, &waiting, holder, START).await;
    let flying = world.open(&["c.example"], START).await;
    let claim = world
        .request(&flying, flying.http(), holder, at(130))
        .await
        .claim
        .unwrap();
    let key = world.store.nonce_key([5; 32]).await.unwrap();
    let certificates = world.store.find_certificate(&certificate).await.unwrap();
    let mut before = Vec::new();
    for opened in [&issued, &waiting, &flying] {
        before.push((world.order(opened).await, world.authorization(opened).await));
    }

    let place = place.again();
    let world = &place.world;
    for (opened, expected) in [&issued, &waiting, &flying].into_iter().zip(before) {
        let found = (world.order(opened).await, world.authorization(opened).await);
        assert_eq!(found, expected);
    }
    assert_eq!(
        world.store.find_certificate(&certificate).await.unwrap(),
        certificates
    );
    let (_, attempts) = world
        .store
        .find_attempts(&waiting.http().id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(attempts.len(), 11);
    assert_eq!(world.store.nonce_key([6; 32]).await.unwrap(), key);

    // The attempt that died with its process is due at once under the new epoch.
    let holder = (A, world.lease(A, "two", at(131)).await);
    assert_eq!(holder.1, Epoch(2));
    let again = world.claim(holder, at(131)).await.claims.remove(0);
    assert_eq!(
        (&again.challenge_id, again.in_flight.number),
        (&claim.challenge_id, 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_the_last_process_are_free() {
    let place = Place::new();
    place.world.lease(A, "one", START).await;
    place.world.lease(B, "one", START).await;
    let place = place.again();
    let verdict = place
        .store
        .take_lease(A, "two", LEASE, at(1))
        .await
        .unwrap();
    assert!(matches!(verdict, LeaseVerdict::Taken(lease) if lease.epoch == Epoch(2)));
    // What the other slot owned can be adopted at once.
    let leases = place.store.leases().await.unwrap();
    assert!(leases[1].expires_at < at(1));
    // Within one process a lease is held as anywhere.
    let verdict = place
        .store
        .take_lease(A, "three", LEASE, at(2))
        .await
        .unwrap();
    assert!(matches!(verdict, LeaseVerdict::Held(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonces_outlive_a_clean_end_and_no_other() {
    let place = Place::new();
    let epoch = place.world.lease(A, "one", START).await;
    let spend = |place: &Place, counter| {
        let store = place.store.clone();
        async move {
            store
                .spend_nonce(nonce(A, epoch, counter, at(1)), at(2))
                .await
        }
    };
    assert_eq!(spend(&place, 1).await.unwrap(), NonceVerdict::Fresh);
    place.store.close().await.unwrap();
    assert!(matches!(
        spend(&place, 2).await,
        Err(StoreError::Unavailable { .. })
    ));

    let place = place.again();
    assert_eq!(spend(&place, 1).await.unwrap(), NonceVerdict::Refused);
    assert_eq!(spend(&place, 3).await.unwrap(), NonceVerdict::Fresh);

    // Dropped without being closed, as in a crash.
    let place = place.again();
    for counter in [1, 3, 4] {
        assert_eq!(spend(&place, counter).await.unwrap(), NonceVerdict::Refused);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_refuses_writes() {
    let place = Place::new();
    place.store.close().await.unwrap();
    let refused = place.store.nonce_key([1; 32]).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    let refused = place.store.close().await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    // The log has been moved into the file.
    let log = std::fs::metadata(place.path().with_extension("db-wal"));
    assert!(log.is_ok_and(|log| log.len() == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_refused() {
    let place = Place::new();
    let refused = SqliteStore::open(place.path());
    assert!(matches!(refused, Err(OpenError::InUse(path)) if path == place.path()));
    // Another name of the same place is the same place.
    let place = place.again();
    place.store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_refused_and_left_untouched() {
    let place = Place::new();
    place.world.account().await;
    place.store.close().await.unwrap();
    let path = place.path();
    let Place { dir, store, world } = place;
    drop((store, world));
    sql(
        &path,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')",
    )
    .unwrap();
    sql(&path, "PRAGMA journal_mode = DELETE").unwrap();
    let before = std::fs::read(&path).unwrap();
    for refused in [SqliteStore::open(&path), SqliteStore::open_beside(&path)] {
        match refused {
            Err(OpenError::NewerSchema { found }) => assert_eq!(found, "9999"),
            other => panic!("{other:?}"),
        }
    }
    assert!(
        std::fs::read(&path).unwrap() == before,
        "the file has changed"
    );
    drop(dir);
}

#[tokio::test]
async fn what_cannot_be_opened_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(
        &text,
        "This is no database, but some text of a certain length.",
    )
    .unwrap();
    let nowhere = dir.path().join("missing").join("acme.db");
    for path in [&text, &nowhere, &dir.path().to_owned()] {
        let refused = SqliteStore::open(path);
        assert!(
            matches!(refused, Err(OpenError::Unavailable { .. })),
            "{refused:?}"
        );
    }
    let kept = std::fs::read_to_string(&text).unwrap();
    assert!(kept.starts_with("This is no database"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.world.account().await;
    for name in ["acme.db", "acme.db-wal"] {
        let mode = std::fs::metadata(place.dir.path().join(name))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
}
