//! One row of an answer, read by column name.

use sqlx::Row as _;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Type};
use tidemill_types::{InvalidName, Micros, VersionNumber};

use super::Sql;
use crate::{RegistryError, Sha256Hash};

/// A row of the statement that it remembers for errors.
#[derive(Debug)]
pub(crate) struct Row {
    statement: &'static str,
    inner: SqliteRow,
}

impl Row {
    pub(super) fn new(sql: Sql, inner: SqliteRow) -> Row {
        Row {
            statement: sql.name,
            inner,
        }
    }

    fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(&'r self, column: &str) -> Result<T, RegistryError> {
        self.inner.try_get(column).map_err(|source| RegistryError::Decode {
            statement: self.statement,
            column: column.into(),
            source: Box::new(source),
        })
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, RegistryError> {
        self.get(column)
    }

    pub(crate) fn optional_int(&self, column: &str) -> Result<Option<i64>, RegistryError> {
        self.get(column)
    }

    pub(crate) fn count(&self, column: &str) -> Result<u64, RegistryError> {
        let value = self.int(column)?;
        u64::try_from(value).map_err(|source| self.unreadable(column, source))
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, RegistryError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn time(&self, column: &str) -> Result<Micros, RegistryError> {
        self.int(column).map(Micros)
    }

    pub(crate) fn optional_time(&self, column: &str) -> Result<Option<Micros>, RegistryError> {
        Ok(self.optional_int(column)?.map(Micros))
    }

    pub(crate) fn float(&self, column: &str) -> Result<f64, RegistryError> {
        self.get(column)
    }

    pub(crate) fn optional_float(&self, column: &str) -> Result<Option<f64>, RegistryError> {
        self.get(column)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, RegistryError> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, RegistryError> {
        self.get(column)
    }

    /// A name, checked again: what is in the file may not be what was written to it.
    pub(crate) fn name<N>(&self, column: &str) -> Result<N, RegistryError>
    where
        N: TryFrom<String, Error = InvalidName>,
    {
        N::try_from(self.text(column)?).map_err(|source| self.unreadable(column, source))
    }

    pub(crate) fn hash(&self, column: &str) -> Result<Sha256Hash, RegistryError> {
        self.text(column)?
            .parse()
            .map_err(|source: crate::InvalidHash| self.unreadable(column, source))
    }

    pub(crate) fn version(&self, column: &str) -> Result<VersionNumber, RegistryError> {
        let number = self.int(column)?;
        u32::try_from(number)
            .map(VersionNumber)
            .map_err(|source| self.unreadable(column, source))
    }

    pub(crate) fn optional_version(&self, column: &str) -> Result<Option<VersionNumber>, RegistryError> {
        match self.optional_int(column)? {
            Some(_) => self.version(column).map(Some),
            None => Ok(None),
        }
    }

    /// One of the words that `parse` knows.
    pub(crate) fn word<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, RegistryError> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| self.unreadable(column, UnknownWord(text)))
    }

    fn unreadable(&self, column: &str, source: impl std::error::Error + Send + Sync + 'static) -> RegistryError {
        RegistryError::Decode {
            statement: self.statement,
            column: column.into(),
            source: Box::new(source),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a word that is known here")]
struct UnknownWord(String);
