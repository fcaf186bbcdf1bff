//! The in-memory engine.

use std::sync::Arc;

use acme_core::Store;
use acme_store::MemoryStore;

async fn open() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

contract!(super::open);
