//! The SQLite engine: one file, one process, one writer with group commit, readers beside it.

mod backup;
mod connection;
mod due;
mod inline;
mod marks;
mod queries;
mod session;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acme_core::{Lease, NonceVerdict, SpentNonce, StoreError};
use acme_types::Timestamp;
use diesel::prelude::*;
use tracing::{Instrument as _, debug_span};

pub use self::backup::SqliteBackup;
use self::marks::Marks;
use self::session::Session;
use self::writer::Writer;
use crate::OpenError;
use crate::act::{Act, Outcome, at_once, unavailable};
use crate::engine::{Engine, StoreOn};
use crate::nonces::SpentNonces;
use crate::rows::Rows;
use crate::schema::{leases, meta};

/// Connections that read. Reads take 10 to 20 µs each on the calling thread.
const READERS: usize = 4;
/// Under this name a clean end keeps the spent nonces. It is there only while nobody uses the file,
/// so a crash leaves none, and all nonces from before it are refused.
const SPENT_NONCES: &str = "spent_nonces";

/// A store in one SQLite file, for one server process.
pub type SqliteStore = StoreOn<Sqlite>;

/// The SQLite engine; see [`SqliteStore`].
#[derive(Debug)]
pub struct Sqlite {
    writer: Writer,
    readers: Readers,
    nonces: Mutex<Nonces>,
}

#[derive(Debug)]
enum Nonces {
    Kept(SpentNonces),
    /// They were written down, or are another process's: nothing more may be spent here.
    Closed,
}

impl StoreOn<Sqlite> {
    /// Opens the database file for a server, making it when there is none, and brings its schema up
    /// to date. While it is open no other process may open it so.
    ///
    /// Leases that were live when the last process ended have run out: nobody holds them.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another server has it open, [`OpenError::NewerSchema`] when a newer
    /// program has used it, [`OpenError::Unavailable`] when it cannot be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = absolute(path.as_ref())?;
        let lock = lock(&path)?;
        create_private(&path)?;
        connection::migrate(&path)?;
        let mut conn = connection::writer(&path)?;
        let nonces = begin(&mut conn)
            .map_err(|error| OpenError::unavailable(format!("open {}", path.display()), error))?;
        Ok(Self {
            engine: Sqlite::new(conn, path, Some(lock), Nonces::Kept(nonces))?,
        })
    }

    /// Opens the database file for a command of the operator, while a server may be using it. What
    /// it reads is committed; what it writes waits for its turn. It can neither hold a slot for long
    /// nor spend nonces.
    ///
    /// # Errors
    /// [`OpenError::OlderSchema`] or [`OpenError::NewerSchema`] when the schema is not this
    /// program's, [`OpenError::Unavailable`] when there is no such file or it cannot be read.
    pub fn open_beside(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = absolute(path.as_ref())?;
        if let Err(error) = File::open(&path) {
            return Err(OpenError::unavailable(
                format!("open {}", path.display()),
                error,
            ));
        }
        connection::check_current(&path)?;
        let conn = connection::writer(&path)?;
        Ok(Self {
            engine: Sqlite::new(conn, path, None, Nonces::Closed)?,
        })
    }

    /// Ends cleanly: finishes what was begun, keeps the spent nonces so that those not spent stay
    /// good, and moves the log into the database file. Whoever uses the store later is told that it
    /// is not available. Dropping it without this loses nothing but the nonces.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the last write failed.
    pub async fn close(&self) -> Result<(), StoreError> {
        let nonces = std::mem::replace(&mut *self.engine.nonces(), Nonces::Closed);
        let spent = match nonces {
            Nonces::Kept(spent) => serde_json::to_vec(&spent)
                .map(Some)
                .map_err(|error| StoreError::Corrupt(error.to_string()))?,
            Nonces::Closed => None,
        };
        self.engine.writer.close(Close { spent }).await
    }
}

/// Keeps the spent nonces.
struct Close {
    spent: Option<Vec<u8>>,
}

impl Act for Close {
    type Output = ();
    const WHAT: &'static str = "closing the store";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        match &self.spent {
            Some(spent) => rows.insert_meta(SPENT_NONCES, spent).await,
            None => Ok(()),
        }
    }
}

impl Sqlite {
    fn new(
        conn: SqliteConnection,
        path: PathBuf,
        lock: Option<File>,
        nonces: Nonces,
    ) -> Result<Self, OpenError> {
        let marks = Arc::default();
        Ok(Self {
            readers: Readers::new(&path, &marks)?,
            writer: Writer::start(conn, marks, move || connection::writer(&path), lock)?,
            nonces: Mutex::new(nonces),
        })
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for Sqlite {
    async fn read<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        let _span = debug_span!("store", act = A::WHAT).entered();
        self.readers.run(&act)
    }

    async fn write<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        let span = debug_span!("store", act = A::WHAT);
        self.writer.run(act).instrument(span).await
    }

    async fn lease_taken(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        if let Nonces::Kept(spent) = &mut *self.nonces() {
            spent.begin(lease.slot, lease.epoch, now);
        }
        Ok(())
    }

    async fn spend_nonce(
        &self,
        nonce: SpentNonce,
        now: Timestamp,
    ) -> Result<NonceVerdict, StoreError> {
        match &mut *self.nonces() {
            Nonces::Kept(spent) => Ok(spent.spend(nonce, now)),
            Nonces::Closed => Err(unavailable("spending a nonce", "the store is closed")),
        }
    }

    async fn forget_nonces(&self, _: u32, now: Timestamp) -> Result<u64, StoreError> {
        Ok(match &mut *self.nonces() {
            Nonces::Kept(spent) => spent.forget(now),
            Nonces::Closed => 0,
        })
    }
}

/// Connections that read, each used by one thread at a time.
#[derive(Debug)]
struct Readers {
    path: PathBuf,
    marks: Arc<Marks>,
    next: AtomicUsize,
    connections: Vec<Mutex<Reader>>,
}

/// A connection that reads; none while it could not be opened again.
struct Reader(Option<Session>);

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader(..)")
    }
}

impl Readers {
    fn new(path: &Path, marks: &Arc<Marks>) -> Result<Self, OpenError> {
        let mut readers = Self {
            path: path.to_owned(),
            marks: Arc::clone(marks),
            next: AtomicUsize::new(0),
            connections: Vec::with_capacity(READERS),
        };
        for _ in 0..READERS {
            let session = readers.open()?;
            readers.connections.push(Mutex::new(Reader(Some(session))));
        }
        Ok(readers)
    }

    fn open(&self) -> Result<Session, OpenError> {
        let conn = connection::reader(&self.path)?;
        Ok(Session::new(conn, Arc::clone(&self.marks)))
    }

    fn run<A: Act>(&self, act: &A) -> Result<A::Output, StoreError> {
        let mut reader = self.free();
        let mut session = match reader.0.take() {
            Some(session) => session,
            None => self.open().map_err(|error| unavailable(A::WHAT, error))?,
        };
        let outcome = at_once(act.run(&mut session));
        if !matches!(&outcome, Err(fault) if fault.is_engine_failure()) {
            reader.0 = Some(session);
        }
        outcome.map_err(|fault| fault.into_store_error(A::WHAT))
    }

    /// A connection that nobody uses, or else the next one in turn.
    fn free(&self) -> MutexGuard<'_, Reader> {
        if let Some(free) = self.connections.iter().find_map(|c| c.try_lock().ok()) {
            return free;
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        self.connections[next]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server finds: leases that nobody can hold any more, and the spent nonces of a clean end.
fn begin(
    conn: &mut SqliteConnection,
) -> Result<SpentNonces, Box<dyn std::error::Error + Send + Sync>> {
    conn.immediate_transaction(|conn| {
        diesel::update(leases::table)
            .set(leases::expires_at.eq(0))
            .execute(conn)?;
        let kept: Option<Vec<u8>> = meta::table
            .find(SPENT_NONCES)
            .select(meta::value)
            .get_result(conn)
            .optional()?;
        diesel::delete(meta::table.find(SPENT_NONCES)).execute(conn)?;
        match kept {
            Some(json) => Ok(serde_json::from_slice(&json)?),
            None => Ok(SpentNonces::default()),
        }
    })
}

fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path)
        .map_err(|error| OpenError::unavailable(format!("open {}", path.display()), error))
}

/// Takes the lock that tells other servers that the file is in use. It goes with the process,
/// however that ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| OpenError::unavailable(format!("open {}", name.display()), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::unavailable(
            format!("lock {}", name.display()),
            error,
        )),
    }
}

/// Makes the file, for its owner alone: it holds the key that nonces are sealed with.
fn create_private(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::unavailable(
            format!("make {}", path.display()),
            error,
        )),
    }
}

#[cfg(test)]
mod tests;
