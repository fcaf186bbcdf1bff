//! What only the inside of the SQLite engine can show.

mod full_disk;
mod plans;

use std::path::Path;
use std::sync::Arc;

use acme_core::{Epoch, InFlight};
use acme_types::{ChallengeId, Slot, Timestamp};
use diesel::result::Error as DatabaseError;

use super::session::Session;

/// A database with the schema, and nothing in it.
fn empty(dir: &Path) -> Session {
    let path = dir.join("acme.db");
    super::connection::migrate(&path).unwrap();
    Session::new(super::connection::writer(&path).unwrap(), Arc::default())
}

#[test]
fn marks_are_as_before_when_a_transaction_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = empty(dir.path());
    let id = |n: u32| format!("{n:032}").parse::<ChallengeId>().unwrap();
    let mark = |number| InFlight {
        slot: Slot::new(0),
        epoch: Epoch(1),
        number,
        started_at: Timestamp::from_secs(1),
        until: Timestamp::from_secs(16),
    };
    let set = |session: &mut Session, n, number: Option<u32>| {
        session.set_mark(&id(n), number.map(mark));
        Ok::<(), DatabaseError>(())
    };
    session
        .transaction(|session| set(session, 1, Some(1)))
        .unwrap();

    let undone = session.transaction(|session| {
        set(session, 1, None)?;
        set(session, 2, Some(1))?;
        set(session, 2, Some(2))?;
        Err::<(), _>(DatabaseError::NotFound)
    });
    assert!(undone.is_err());
    assert_eq!(session.marks.get(&id(1)), Some(mark(1)));
    assert_eq!(session.marks.get(&id(2)), None);

    // What was done before a savepoint stays when the savepoint is undone.
    session
        .transaction(|session| {
            set(session, 1, Some(3))?;
            let part = session.transaction(|session| {
                set(session, 1, None)?;
                Err::<(), _>(DatabaseError::NotFound)
            });
            assert!(part.is_err());
            Ok::<(), DatabaseError>(())
        })
        .unwrap();
    assert_eq!(session.marks.get(&id(1)), Some(mark(3)));
}
