//! Faults that are the server's own: told without their causes, and with a time to try again.

use std::sync::Arc;

use acme_store::SqliteStore;
use serde_json::json;

use crate::client::{Client, csr, text};
use crate::server::Server;

#[tokio::test]
async fn a_store_that_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(dir.path().join("acme.db")).unwrap());
    let server = Server::on(store.clone(), |_| {}).await;
    let client = Client::new(&server).await;
    let order = client.new_order(&["a.test"]).await.location().to_owned();
    server.get("/health").await.expect_status(200);
    store.close().await.unwrap();

    for reply in [
        client.read(&order).await,
        client.new_order(&["a.test"]).await,
        client.new_account(json!({})).await,
    ] {
        let reply = reply.expect_problem(503, "serverInternal");
        assert!(reply.retry_after().is_some());
        assert!(reply.header("replay-nonce").is_some());
        let detail = text(&reply.json()["detail"]);
        assert!(!detail.to_lowercase().contains("sqlite"), "{detail}");
    }
    // What needs no store goes on.
    server
        .get("/acme/default/directory")
        .await
        .expect_status(200);
}

#[tokio::test]
async fn a_slot_that_another_process_has_taken() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.order_with_challenge("a.test", "http-01").await;
    let ready = client.ready_order(&["b.test"]).await;
    server.lose_slot().await;

    let reply = client.post(&tried.challenge, json!({})).await;
    let reply = reply.expect_problem(503, "serverInternal");
    assert!(reply.retry_after().is_some());
    let reply = client.finalize(&ready, &csr(&["b.test"]).0).await;
    reply.expect_problem(503, "serverInternal");
    // Nothing has changed.
    assert_eq!(
        client.read(&tried.challenge).await.json()["status"],
        "pending"
    );
    assert_eq!(client.read(&ready.order).await.json()["status"], "ready");
}
