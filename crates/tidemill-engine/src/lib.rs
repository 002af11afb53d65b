//! The DataFusion session: one catalog over streams, feature views, dead letters and the registry, and SQL under limits.
//!
//! Invariants: SQL reads and never writes; a query sees one snapshot of each table, the newest when it began unless a scope
//! pins another; nothing of a query runs on the caller's threads; what a query may take is named in [`EngineSettings`] and
//! [`QueryLimits`]. Identifiers keep their case (`select TX_AMOUNT` needs no quotes), keywords and function names have none.
//!
//! Absent on purpose: tables over files or URLs by SQL, session settings, anything that knows what a feature or a check means.

mod catalog;
mod dead_letters;
mod engine;
mod error;
mod explain;
mod functions;
mod growth;
mod house_tables;
mod lake_tables;
mod reference_loading;
mod registry_tables;
mod resolver;
mod rows;
mod scope;
mod scoped_session;
mod session;
mod settings;
mod size;
mod statement;
#[cfg(test)]
mod tests;
mod workers;

pub use catalog::{CATALOG, Catalog, ColumnDescription, SCHEMA, StreamTable, TableDescription, TableKind, View};
pub use engine::{Engine, QueryAnswer};
pub use error::{EngineError, Position};
pub use explain::nearest;
pub use functions::{REFERENCES_MAX, References, count_column};
pub use house_tables::{DRIFT, HouseTable, PERFORMANCE, house_tables};
pub use rows::Rows;
pub use scope::{Parameter, Scope, TableBounds};
pub use scoped_session::ScopedSession;
pub use settings::{
    BATCH_ROWS, BATCHES_IN_FLIGHT_MAX, EngineSettings, GENERATED_BYTES_MAX, QUERIES_IN_FLIGHT_MAX, QueryLimits,
    SQL_BYTES_MAX, VIEW_DEPTH_MAX,
};
pub use workers::BatchStream;
