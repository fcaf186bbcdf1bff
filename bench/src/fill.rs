//! Fills a store of acme-server with settled issuances, to see what its size costs.
//!
//! It writes SQL for the `sqlite3` program: rows by the ten thousand in one statement, which no API
//! of a server would do. The ids are as random as the real ones, since it is their order that makes
//! a large index slow; what the rows hold is plausible, and the certificates are noise.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::error::{Error, Result};

/// Rows of one transaction.
const BATCH: u64 = 50_000;
/// Names and ids of these rows begin with this, to tell them apart from what a run makes.
const NAME: &str = "filled";

/// What to write where.
#[derive(clap::Args, Debug)]
pub(crate) struct Fill {
    /// The database of a server that has run, made an account, and does not run now.
    #[arg(long)]
    database: std::path::PathBuf,
    /// Certificates to add.
    #[arg(long)]
    certificates: u64,
    /// How many of them still have their order, authorization and challenges: those that are
    /// younger than what the server prunes.
    #[arg(long)]
    orders: Option<u64>,
}

impl Fill {
    /// Fills the store.
    pub(crate) fn run(&self) -> Result<()> {
        let start = Instant::now();
        let orders = self
            .orders
            .unwrap_or_else(|| self.certificates.min(100_000));
        let mut sqlite = Command::new("sqlite3")
            .arg("-bail")
            .arg(&self.database)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(Error::io("running sqlite3"))?;
        let mut input = sqlite
            .stdin
            .take()
            .ok_or_else(|| Error::Usage("sqlite3 takes no input".to_owned()))?;
        let mut write = |text: &str| {
            input
                .write_all(text.as_bytes())
                .map_err(Error::io("writing to sqlite3"))
        };
        write(BEGIN)?;
        let mut first = 0;
        while first < self.certificates {
            let last = (first + BATCH).min(self.certificates);
            write(&batch(first, last, self.certificates - orders))?;
            first = last;
        }
        write(END)?;
        drop(input);
        let status = sqlite.wait().map_err(Error::io("running sqlite3"))?;
        if !status.success() {
            return Err(Error::Usage(format!("sqlite3 failed: {status}")));
        }
        report(&self.database, self.certificates, start);
        Ok(())
    }
}

fn report(database: &Path, certificates: u64, start: Instant) {
    let octets = std::fs::metadata(database).map_or(0, |data| data.len());
    eprintln!(
        "{certificates} certificates in {:.0} s; {} has {:.1} MiB",
        start.elapsed().as_secs_f64(),
        database.display(),
        octets as f64 / f64::from(1 << 20)
    );
}

/// Nothing of this must survive a crash: a fill that fails is begun again.
const BEGIN: &str = "
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA foreign_keys = OFF;
PRAGMA cache_size = -4000000;
PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE fixed AS SELECT
    (SELECT id FROM accounts ORDER BY created_at LIMIT 1) AS account,
    (SELECT provisioner FROM accounts ORDER BY created_at LIMIT 1) AS provisioner,
    (SELECT id FROM issuers LIMIT 1) AS issuer,
    CAST(strftime('%s', 'now') AS INTEGER) * 1000 AS now;
CREATE TEMP TABLE issued (
    n INTEGER PRIMARY KEY, certificate TEXT, orderid TEXT, authz TEXT, name TEXT, at INTEGER
);
";

/// A log as the server keeps it, so that it finds the database as it left it.
const END: &str = "
DROP TABLE issued;
ANALYZE;
PRAGMA journal_mode = WAL;
";

/// An id: three characters of the whole alphabet in front, so that ids of the server fall among
/// them, and hexadecimal digits.
fn id() -> String {
    let letter = "substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', \
                  1 + (random() & 9223372036854775807) % 62, 1)";
    format!("{letter} || {letter} || {letter} || substr(hex(randomblob(15)), 1, 29)")
}

fn batch(first: u64, last: u64, without_order: u64) -> String {
    let id = id();
    let identifiers = "'[{\"type\":\"dns\",\"value\":\"' || name || '\"}]'";
    let mut sql = format!(
        "BEGIN;
DELETE FROM issued;
WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {last})
INSERT INTO issued SELECT n, {id}, {id}, {id}, '{NAME}' || n || '.bench.test', now - 86400000 + n / 100
    FROM numbers, fixed;
INSERT INTO certificates (id, serial, order_id, account_id, provisioner, issuer, identifiers,
        not_before, not_after, created_at, der)
    SELECT certificate, randomblob(17), orderid, account, provisioner, issuer, {identifiers},
        at, at + 7776000000, at, randomblob(600)
    FROM issued, fixed ORDER BY n;
INSERT INTO certificate_identifiers (identifier, created_at, certificate_id)
    SELECT 'dns:' || name, at, certificate FROM issued ORDER BY name;
"
    );
    if last > without_order {
        sql += &format!(
            "DELETE FROM issued WHERE n < {without_order};
INSERT INTO orders (id, account_id, provisioner, identifiers, authorizations, created_at, expires_at,
        status, certificate_id)
    SELECT orderid, account, provisioner, {identifiers}, '[\"' || authz || '\"]', at, at + 172800000,
        'valid', certificate
    FROM issued, fixed ORDER BY n;
INSERT INTO authorizations (id, account_id, provisioner, identifier, wildcard, expires_at, status)
    SELECT authz, account, provisioner, 'dns:' || name, 0, at + 172800000, 'valid'
    FROM issued, fixed ORDER BY n;
INSERT INTO order_authorizations SELECT authz, orderid FROM issued ORDER BY authz;
"
        );
        for (position, kind) in ["http-01", "dns-01", "tls-alpn-01"].iter().enumerate() {
            let (tried, status, validated) = if position == 0 {
                (1, "valid", "at")
            } else {
                (0, "pending", "NULL")
            };
            sql += &format!(
                "INSERT INTO challenges (authorization_id, position, id, kind, token, expires_at,
        n_claims, n_attempts, status, validated_at)
    SELECT authz, {position}, {id}, '{kind}', hex(randomblob(22)), at + 172800000,
        {tried}, {tried}, '{status}', {validated}
    FROM issued ORDER BY authz;
"
            );
        }
        sql += "INSERT INTO attempts (challenge_id, number, slot, started_at, perspective, finding,
        phase, address, detail, took_us)
    SELECT id, 1, 0, at, 'local', 'proof', 'compare', '127.0.0.1:5002',
        'connected to 127.0.0.1:5002 after 2 ms, 200 OK with the expected key authorization', 2107
    FROM issued JOIN challenges ON authorization_id = authz AND position = 0;
";
    }
    sql + "COMMIT;\n"
}
