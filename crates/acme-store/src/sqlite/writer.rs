//! The one thread that writes: many acts in one transaction, each caller answered after its commit.

mod inbox;
mod waiting;

use std::fs::File;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use acme_core::StoreError;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use self::inbox::{Inbox, Outlets, inbox};
use self::waiting::Waiting;

use super::connection::checkpoint;
use super::marks::Marks;
use super::session::Session;
use crate::OpenError;
use crate::act::{Act, Fault, at_once, unavailable};
use crate::metrics::CommitMeters;

/// A handle on the writing thread. The thread ends when the last handle is dropped or after
/// [`Writer::close`], whichever is first; what was let in before is done.
#[derive(Debug)]
pub(crate) struct Writer {
    outlets: Option<Outlets>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `conn`; `connect` makes another one when that has failed. The thread
    /// keeps `lock` as long as it lives.
    pub(crate) fn start(
        conn: SqliteConnection,
        marks: Arc<Marks>,
        connect: impl FnMut() -> Result<SqliteConnection, OpenError> + Send + 'static,
        lock: Option<File>,
    ) -> Result<Self, OpenError> {
        let (outlets, inbox) = inbox();
        // Made here: which recorder is in place may differ by thread.
        let meters = CommitMeters::new();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let connection = Connection {
                    meters,
                    open: Some(Session::new(conn, Arc::clone(&marks))),
                    marks,
                    connect,
                };
                let last = run(connection, inbox);
                // Only now may another process have the file, and only then is the store closed.
                drop(lock);
                if let Some((last, failed)) = last {
                    last.answer(failed.as_ref());
                }
            })
            .map_err(|error| OpenError::unavailable("start the writing thread", error))?;
        Ok(Self {
            outlets: Some(outlets),
            thread: Some(thread),
        })
    }

    /// Runs an act; returns after its commit. It goes on when the caller stops waiting.
    pub(crate) async fn run<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        let can_wait = act.can_wait();
        let (job, answer) = asked(act);
        let outlets = self.outlets.as_ref().ok_or_else(closed::<A>)?;
        if can_wait {
            outlets.patient.send(job).await.map_err(|_| closed::<A>())?;
        } else {
            outlets.urgent.send(job).await.map_err(|_| closed::<A>())?;
        }
        answer.await.map_err(|_| closed::<A>())?
    }

    /// Runs a last act, moves the log into the database and ends the thread. Whoever comes later is
    /// refused.
    pub(crate) async fn close<A: Act>(&self, last: A) -> Result<A::Output, StoreError> {
        let (job, answer) = asked(last);
        let outlets = self.outlets.as_ref().ok_or_else(closed::<A>)?;
        outlets.last.send(job).await.map_err(|_| closed::<A>())?;
        answer.await.map_err(|_| closed::<A>())?
    }
}

fn closed<A: Act>() -> StoreError {
    unavailable(A::WHAT, "the store is closed")
}

type Answer<A> = oneshot::Receiver<Result<<A as Act>::Output, StoreError>>;

fn asked<A: Act>(act: A) -> (Box<dyn Job>, Answer<A>) {
    let (caller, answer) = oneshot::channel();
    let job = Box::new(Asked {
        act,
        outcome: None,
        caller,
    });
    (job, answer)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.outlets = None;
        if let Some(thread) = self.thread.take() {
            // A few milliseconds at most: the file must be free when the store is gone.
            let _ = thread.join();
        }
    }
}

/// An act with its caller, whatever they are.
trait Job: Send {
    /// Runs the act within the transaction that is open; may be called again when that was undone.
    fn run(&mut self, session: &mut Session) -> Ran;

    /// The transaction was committed, or failed as a whole.
    fn answer(self: Box<Self>, failed: Option<&DatabaseError>);
}

/// What an act has done to the transaction around it.
enum Ran {
    /// What it wrote shall stay, if it wrote at all.
    Kept,
    /// It was refused and may have written: that must not stay.
    Refused,
    /// The engine failed: nothing may stay.
    Failed(DatabaseError),
}

/// An act and who asked for it.
struct Asked<A: Act> {
    act: A,
    outcome: Option<Result<A::Output, StoreError>>,
    caller: oneshot::Sender<Result<A::Output, StoreError>>,
}

impl<A: Act> Job for Asked<A> {
    fn run(&mut self, session: &mut Session) -> Ran {
        let (outcome, ran) = match at_once(self.act.run(session)) {
            Ok(output) => (Ok(output), Ran::Kept),
            Err(fault) if fault.is_engine_failure() => match fault {
                Fault::Database(error) => {
                    self.outcome = None;
                    return Ran::Failed(error);
                }
                Fault::Refused(error) => (Err(error), Ran::Refused),
            },
            // The fence is looked at before anything is written.
            Err(Fault::Refused(error @ StoreError::Fenced { .. })) => (Err(error), Ran::Kept),
            Err(fault) => (Err(fault.into_store_error(A::WHAT)), Ran::Refused),
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, failed: Option<&DatabaseError>) {
        let answer = match (failed, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(error), _) => Err(unavailable(A::WHAT, error.to_string())),
            (None, None) => Err(unavailable(A::WHAT, "the act was not run")),
        };
        // A caller that has gone away does not want the answer.
        let _ = self.caller.send(answer);
    }
}

/// The connection that writes, and how to make another one.
struct Connection<F> {
    meters: CommitMeters,
    open: Option<Session>,
    marks: Arc<Marks>,
    connect: F,
}

/// Serves the inbox to its end; the last act, if there was one, and how it failed.
fn run<F>(
    mut connection: Connection<F>,
    mut inbox: Inbox,
) -> Option<(Box<dyn Job>, Option<DatabaseError>)>
where
    F: FnMut() -> Result<SqliteConnection, OpenError>,
{
    let mut waiting = Waiting::default();
    while waiting.last.is_none() && waiting.take_in(&mut inbox) {
        connection.meters.waiting(waiting.len());
        connection.commit(waiting.next_batch());
        connection.meters.waiting(waiting.len());
    }
    if waiting.last.is_some() {
        inbox.close(&mut waiting);
    }
    while !waiting.is_empty() {
        connection.commit(waiting.next_batch());
    }
    let last = waiting.last;
    let last = last.map(|last| {
        let mut batch = [last];
        let failed = connection.transact(&mut batch).err();
        let [last] = batch;
        (last, failed)
    });
    if let Some(session) = &mut connection.open
        && let Err(error) = checkpoint(&mut session.conn)
    {
        tracing::warn!(%error, "the log could not be moved into the database; the next start does it");
    }
    last
}

impl<F> Connection<F>
where
    F: FnMut() -> Result<SqliteConnection, OpenError>,
{
    /// Runs a batch in one transaction and answers its callers. A connection on which the engine
    /// failed is given up, and the next batch opens another one.
    fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        let begun = Instant::now();
        let failed = match self.transact(&mut batch) {
            Ok(()) => {
                self.meters.committed(batch.len(), begun.elapsed());
                None
            }
            Err(error) => {
                self.meters.failed();
                tracing::error!(%error, acts = batch.len(), "the store cannot write");
                Some(error)
            }
        };
        for job in batch {
            job.answer(failed.as_ref());
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), DatabaseError> {
        let mut session = match self.open.take() {
            Some(session) => session,
            None => {
                let conn = (self.connect)().map_err(|error| {
                    let message = Box::new(error.to_string());
                    DatabaseError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, message)
                })?;
                Session::new(conn, Arc::clone(&self.marks))
            }
        };
        transact(&mut session, batch)?;
        self.open = Some(session);
        Ok(())
    }
}

/// Why a transaction was undone.
enum Undone {
    ByRefusal,
    ByEngine(DatabaseError),
}

impl From<DatabaseError> for Undone {
    fn from(error: DatabaseError) -> Self {
        Self::ByEngine(error)
    }
}

fn transact(session: &mut Session, batch: &mut [Box<dyn Job>]) -> Result<(), DatabaseError> {
    // Refusals after a write are rare, so savepoints are not paid for until there is one.
    let outcome = session.transaction(|session| {
        for job in batch.iter_mut() {
            match job.run(session) {
                Ran::Kept => {}
                Ran::Refused => return Err(Undone::ByRefusal),
                Ran::Failed(error) => return Err(Undone::ByEngine(error)),
            }
        }
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(Undone::ByEngine(error)) => Err(error),
        Err(Undone::ByRefusal) => transact_apart(session, batch),
    }
}

/// The same with a savepoint around each act, so that one that is refused takes nothing with it.
fn transact_apart(session: &mut Session, batch: &mut [Box<dyn Job>]) -> Result<(), DatabaseError> {
    session.transaction(|session| {
        for job in batch.iter_mut() {
            let outcome = session.transaction(|session| match job.run(session) {
                Ran::Kept => Ok(()),
                Ran::Refused => Err(Undone::ByRefusal),
                Ran::Failed(error) => Err(Undone::ByEngine(error)),
            });
            if let Err(Undone::ByEngine(error)) = outcome {
                return Err(error);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An act that does nothing.
    pub(super) struct Nothing;

    impl Job for Nothing {
        fn run(&mut self, _: &mut Session) -> Ran {
            Ran::Kept
        }

        fn answer(self: Box<Self>, _: Option<&DatabaseError>) {}
    }
}
