//! Names in SQL that this crate writes. Quoted, because a column may be called `order` or `select`.

use std::fmt::Display;

use tidemill_types::ColumnName;

/// The name in quotes. Names of the house hold no quotes themselves.
pub(crate) fn quoted(name: impl Display) -> String {
    format!("\"{name}\"")
}

/// The columns of a table, `t."A", t."B"`.
pub(crate) fn listed<'a>(table: &str, columns: impl IntoIterator<Item = &'a ColumnName>) -> String {
    let columns = columns.into_iter().map(|column| format!("{table}.{}", quoted(column)));
    columns.collect::<Vec<_>>().join(", ")
}

/// That two tables have the same key, `a."A" = b."A" and …`.
pub(crate) fn same_key(left: &str, right: &str, key: &[ColumnName]) -> String {
    let pairs = key.iter().map(|column| {
        let column = quoted(column);
        format!("{left}.{column} = {right}.{column}")
    });
    pairs.collect::<Vec<_>>().join(" and ")
}
