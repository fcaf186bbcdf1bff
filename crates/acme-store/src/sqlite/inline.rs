//! Statements on a SQLite connection, run at once, in the shape of diesel-async's: so the same
//! query text serves both engines.

use std::future::{Ready, ready};

use diesel::prelude::*;
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};

use super::session::Session;

/// What diesel-async's trait of this name does, without waiting for anything.
pub(crate) trait RunQueryDsl: Sized {
    /// Runs the statement; the number of rows it changed.
    fn execute(self, session: &mut Session) -> Ready<QueryResult<usize>>
    where
        Self: ExecuteDsl<SqliteConnection>,
    {
        ready(ExecuteDsl::execute(self, &mut session.conn))
    }

    /// Runs the query; all rows.
    fn load<'query, U>(self, session: &mut Session) -> Ready<QueryResult<Vec<U>>>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        ready(all(self, &mut session.conn))
    }

    /// Runs the query; its first row.
    fn get_result<'query, U>(self, session: &mut Session) -> Ready<QueryResult<U>>
    where
        Self: LoadQuery<'query, SqliteConnection, U>,
    {
        ready(first(self, &mut session.conn))
    }
}

impl<T> RunQueryDsl for T {}

fn all<'query, Q, U>(query: Q, conn: &mut SqliteConnection) -> QueryResult<Vec<U>>
where
    Q: LoadQuery<'query, SqliteConnection, U>,
{
    query.internal_load(conn)?.collect()
}

fn first<'query, Q, U>(query: Q, conn: &mut SqliteConnection) -> QueryResult<U>
where
    Q: LoadQuery<'query, SqliteConnection, U>,
{
    match query.internal_load(conn)?.next() {
        Some(row) => row,
        None => Err(diesel::result::Error::NotFound),
    }
}
