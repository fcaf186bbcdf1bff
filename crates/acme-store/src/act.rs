//! An act: one protocol step as one transaction, written once for every engine.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use acme_core::StoreError;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};

use crate::rows::Rows;

/// One step of the protocol, to be done whole or not at all. It may be run again from the start
/// when its transaction was undone, so it holds what it needs and changes nothing but rows.
///
/// An act decides before it writes: one that is refused has written nothing.
pub trait Act: Send + Sync + 'static {
    /// What it answers.
    type Output: Send + 'static;

    /// What is being done, for the error when it cannot be.
    const WHAT: &'static str;

    /// Whether it may wait for those that a client waits for, where they queue.
    fn can_wait(&self) -> bool {
        false
    }

    /// Does it, within one transaction.
    fn run<R: Rows>(&self, rows: &mut R) -> impl Future<Output = Outcome<Self::Output>> + Send;
}

/// The outcome of an act or of a query within one.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// Why an act was not done.
#[derive(Debug)]
pub enum Fault {
    /// It must not be done. Nothing was written.
    Refused(StoreError),
    /// The database did not do it.
    Database(DatabaseError),
}

impl Fault {
    /// What is stored, or was to be stored, makes no sense.
    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::Refused(StoreError::Corrupt(message.into()))
    }

    /// Whether the engine itself failed (full, busy, gone, input or output errors), so that nothing
    /// can be said about the transaction around it.
    pub(crate) fn is_engine_failure(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Database(error) => !is_rule_violation(error) && !is_nonsense(error),
        }
    }

    /// The port's error for the caller of `what`.
    pub(crate) fn into_store_error(self, what: &str) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Database(error) if is_rule_violation(&error) || is_nonsense(&error) => {
                StoreError::Corrupt(format!("{what}: {error}"))
            }
            Self::Database(error) => unavailable(what, error),
        }
    }
}

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// Runs an act on an engine that never makes it wait.
pub(crate) fn at_once<T>(act: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    match pin!(act).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Fault::corrupt(
            "an act that waits where nothing is waited for",
        )),
    }
}

/// The port's error for an engine that cannot do `what` now.
pub(crate) fn unavailable(
    what: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable {
        context: what.to_owned(),
        source: Some(source.into()),
    }
}

fn is_rule_violation(error: &DatabaseError) -> bool {
    use DatabaseErrorKind::{
        CheckViolation, ExclusionViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation,
    };
    matches!(
        error,
        DatabaseError::DatabaseError(
            UniqueViolation
                | ForeignKeyViolation
                | NotNullViolation
                | CheckViolation
                | ExclusionViolation,
            _
        )
    )
}

const fn is_nonsense(error: &DatabaseError) -> bool {
    matches!(
        error,
        DatabaseError::DeserializationError(_)
            | DatabaseError::SerializationError(_)
            | DatabaseError::QueryBuilderError(_)
            | DatabaseError::InvalidCString(_)
            | DatabaseError::NotFound
    )
}
