//! Connections to the database, and acts on them: each in one transaction, tried again when the
//! database has undone it for the sake of another.

use std::sync::Arc;
use std::time::Duration;

use acme_core::StoreError;
use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DatabaseError};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _, TransactionManager as _,
};
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep, timeout};

use super::target::Target;
use crate::OpenError;
use crate::act::{Act, Fault, Outcome, unavailable};
use crate::metrics::PoolMeters;

/// Longest wait for a connection; the caller is told then that the store is not available.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);
/// Longest time for an act. Each statement in it has a limit of its own, a little shorter.
const ACT_LIMIT: Duration = Duration::from_secs(12);
/// How often an act is tried at most.
const MAX_TRIES: u32 = 5;
/// The pause before the second try; it grows with each.
const TRY_PAUSE: Duration = Duration::from_millis(5);

/// Limits of every session: a statement that hangs, a lock that is not given and a transaction that
/// is forgotten end by themselves, before the caller stops waiting.
const SESSION: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '15s'";

type Transactions = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// A handle on the connections of this process.
#[derive(Clone)]
pub(crate) struct ConnectionPool {
    pool: Pool<AsyncPgConnection>,
    meters: PoolMeters,
}

impl std::fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ConnectionPool")
            .field(&self.pool.status())
            .finish()
    }
}

/// What needs no transaction: it reads, or is one statement that may be repeated.
pub(crate) trait Query: Sync {
    /// What it answers.
    type Output;

    /// What is being done, for the error when it cannot be.
    const WHAT: &'static str;

    /// Does it.
    fn run(
        &self,
        conn: &mut AsyncPgConnection,
    ) -> impl Future<Output = Outcome<Self::Output>> + Send;
}

impl<A: Act> Query for A {
    type Output = A::Output;
    const WHAT: &'static str = A::WHAT;

    async fn run(&self, conn: &mut AsyncPgConnection) -> Outcome<A::Output> {
        Act::run(self, conn).await
    }
}

/// Why a transaction did not come to its end.
struct Undone {
    fault: Fault,
    /// Whether it certainly left nothing behind.
    for_sure: bool,
}

impl ConnectionPool {
    /// At most `size` connections to `target`; none is made yet.
    pub(crate) fn new(target: Arc<Target>, size: usize) -> Result<Self, OpenError> {
        let mut config = ManagerConfig::default();
        // Whether a connection is closed is known without asking; what is lost is tried again.
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let target = target.clone();
            async move {
                let (client, connection) = target
                    .connect()
                    .await
                    .map_err(|error| ConnectionError::BadConnection(format!("{error:#}")))?;
                let mut conn =
                    AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
                conn.batch_execute(SESSION)
                    .await
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(conn)
            }
            .boxed()
        });
        // The URL stays with the target.
        let manager = AsyncDieselConnectionManager::new_with_config("", config);
        Pool::builder(manager)
            .max_size(size)
            .build()
            .map(|pool| Self {
                pool,
                meters: PoolMeters::new(),
            })
            .map_err(|error| OpenError::unavailable("make the pool of connections", error))
    }

    /// A connection that nobody uses.
    pub(crate) async fn get(&self, what: &str) -> Result<Object<AsyncPgConnection>, StoreError> {
        let begun = Instant::now();
        match timeout(CONNECTION_WAIT, self.pool.get()).await {
            Ok(Ok(conn)) => {
                let status = self.pool.status();
                let counts = [status.max_size, status.size, status.available];
                self.meters.got_connection(begun.elapsed(), counts);
                Ok(conn)
            }
            Ok(Err(error)) => Err(unavailable(what, error)),
            Err(_) => Err(unavailable(what, "no connection was free or made in time")),
        }
    }

    /// Runs what needs no transaction.
    pub(crate) async fn query<Q: Query>(&self, query: &Q) -> Result<Q::Output, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut conn = self.get(Q::WHAT).await?;
            match timeout(ACT_LIMIT, query.run(&mut conn)).await {
                Ok(Ok(output)) => return Ok(output),
                Ok(Err(Fault::Database(error))) if is_lost(&error) && tries < MAX_TRIES => {
                    give_up(conn);
                }
                Ok(Err(fault)) => return Err(fault.into_store_error(Q::WHAT)),
                Err(_) => {
                    give_up(conn);
                    return Err(unavailable(Q::WHAT, "the database did not answer in time"));
                }
            }
        }
    }

    /// Runs an act in a transaction.
    pub(crate) async fn transact<A: Act>(&self, act: &A) -> Result<A::Output, StoreError> {
        let deadline = Instant::now() + ACT_LIMIT;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut conn = self.get(A::WHAT).await?;
            let begun = Instant::now();
            match timeout(ACT_LIMIT, in_transaction(&mut conn, act)).await {
                Ok(Ok(output)) => {
                    self.meters.commits.committed(1, begun.elapsed());
                    return Ok(output);
                }
                Ok(Err(undone)) => {
                    if !is_usable(&undone.fault) {
                        give_up(conn);
                    }
                    let again = undone.for_sure
                        && is_worth_trying(&undone.fault, tries)
                        && Instant::now() < deadline;
                    if !again {
                        if matches!(undone.fault, Fault::Database(_)) {
                            self.meters.commits.failed();
                        }
                        return Err(undone.fault.into_store_error(A::WHAT));
                    }
                }
                Err(_) => {
                    self.meters.commits.failed();
                    give_up(conn);
                    return Err(unavailable(A::WHAT, "the database did not answer in time"));
                }
            }
            self.meters.tried_again();
            sleep(TRY_PAUSE * tries).await;
        }
    }
}

async fn in_transaction<A: Act>(
    conn: &mut AsyncPgConnection,
    act: &A,
) -> Result<A::Output, Undone> {
    let surely_undone = |fault| Undone {
        fault,
        for_sure: true,
    };
    Transactions::begin_transaction(conn)
        .await
        .map_err(|error| surely_undone(error.into()))?;
    match Act::run(act, conn).await {
        Ok(output) => match Transactions::commit_transaction(conn).await {
            Ok(()) => Ok(output),
            Err(error) => Err(Undone {
                // Without an answer to COMMIT nobody knows.
                for_sure: !is_lost(&error),
                fault: error.into(),
            }),
        },
        Err(fault) => {
            // A connection that cannot even roll back is broken, and the pool sees it.
            let rolled_back = Transactions::rollback_transaction(conn).await;
            if let Err(error) = rolled_back {
                tracing::debug!(%error, "a connection could not roll back");
            }
            Err(surely_undone(fault))
        }
    }
}

/// Closes a connection that may be in the middle of something.
fn give_up(conn: Object<AsyncPgConnection>) {
    drop(Object::take(conn));
}

const fn is_lost(error: &DatabaseError) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(
        error,
        DatabaseError::DatabaseError(ClosedConnection | UnableToSendCommand, _)
            | DatabaseError::BrokenTransactionManager
    )
}

/// Whether the connection is still good for others. One to a server that has become read-only, as
/// after a failover, is not.
fn is_usable(fault: &Fault) -> bool {
    match fault {
        Fault::Refused(_) => true,
        Fault::Database(error) => {
            let read_only = DatabaseErrorKind::ReadOnlyTransaction;
            !is_lost(error)
                && !matches!(error, DatabaseError::DatabaseError(kind, _) if *kind == read_only)
        }
    }
}

/// Whether another try may end better: the connection was lost, or the database undid the
/// transaction for the sake of another (serialization failures, deadlocks, locks that took too
/// long, of which all but the first carry no kind of their own). A rule that two broke together is
/// looked at once more: the act then sees what the other has done.
fn is_worth_trying(fault: &Fault, tries: u32) -> bool {
    match fault {
        Fault::Database(DatabaseError::DatabaseError(kind, _)) => match kind {
            DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation => {
                tries < 2
            }
            DatabaseErrorKind::CheckViolation | DatabaseErrorKind::NotNullViolation => false,
            _ => tries < MAX_TRIES,
        },
        Fault::Database(DatabaseError::BrokenTransactionManager) => tries < MAX_TRIES,
        Fault::Database(_) | Fault::Refused(_) => false,
    }
}
