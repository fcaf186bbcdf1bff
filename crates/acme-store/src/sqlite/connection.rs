//! Connections to the database file, and the schema in it.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource as _};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite as Backend;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::OpenError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Every connection. A process beside the server may hold the write lock for a moment.
const COMMON: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
";

/// The writer. WAL lets readers read while it writes. FULL syncs the log at every commit: what was
/// acknowledged survives a power cut, and group commit pays for it. The log is moved into the
/// database every 4000 pages (16 MiB), so that a page that changes often is moved once for many
/// commits, and a log that grew large under a long read is cut back to 64 MiB.
const WRITER: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16384;
";

/// The readers.
const READER: &str = "
    PRAGMA query_only = ON;
    PRAGMA cache_size = -4096;
";

/// Moves the log into the database and empties it.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// The connection that writes.
pub(crate) fn writer(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut conn = connect(path)?;
    let failed = |error| OpenError::unavailable(format!("open {}", path.display()), error);
    #[derive(QueryableByName)]
    struct JournalMode {
        #[diesel(sql_type = Text)]
        journal_mode: String,
    }
    let mode: JournalMode = diesel::sql_query("PRAGMA journal_mode = WAL")
        .get_result(&mut conn)
        .map_err(failed)?;
    if mode.journal_mode != "wal" {
        let message = format!(
            "the file system allows only journal mode {}",
            mode.journal_mode
        );
        let context = format!("use a write-ahead log on {}", path.display());
        return Err(OpenError::unavailable(context, message));
    }
    conn.batch_execute(WRITER).map_err(failed)?;
    Ok(conn)
}

/// A connection that reads.
pub(crate) fn reader(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut conn = connect(path)?;
    conn.batch_execute(READER)
        .map_err(|error| OpenError::unavailable(format!("open {}", path.display()), error))?;
    Ok(conn)
}

/// A connection of neither kind.
pub(crate) fn plain(path: &Path) -> Result<SqliteConnection, OpenError> {
    connect(path)
}

/// Moves the log into the database file.
pub(crate) fn checkpoint(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute(CHECKPOINT)
}

/// Brings the schema up to date; refuses a database of a newer one before anything is changed.
pub(crate) fn migrate(path: &Path) -> Result<(), OpenError> {
    let mut conn = connect(path)?;
    check_known(&mut conn, path)?;
    conn.run_pending_migrations(MIGRATIONS)
        .map_err(|error| OpenError::unavailable(format!("migrate {}", path.display()), error))?;
    Ok(())
}

/// Refuses a database whose schema is not exactly the one that this program knows.
pub(crate) fn check_current(path: &Path) -> Result<(), OpenError> {
    let mut conn = connect(path)?;
    let applied = check_known(&mut conn, path)?;
    if applied.len() == known(path)?.len() {
        Ok(())
    } else {
        Err(OpenError::OlderSchema)
    }
}

fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
    let context = || format!("open {}", path.display());
    let name = path
        .to_str()
        .ok_or_else(|| OpenError::unavailable(context(), "the path is not UTF-8"))?;
    let mut conn = SqliteConnection::establish(name)
        .map_err(|error| OpenError::unavailable(context(), error))?;
    conn.batch_execute(COMMON)
        .map_err(|error| OpenError::unavailable(context(), error))?;
    Ok(conn)
}

fn known(path: &Path) -> Result<Vec<String>, OpenError> {
    let migrations: Vec<Box<dyn Migration<Backend>>> = MIGRATIONS
        .migrations()
        .map_err(|error| OpenError::unavailable(format!("migrate {}", path.display()), error))?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

/// The schema versions in the database, all of them known.
fn check_known(conn: &mut SqliteConnection, path: &Path) -> Result<Vec<String>, OpenError> {
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let failed = |error| OpenError::unavailable(format!("read {}", path.display()), error);
    let has_any = diesel::sql_query(
        "SELECT name AS version FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
    )
    .load::<Applied>(conn)
    .map_err(failed)?;
    if has_any.is_empty() {
        return Ok(Vec::new());
    }
    let applied = diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
        .load::<Applied>(conn)
        .map_err(failed)?;
    let known = known(path)?;
    match applied.iter().find(|a| !known.contains(&a.version)) {
        Some(unknown) => Err(OpenError::NewerSchema {
            found: unknown.version.clone(),
        }),
        None => Ok(applied.into_iter().map(|a| a.version).collect()),
    }
}
