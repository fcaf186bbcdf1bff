//! The PostgreSQL engine: one database for several replicas, each with a pool of connections.

mod due;
mod migrations;
mod nonces;
mod pool;
mod queries;
mod target;
mod tls;
mod wakeups;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use acme_core::{Epoch, Lease, NonceVerdict, SpentNonce, StoreError};
use acme_types::{Slot, Timestamp};
use tracing::{Instrument as _, debug_span};

use self::pool::ConnectionPool;
use self::target::Target;
pub use self::wakeups::Wakeups;
use crate::OpenError;
use crate::act::{Act, unavailable};
use crate::engine::{Engine, StoreOn};

/// Most connections of one replica.
const MAX_CONNECTIONS: usize = 16;

/// A store in a PostgreSQL database, which several replicas share.
pub type PostgresStore = StoreOn<Postgres>;

/// The PostgreSQL engine; see [`PostgresStore`].
#[derive(Debug)]
pub struct Postgres {
    target: Arc<Target>,
    pool: ConnectionPool,
    /// The leases that this process holds, as far as it knows.
    mine: Mutex<BTreeMap<Slot, Epoch>>,
}

impl StoreOn<Postgres> {
    /// Connects to the database that `url` names, as `postgres://user@host/name`, and brings its
    /// schema up to date. Beside the parameters of the URL that the `tokio-postgres` crate knows,
    /// it may have libpq's `sslmode` (`disable`, `prefer`, `require`, `verify-ca`, `verify-full`),
    /// `sslrootcert`, `sslcert` and `sslkey`.
    ///
    /// While the database is away later on, acts are refused as not available; it is connected to
    /// again as soon as it is back.
    ///
    /// # Errors
    /// [`OpenError::Url`] when the URL cannot be read, [`OpenError::NewerSchema`] when a newer
    /// program has used the database, [`OpenError::Unavailable`] when it cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        let target = Target::parse(url)?;
        migrations::migrate(&target).await?;
        Self::over(target)
    }

    /// Connects for a command of the operator, while servers may be using the database: the schema
    /// is not changed.
    ///
    /// # Errors
    /// Those of [`PostgresStore::connect`], and [`OpenError::OlderSchema`].
    pub async fn connect_beside(url: &str) -> Result<Self, OpenError> {
        let target = Target::parse(url)?;
        migrations::check_current(&target).await?;
        Self::over(target)
    }

    /// Listens for what other replicas have to say to a slot: that something of it may be due.
    #[must_use]
    pub fn wakeups(&self, slot: Slot) -> Wakeups {
        Wakeups::new(self.engine.target.clone(), slot)
    }

    fn over(target: Target) -> Result<Self, OpenError> {
        let target = Arc::new(target);
        let pool = ConnectionPool::new(target.clone(), MAX_CONNECTIONS)?;
        Ok(Self {
            engine: Postgres {
                target,
                pool,
                mine: Mutex::default(),
            },
        })
    }
}

impl Postgres {
    fn holds(&self, slot: Slot) -> Option<Epoch> {
        let mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
        mine.get(&slot).copied()
    }
}

impl Engine for Postgres {
    async fn read<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        let span = debug_span!("store", act = A::WHAT);
        self.pool.query(&act).instrument(span).await
    }

    async fn write<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        let pool = self.pool.clone();
        // On a task of its own, so that a caller that goes away leaves no transaction half done.
        let span = debug_span!("store", act = A::WHAT);
        let transacting = async move { pool.transact(&act).await };
        let task = tokio::spawn(transacting.instrument(span));
        task.await.map_err(|error| unavailable(A::WHAT, error))?
    }

    async fn lease_taken(&self, lease: &Lease, _: Timestamp) -> Result<(), StoreError> {
        self.mine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(lease.slot, lease.epoch);
        self.pool.query(&nonces::Mark::of_epoch(lease)).await
    }

    async fn lease_renewed(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        let mark = nonces::Mark::from(lease.slot, lease.epoch, now);
        self.pool.query(&mark).await
    }

    async fn spend_nonce(
        &self,
        nonce: SpentNonce,
        now: Timestamp,
    ) -> Result<NonceVerdict, StoreError> {
        if nonce.expires_at <= now {
            return Ok(NonceVerdict::Refused);
        }
        let verdict = self.pool.query(&nonces::Spend(nonce)).await?;
        if verdict == NonceVerdict::Refused
            && let Some(epoch) = self.holds(nonce.slot)
        {
            // Perhaps the database has lost what was spent. Then the next ones shall be good.
            let mark = nonces::Mark::from(nonce.slot, epoch, now);
            self.pool.query(&mark).await?;
        }
        Ok(verdict)
    }

    async fn forget_nonces(&self, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        self.pool.query(&nonces::Forget { limit, now }).await
    }

    fn wake(&self, slot: Slot) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            if let Err(error) = pool.query(&wakeups::Wake(slot)).await {
                // The other replica looks for itself before long.
                tracing::debug!(%error, %slot, "a slot could not be woken");
            }
        });
    }
}
