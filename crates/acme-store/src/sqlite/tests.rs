//! What only the inside of the SQLite engine can show.

mod full_disk;
mod plans;

use std::path::Path;

use diesel::prelude::*;

/// A database with the schema, and nothing in it.
fn empty(dir: &Path) -> SqliteConnection {
    let path = dir.join("acme.db");
    super::connection::migrate(&path).unwrap();
    super::connection::writer(&path).unwrap()
}
