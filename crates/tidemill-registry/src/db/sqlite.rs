//! SQLite: how it is opened, and its migrations.

use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlSafeStr as _};

use super::{Readers, Session};
use crate::RegistryError;
use crate::limits::{BUSY_TIMEOUT, READER_WAIT_MAX, READERS_MAX, STATEMENTS_CACHED_MAX};

macro_rules! migration {
    ($version:literal, $name:literal) => {
        (
            $version,
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/migrations/sqlite/",
                $name,
                ".sql"
            )),
        )
    };
}

/// In order. A migration that was released never changes again: the next one has the next number.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    migration!(1, "0001_runs"),
    migration!(2, "0002_metrics"),
    migration!(3, "0003_artifacts_and_lineage"),
    migration!(4, "0004_models"),
    migration!(5, "0005_aliases_and_deployments"),
    migration!(6, "0006_audit"),
    migration!(7, "0007_event_clock_and_firings"),
];

/// Opens the file, makes it when it is not there, and brings it to the newest schema.
pub(crate) async fn open(file: &Path) -> Result<(Session, Readers), RegistryError> {
    let failed = |source| RegistryError::Open {
        location: file.display().to_string(),
        source,
    };
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered as deployed must survive a power cut. Many writes share the one fsync of their group.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_CACHED_MAX)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(failed)?;
    migrator()
        .run(&mut connection)
        .await
        .map_err(|source| RegistryError::Migrate {
            location: file.display().to_string(),
            source: Box::new(source),
        })?;
    // A reader opens an existing file only, and in WAL mode it never waits for the writer.
    let reading = options.create_if_missing(false).read_only(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS_MAX)
        .acquire_timeout(READER_WAIT_MAX)
        // A file has no network that could drop a connection while it idles.
        .test_before_acquire(false)
        .connect_with(reading)
        .await
        .map_err(failed)?;
    Ok((Session::Sqlite(Box::new(connection)), Readers(pool)))
}

fn migrator() -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|&(version, name, text)| {
                Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_as_their_files() {
        for (position, (version, name, _)) in MIGRATIONS.iter().enumerate() {
            assert_eq!(*version, position as i64 + 1, "{name}");
            assert_eq!(name[..4].parse(), Ok(*version), "{name}");
        }
    }
}
