//! The schema in the database, brought up to date under a lock that all replicas know.

use tokio_postgres::{Client, Transaction};

use super::target::Target;
use crate::OpenError;

/// Every version and what leads to it, in order.
const MIGRATIONS: [(&str, &str); 9] = [
    (
        "0001",
        include_str!("../../migrations/postgres/0001_first/up.sql"),
    ),
    (
        "0002",
        include_str!("../../migrations/postgres/0002_external_accounts/up.sql"),
    ),
    (
        "0020",
        include_str!("../../migrations/postgres/0020_revocation/up.sql"),
    ),
    (
        "0030",
        include_str!("../../migrations/postgres/0030_profiles/up.sql"),
    ),
    (
        "0040",
        include_str!("../../migrations/postgres/0040_renewal/up.sql"),
    ),
    (
        "0041",
        include_str!("../../migrations/postgres/0041_authorizations/up.sql"),
    ),
    (
        "0050",
        include_str!("../../migrations/postgres/0050_devices/up.sql"),
    ),
    (
        "0060",
        include_str!("../../migrations/postgres/0060_operators/up.sql"),
    ),
    (
        "0061",
        include_str!("../../migrations/postgres/0061_audit/up.sql"),
    ),
];

/// Names the lock; any number that nobody else uses.
const LOCK: &str = "SELECT pg_advisory_xact_lock(6280171846)";

/// The table that diesel's own tools use.
const VERSIONS: &str = "
    CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    )";

/// Brings the schema up to date, all in one transaction; refuses a newer one before anything is
/// changed.
pub(crate) async fn migrate(target: &Target) -> Result<(), OpenError> {
    let mut client = connect(target).await?;
    let failed = |error| OpenError::unavailable("migrate the database", error);
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(LOCK).await.map_err(failed)?;
    let applied = applied(&transaction).await?;
    if applied.len() < MIGRATIONS.len() {
        transaction.batch_execute(VERSIONS).await.map_err(failed)?;
    }
    for (version, sql) in MIGRATIONS {
        if !applied.iter().any(|found| found == version) {
            transaction.batch_execute(sql).await.map_err(failed)?;
            let insert = "INSERT INTO __diesel_schema_migrations (version) VALUES ($1)";
            transaction
                .execute(insert, &[&version])
                .await
                .map_err(failed)?;
        }
    }
    transaction.commit().await.map_err(failed)
}

/// Refuses a database whose schema is not exactly the one that this program knows.
pub(crate) async fn check_current(target: &Target) -> Result<(), OpenError> {
    let mut client = connect(target).await?;
    let failed = |error| OpenError::unavailable("read the database's schema", error);
    let transaction = client.transaction().await.map_err(failed)?;
    if applied(&transaction).await?.len() == MIGRATIONS.len() {
        Ok(())
    } else {
        Err(OpenError::OlderSchema)
    }
}

async fn connect(target: &Target) -> Result<Client, OpenError> {
    let (client, connection) = target
        .connect()
        .await
        .map_err(|error| OpenError::unavailable("connect to the database", error))?;
    tokio::spawn(connection);
    Ok(client)
}

/// The versions in the database, all of them known.
async fn applied(transaction: &Transaction<'_>) -> Result<Vec<String>, OpenError> {
    let failed = |error| OpenError::unavailable("read the database's schema", error);
    let exists = "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL";
    let exists = transaction.query_one(exists, &[]).await.map_err(failed)?;
    if !exists.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let versions = "SELECT version FROM __diesel_schema_migrations";
    let rows = transaction.query(versions, &[]).await.map_err(failed)?;
    let versions: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let is_known = |version: &String| MIGRATIONS.iter().any(|(known, _)| known == version);
    match versions.iter().find(|version| !is_known(version)) {
        Some(unknown) => Err(OpenError::NewerSchema {
            found: unknown.clone(),
        }),
        None => Ok(versions),
    }
}
