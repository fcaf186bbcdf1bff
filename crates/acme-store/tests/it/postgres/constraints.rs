//! The same nonsense that SQLite refuses.

use acme_core::{Store as _, StoreError};

use super::{connected, sql};
use crate::world::{A, START};

/// The kind of a refusal, as SQL has it.
const CHECK_VIOLATION: &str = "23514";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_status_needs_its_facts() {
    let (url, _, world) = connected().await;
    let holder = (A, world.lease(A, "one", START).await);
    world.open(&["a.example"], START).await;
    let tried = world.open(&["b.example"], START).await;
    world.request(&tried, tried.http(), holder, START).await;
    let issued = world.open(&["c.example"], START).await;
    world.issue(&issued, holder, START).await;
    for nonsense in crate::nonsense::IN_ANY_ENGINE {
        let refused = sql(&url, nonsense).await;
        let code = refused.as_ref().err().and_then(tokio_postgres::Error::code);
        assert_eq!(
            code.map(|c| c.code()),
            Some(CHECK_VIOLATION),
            "{nonsense}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_rows_are_told() {
    let (url, store, world) = connected().await;
    let opened = world.open(&["a.example"], START).await;
    sql(&url, "UPDATE orders SET identifiers = 'not JSON'")
        .await
        .unwrap();
    let found = store.find_order(&opened.order.id).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}
