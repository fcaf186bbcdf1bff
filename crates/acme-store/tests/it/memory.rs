//! The in-memory engine.

use std::sync::Arc;

use acme_core::AdminStore;
use acme_store::MemoryStore;

async fn open() -> (Arc<dyn AdminStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

contract!(super::open);
