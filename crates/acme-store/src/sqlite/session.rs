//! A connection to the file together with the marks beside it: what the shared queries run on.

use std::sync::Arc;

use acme_core::{Challenge, InFlight};
use acme_types::ChallengeId;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DatabaseError;
use diesel::sqlite::SqliteConnection;

use super::marks::Marks;
use crate::rows::{Counters, Tracked};

/// A connection and the marks.
pub(crate) struct Session {
    pub(super) conn: SqliteConnection,
    pub(super) marks: Arc<Marks>,
    // What the marks were before this transaction, oldest change first.
    before: Vec<(ChallengeId, Option<InFlight>)>,
}

impl Session {
    pub(crate) const fn new(conn: SqliteConnection, marks: Arc<Marks>) -> Self {
        Self {
            conn,
            marks,
            before: Vec::new(),
        }
    }

    /// Runs `act` in a transaction, or in a savepoint of the one that is open. When it fails,
    /// neither rows nor marks have changed.
    pub(super) fn transaction<T, E: From<DatabaseError>>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let changes = self.before.len();
        let is_outermost = is_idle(&mut self.conn)?;
        if is_outermost {
            AnsiTransactionManager::begin_transaction_sql(&mut self.conn, "BEGIN IMMEDIATE")?;
        } else {
            AnsiTransactionManager::begin_transaction(&mut self.conn)?;
        }
        let outcome = act(self).and_then(|done| {
            AnsiTransactionManager::commit_transaction(&mut self.conn)?;
            Ok(done)
        });
        if outcome.is_err() {
            // A connection that cannot even do this is given up, and the transaction with it.
            let _ = AnsiTransactionManager::rollback_transaction(&mut self.conn);
            for (id, mark) in self.before.drain(changes..).rev() {
                self.marks.set(&id, mark);
            }
        } else if is_outermost {
            self.before.clear();
        }
        outcome
    }

    /// Puts a mark, or takes it away, as a part of the transaction that is open.
    pub(super) fn set_mark(&mut self, id: &ChallengeId, mark: Option<InFlight>) {
        let before = self.marks.set(id, mark);
        if before != mark {
            self.before.push((id.clone(), before));
        }
    }

    /// An authorization as it is, given what its rows say.
    pub(super) fn with_marks(&self, mut tracked: Option<Tracked>) -> Option<Tracked> {
        if let Some(tracked) = &mut tracked {
            let challenges = tracked.authorization.challenges.iter_mut();
            for (challenge, counters) in challenges.zip(&mut tracked.counters) {
                self.add_mark(challenge, counters);
            }
        }
        tracked
    }

    /// A challenge as it is, given what its row says.
    pub(super) fn add_mark(&self, challenge: &mut Challenge, counters: &mut Counters) {
        self.marks.add_to(challenge, counters);
    }
}

fn is_idle(conn: &mut SqliteConnection) -> Result<bool, DatabaseError> {
    let status = AnsiTransactionManager::transaction_manager_status_mut(conn);
    Ok(status.transaction_depth()?.is_none())
}
