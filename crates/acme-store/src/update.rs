//! Updates whose text never changes, prepared once for each connection.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{HasSqlType, Text};
use diesel::{AsChangeset, QueryResult};

/// Sets the columns of `R` in the row of this id. diesel's own `update` is prepared anew each time,
/// for it may set other columns from one time to the next; on SQLite that costs more than the update
/// itself.
///
/// `R` must set the same columns always: `treat_none_as_null` on a struct with an `Option`.
pub(crate) struct Update<'a, R: AsChangeset> {
    table: &'static str,
    changes: R::Changeset,
    id: &'a str,
}

impl<'a, R: AsChangeset> Update<'a, R> {
    /// In `table`, which is that of `R`.
    pub(crate) fn new(table: &'static str, row: R, id: &'a str) -> Self {
        Self {
            table,
            changes: row.as_changeset(),
            id,
        }
    }
}

impl<R, DB> QueryFragment<DB> for Update<'_, R>
where
    R: AsChangeset<Changeset: QueryFragment<DB>>,
    DB: Backend + HasSqlType<Text>,
    str: diesel::serialize::ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        out.push_identifier(self.table)?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Text, _>(self.id)
    }
}

/// It is found again by the type of its row.
impl<R: AsChangeset + 'static> QueryId for Update<'_, R> {
    type QueryId = Update<'static, R>;

    const HAS_STATIC_QUERY_ID: bool = true;
}
