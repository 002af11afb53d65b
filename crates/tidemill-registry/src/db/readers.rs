//! The pool of connections that only read.

use sqlx::sqlite::SqlitePool;

use super::{Arguments, Row, Session, Sql};
use crate::RegistryError;

/// Lends sessions that cannot write. A write whose caller was answered is seen by every read that starts after.
#[derive(Debug, Clone)]
pub(crate) struct Readers(pub(super) SqlitePool);

impl Readers {
    /// A session for several statements; it goes back to the pool when dropped.
    pub(crate) async fn session(&self) -> Result<Session, RegistryError> {
        self.0
            .acquire()
            .await
            .map(Session::SqlitePooled)
            .map_err(|source| match source {
                sqlx::Error::PoolClosed => RegistryError::Closed,
                source => RegistryError::Database {
                    statement: "acquire a reader",
                    source,
                },
            })
    }

    pub(crate) async fn rows(&self, sql: Sql, arguments: Arguments) -> Result<Vec<Row>, RegistryError> {
        self.session().await?.rows(sql, arguments).await
    }

    pub(crate) async fn row(&self, sql: Sql, arguments: Arguments) -> Result<Option<Row>, RegistryError> {
        self.session().await?.row(sql, arguments).await
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}
