//! The one place that knows a database driver: statements, their arguments, rows, sessions.
//!
//! Everything above speaks [`Sql`], [`Arguments`], [`Row`] and [`Session`]. A second dialect is a folder of migrations
//! and one more arm in the enums of this folder: the statements use `$1` parameters, `on conflict` and `returning`, which
//! SQLite and PostgreSQL share.

mod arguments;
mod readers;
mod row;
mod session;
mod sqlite;
mod writer;

pub(crate) use arguments::Arguments;
pub(crate) use readers::Readers;
pub(crate) use row::Row;
pub(crate) use session::Session;
pub(crate) use sqlite::open;
pub(crate) use writer::Writer;

/// One statement with the name of its file, so that an error can say what failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    /// The file below `sql/`, without its ending.
    pub name: &'static str,
    /// The statement.
    pub text: &'static str,
}

/// The statement in `sql/<name>.sql` of this crate.
macro_rules! sql {
    ($name:literal) => {
        $crate::db::Sql {
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $name, ".sql")),
        }
    };
}
pub(crate) use sql;
