//! The SQLite engine.

mod beside;
mod constraints;
mod lifecycle;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use acme_core::AdminStore;
use acme_store::SqliteStore;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::tampering;
use crate::world::World;

async fn open() -> (Arc<dyn AdminStore>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("acme.db")).unwrap();
    (Arc::new(store), dir)
}

contract!(super::open);

/// A directory with a database, opened.
struct Place {
    dir: TempDir,
    store: Arc<SqliteStore>,
    world: World,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(dir.path().join("acme.db")).unwrap());
        let world = World::new(store.clone());
        Self { dir, store, world }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("acme.db")
    }

    /// The same database, opened again after its end.
    fn again(self) -> Self {
        let path = self.path();
        let Self { dir, store, world } = self;
        drop(world);
        Arc::into_inner(store).expect("nobody else holds it");
        let store = Arc::new(SqliteStore::open(path).unwrap());
        let world = World::new(store.clone());
        Self { dir, store, world }
    }
}

/// Runs SQL on a database behind the store's back.
fn sql(path: &Path, sql: &str) -> diesel::QueryResult<()> {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;")?;
    conn.batch_execute(sql)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_sql_does_to_the_trail_is_found() {
    for (tampering, expected) in tampering::CASES {
        let place = Place::new();
        tampering::five_entries(&*place.store).await;
        sql(&place.path(), tampering).unwrap();
        tampering::expect_found(&*place.store, tampering, expected).await;
    }
}
