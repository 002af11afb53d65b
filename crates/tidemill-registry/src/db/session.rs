//! A connection, owned by the writer or lent by the pool of readers.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe, Executor as _, SqlSafeStr as _};

use super::arguments::{Argument, Arguments};
use super::{Row, Sql};
use crate::RegistryError;
use crate::limits::ROWS_PER_STATEMENT;

/// Stands in a statement's file where [`Session::execute_many`] puts the groups of parameters.
const ROWS_MARK: &str = "/* rows */";

/// Stands in a statement's file where [`Session::rows_of_keys`] puts the parameters.
const KEYS_MARK: &str = "/* keys */";

/// Runs statements, one at a time.
#[derive(Debug)]
pub(crate) enum Session {
    /// The writer's own connection.
    Sqlite(Box<SqliteConnection>),
    /// A reader of the pool.
    SqlitePooled(PoolConnection<Sqlite>),
}

impl Session {
    fn sqlite(&mut self) -> &mut SqliteConnection {
        match self {
            Session::Sqlite(connection) => connection,
            Session::SqlitePooled(connection) => connection,
        }
    }

    /// Runs a statement that answers nothing; gives the number of rows that it wrote.
    pub(crate) async fn execute(&mut self, sql: Sql, arguments: Arguments) -> Result<u64, RegistryError> {
        let bound = bind(arguments).map_err(|source| failed(sql, source))?;
        let done = self
            .sqlite()
            .execute(sqlx::query_with(sql.text, bound))
            .await
            .map_err(|source| failed(sql, source))?;
        Ok(done.rows_affected())
    }

    /// Runs an `insert … values /* rows */` for many rows, [`ROWS_PER_STATEMENT`] at a time.
    ///
    /// Every row must have as many arguments as the first.
    pub(crate) async fn execute_many(&mut self, sql: Sql, rows: Vec<Arguments>) -> Result<(), RegistryError> {
        let mut rows = rows.into_iter().peekable();
        while let Some(first) = rows.peek() {
            let width = first.0.len();
            let chunk: Vec<Arguments> = rows.by_ref().take(ROWS_PER_STATEMENT).collect();
            // Safe: the text is a file of this crate, and only parameters are put in.
            let text = AssertSqlSafe(sql.text.replace(ROWS_MARK, &parameter_groups(chunk.len(), width))).into_sql_str();
            let flat = Arguments(chunk.into_iter().flat_map(|row| row.0).collect());
            let bound = bind(flat).map_err(|source| failed(sql, source))?;
            self.sqlite()
                .execute(sqlx::query_with(text, bound))
                .await
                .map_err(|source| failed(sql, source))?;
        }
        Ok(())
    }

    /// All rows of a query `… in (/* keys */)` for many keys, [`ROWS_PER_STATEMENT`] keys at a time.
    pub(crate) async fn rows_of_keys(&mut self, sql: Sql, keys: &[i64]) -> Result<Vec<Row>, RegistryError> {
        let mut all = Vec::new();
        for chunk in keys.chunks(ROWS_PER_STATEMENT) {
            let group = parameter_groups(1, chunk.len());
            // Safe: the text is a file of this crate, and only parameters are put in.
            let text = AssertSqlSafe(sql.text.replace(KEYS_MARK, group.trim_matches(['(', ')']))).into_sql_str();
            let arguments = chunk
                .iter()
                .fold(Arguments::new(), |arguments, key| arguments.int(*key));
            let bound = bind(arguments).map_err(|source| failed(sql, source))?;
            let rows = self
                .sqlite()
                .fetch_all(sqlx::query_with(text, bound))
                .await
                .map_err(|source| failed(sql, source))?;
            all.extend(rows.into_iter().map(|row| Row::new(sql, row)));
        }
        Ok(all)
    }

    /// All rows of the answer. The statement must bound their number.
    pub(crate) async fn rows(&mut self, sql: Sql, arguments: Arguments) -> Result<Vec<Row>, RegistryError> {
        let bound = bind(arguments).map_err(|source| failed(sql, source))?;
        let rows = self
            .sqlite()
            .fetch_all(sqlx::query_with(sql.text, bound))
            .await
            .map_err(|source| failed(sql, source))?;
        Ok(rows.into_iter().map(|row| Row::new(sql, row)).collect())
    }

    /// The first row of the answer, if it has one.
    pub(crate) async fn row(&mut self, sql: Sql, arguments: Arguments) -> Result<Option<Row>, RegistryError> {
        let bound = bind(arguments).map_err(|source| failed(sql, source))?;
        let row = self
            .sqlite()
            .fetch_optional(sqlx::query_with(sql.text, bound))
            .await
            .map_err(|source| failed(sql, source))?;
        Ok(row.map(|row| Row::new(sql, row)))
    }

    /// Begins, ends or marks a transaction.
    pub(super) async fn control(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        // As a query it stays prepared; as a bare text it would be parsed each time.
        self.sqlite().execute(sqlx::query(statement)).await.map(drop)
    }

    /// Gives the connection back, or closes it.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;
        match self {
            Session::Sqlite(connection) => connection.close().await,
            Session::SqlitePooled(_) => Ok(()),
        }
    }
}

fn failed(sql: Sql, source: sqlx::Error) -> RegistryError {
    RegistryError::Database {
        statement: sql.name,
        source,
    }
}

fn bind(arguments: Arguments) -> Result<SqliteArguments, sqlx::Error> {
    let mut bound = SqliteArguments::default();
    for argument in arguments.0 {
        match argument {
            Argument::Int(value) => bound.add(value),
            Argument::Float(value) => bound.add(value),
            Argument::Text(value) => bound.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

/// `(?, ?), (?, ?)` for two rows of two. SQLite finds a numbered parameter by a walk over all of them, which costs more
/// than the rows from some hundred on; these have no name to look for.
fn parameter_groups(rows: usize, width: usize) -> String {
    let group = format!("({})", vec!["?"; width].join(", "));
    vec![group; rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_a_group_of_parameters() {
        for (rows, width, expected) in [(1, 1, "(?)"), (1, 3, "(?, ?, ?)"), (3, 2, "(?, ?), (?, ?), (?, ?)")] {
            assert_eq!(parameter_groups(rows, width), expected);
        }
    }
}
