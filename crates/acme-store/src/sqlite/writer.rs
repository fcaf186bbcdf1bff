//! The one thread that writes: many acts in one transaction, each caller answered after its commit.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use acme_core::StoreError;
use diesel::connection::Connection as _;
use diesel::result::Error as DatabaseError;
use diesel::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::connection;
use crate::OpenError;
use crate::act::{Act, Fault, at_once, unavailable};

/// Most acts in one transaction.
const MAX_BATCH: usize = 512;
/// Most acts that wait; a caller beyond that waits to be let in.
const MAX_WAITING: usize = 4096;

/// A handle on the writing thread. The thread ends when the last handle is dropped or after
/// [`Writer::close`], whichever is first; what was let in before is done.
#[derive(Debug)]
pub(crate) struct Writer {
    messages: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Job(Box<dyn Job>),
    /// Do this last, after all that was let in before, then end.
    Close(Box<dyn Job>),
}

impl Writer {
    /// Starts the thread. It keeps `lock` as long as it lives.
    pub(crate) fn start(
        path: PathBuf,
        conn: SqliteConnection,
        lock: Option<File>,
    ) -> Result<Self, OpenError> {
        let (messages, inbox) = mpsc::channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                run(&path, conn, inbox);
                // Only now may another process have the file.
                drop(lock);
            })
            .map_err(|error| OpenError::unavailable("start the writing thread", error))?;
        Ok(Self {
            messages: Some(messages),
            thread: Some(thread),
        })
    }

    /// Runs an act; returns after its commit. It goes on when the caller stops waiting.
    pub(crate) async fn run<A: Act>(&self, act: A) -> Result<A::Output, StoreError> {
        self.send(act, Message::Job).await
    }

    /// Runs a last act, moves the log into the database and ends the thread. Whoever comes later is
    /// refused.
    pub(crate) async fn close<A: Act>(&self, last: A) -> Result<A::Output, StoreError> {
        self.send(last, Message::Close).await
    }

    async fn send<A: Act>(
        &self,
        act: A,
        message: impl FnOnce(Box<dyn Job>) -> Message,
    ) -> Result<A::Output, StoreError> {
        let closed = || unavailable(A::WHAT, "the store is closed");
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Waiting {
            act,
            outcome: None,
            caller,
        });
        let messages = self.messages.as_ref().ok_or_else(closed)?;
        messages.send(message(job)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            // A few milliseconds at most: the file must be free when the store is gone.
            let _ = thread.join();
        }
    }
}

/// An act with its caller, whatever they are.
trait Job: Send {
    /// Runs the act within the transaction that is open; may be called again when that was undone.
    fn run(&mut self, conn: &mut SqliteConnection) -> Ran;

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

struct Waiting<A: Act> {
    act: A,
    outcome: Option<Result<A::Output, StoreError>>,
    caller: oneshot::Sender<Result<A::Output, StoreError>>,
}

impl<A: Act> Job for Waiting<A> {
    fn run(&mut self, conn: &mut SqliteConnection) -> Ran {
        let (outcome, ran) = match at_once(self.act.run(conn)) {
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

fn run(path: &Path, conn: SqliteConnection, mut inbox: mpsc::Receiver<Message>) {
    let mut conn = Some(conn);
    let mut messages = Vec::with_capacity(MAX_BATCH);
    loop {
        if inbox.blocking_recv_many(&mut messages, MAX_BATCH) == 0 {
            break;
        }
        let mut batch = Vec::with_capacity(messages.len());
        let mut last = None;
        for message in messages.drain(..) {
            match message {
                Message::Job(job) => batch.push(job),
                Message::Close(job) => last = Some(job),
            }
        }
        commit(path, &mut conn, batch);
        if let Some(last) = last {
            inbox.close();
            let mut rest = Vec::new();
            while let Ok(Message::Job(job)) = inbox.try_recv() {
                rest.push(job);
            }
            commit(path, &mut conn, rest);
            commit(path, &mut conn, vec![last]);
            break;
        }
    }
    if let Some(conn) = &mut conn
        && let Err(error) = connection::checkpoint(conn)
    {
        tracing::warn!(%error, "the log could not be moved into the database; the next start does it");
    }
}

/// Runs a batch in one transaction and answers its callers. A connection on which the engine failed
/// is given up, and the next batch opens another one.
fn commit(path: &Path, conn: &mut Option<SqliteConnection>, mut batch: Vec<Box<dyn Job>>) {
    if batch.is_empty() {
        return;
    }
    let failed = match conn.take().map_or_else(|| connection::writer(path), Ok) {
        Ok(mut open) => match transact(&mut open, &mut batch) {
            Ok(()) => {
                *conn = Some(open);
                None
            }
            Err(error) => {
                tracing::error!(%error, acts = batch.len(), "the store cannot write");
                Some(error)
            }
        },
        Err(error) => {
            tracing::error!(%error, acts = batch.len(), "the store cannot be opened again");
            let message = Box::new(error.to_string());
            Some(DatabaseError::DatabaseError(
                diesel::result::DatabaseErrorKind::UnableToSendCommand,
                message,
            ))
        }
    };
    for job in batch {
        job.answer(failed.as_ref());
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

fn transact(conn: &mut SqliteConnection, batch: &mut [Box<dyn Job>]) -> Result<(), DatabaseError> {
    // Refusals after a write are rare, so savepoints are not paid for until there is one.
    let outcome = conn.immediate_transaction(|conn| {
        for job in batch.iter_mut() {
            match job.run(conn) {
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
        Err(Undone::ByRefusal) => transact_apart(conn, batch),
    }
}

/// The same with a savepoint around each act, so that one that is refused takes nothing with it.
fn transact_apart(
    conn: &mut SqliteConnection,
    batch: &mut [Box<dyn Job>],
) -> Result<(), DatabaseError> {
    conn.immediate_transaction(|conn| {
        for job in batch.iter_mut() {
            let outcome = conn.transaction(|conn| match job.run(conn) {
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
