//! A disk that is full: nothing acknowledged is lost, and it works again once there is room.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use acme_core::{CreateAccountVerdict, Store as _, StoreError};
use acme_types::{AccountId, AccountStatus, Jwk, Thumbprint, Timestamp};
use diesel::connection::SimpleConnection as _;

use super::super::{Nonces, Readers, Sqlite, Writer, connection};
use crate::SqliteStore;
use crate::nonces::SpentNonces;

static ORIGIN: acme_core::Origin = acme_core::Origin::of_command(Timestamp::from_secs(0));

/// A store whose file may have at most as many pages as `limit` says when a connection is opened.
fn open(path: &Path, limit: &Arc<AtomicU32>) -> SqliteStore {
    connection::migrate(path).unwrap();
    let (path_of_writer, limit) = (path.to_owned(), limit.clone());
    let connect = move || {
        let mut conn = connection::writer(&path_of_writer)?;
        let pages = limit.load(Ordering::SeqCst);
        conn.batch_execute(&format!("PRAGMA max_page_count = {pages}"))
            .unwrap();
        Ok(conn)
    };
    let marks = Arc::default();
    SqliteStore {
        engine: Sqlite {
            readers: Readers::new(path, &marks).unwrap(),
            writer: Writer::start(connect().unwrap(), marks, connect, None).unwrap(),
            nonces: Mutex::new(Nonces::Kept(SpentNonces::default())),
        },
    }
}

fn account(n: u32) -> acme_core::Account {
    let mut x = [0; 32];
    x[..4].copy_from_slice(&n.to_be_bytes());
    let id: AccountId = format!("{n:032}").parse().unwrap();
    acme_core::Account {
        id,
        provisioner: "default".parse().unwrap(),
        jwk: Jwk::Ed25519 { x },
        thumbprint: Thumbprint(x),
        status: AccountStatus::Valid,
        contact: vec!["mailto:someone@example.com".repeat(40)],
        terms_agreed: true,
        external_account: None,
        created_at: Timestamp::from_secs(1),
    }
}

/// Fills the file up to its limit; the accounts that were acknowledged.
async fn fill(store: &SqliteStore, from: u32) -> Vec<u32> {
    let mut kept = Vec::new();
    for n in from..from + 500 {
        match store.create_account(account(n), &ORIGIN).await {
            Ok(CreateAccountVerdict::Done(_)) => kept.push(n),
            Ok(other) => panic!("{other:?}"),
            Err(StoreError::Unavailable { .. }) => return kept,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the limit was not felt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_is_got_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("acme.db");
    let limit = Arc::new(AtomicU32::new(100));
    let store = open(&path, &limit);
    let mut kept = fill(&store, 0).await;
    assert!(!kept.is_empty());

    // Reads go on, and what does not need room is refused or done, but never half.
    for n in &kept {
        let found = store.find_account(&account(*n).id).await.unwrap();
        assert_eq!(found, Some(account(*n)));
    }
    let refused = account(kept.len() as u32);
    assert_eq!(store.find_account(&refused.id).await.unwrap(), None);
    let mut waiting = Vec::new();
    for n in 1000..1020 {
        waiting.push(store.create_account(account(n), &ORIGIN));
    }
    for outcome in futures_util::future::join_all(waiting).await {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable { .. })),
            "{outcome:?}"
        );
    }

    limit.store(1_000_000, Ordering::SeqCst);
    for n in 2000..2100 {
        let verdict = store.create_account(account(n), &ORIGIN).await.unwrap();
        assert!(matches!(verdict, CreateAccountVerdict::Done(_)));
        kept.push(n);
    }
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    let mut found = 0;
    let mut after = None;
    loop {
        let page = store.list_accounts(after.as_deref(), 100).await.unwrap();
        found += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, kept.len());
}
