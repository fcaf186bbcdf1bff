//! The PostgreSQL engine, over a server that the tests start for themselves.

mod constraints;
mod lifecycle;
mod server;
mod tls;

use std::sync::Arc;

use acme_core::AdminStore;
use acme_store::PostgresStore;

use self::server::Server;
use crate::tampering;
use crate::world::World;

async fn open() -> (Arc<dyn AdminStore>, ()) {
    let url = Server::shared().database().await;
    (Arc::new(PostgresStore::connect(&url).await.unwrap()), ())
}

contract!(super::open);

/// A database of its own, connected to.
async fn connected() -> (String, Arc<PostgresStore>, World) {
    let url = Server::shared().database().await;
    let store = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let world = World::new(store.clone());
    (url, store, world)
}

/// Runs SQL on a database behind the store's back.
async fn sql(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_sql_does_to_the_trail_is_found() {
    for (tampering, expected) in tampering::CASES {
        let (url, store, _) = connected().await;
        tampering::five_entries(&*store).await;
        sql(&url, tampering).await.unwrap();
        tampering::expect_found(&*store, tampering, expected).await;
    }
}
