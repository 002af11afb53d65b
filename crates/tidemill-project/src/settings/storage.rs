//! `[storage]` and `[engine]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::DurationText;

use super::forms::DurationForm;
use crate::secret::{Place, Properties};
use crate::size::ByteSize;

/// Where data and state are kept. Relative paths start at the project's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct StorageSettings {
    /// The folder for everything that tidemill writes, unless one of the next three says otherwise.
    pub state: PathBuf,
    /// The lake's folder, or its URL as `s3://bucket/prefix`; by default `<state>/lake`.
    pub lake: Option<Place>,
    /// The registry's SQLite file, or its URL as `postgres://user@host/name`; by default `<state>/registry.db`.
    pub registry: Option<Place>,
    /// The folder of models' bytes; by default `<state>/artifacts`.
    pub artifacts: Option<Place>,
    /// Whether `up` maintains the lake's tables: small files into large ones, and files away that no kept version names.
    pub maintenance: bool,
    /// How often it looks at them.
    #[schemars(with = "DurationForm")]
    pub maintenance_interval: DurationText,
    /// Optimize a table with at least so many small files.
    #[schemars(range(min = 1))]
    pub optimize_files: usize,
    /// Files below this size are small.
    pub optimize_below: ByteSize,
    /// The size that optimized files come near to.
    pub optimize_to: ByteSize,
    /// How often files are deleted that no kept version names.
    #[schemars(with = "DurationForm")]
    pub vacuum_interval: DurationText,
    /// How long they stay before; older versions of a table cannot be read after. What a registered model was trained on stays
    /// in any case.
    #[schemars(with = "DurationForm")]
    pub vacuum_keep: DurationText,
    /// How long entries of the tables' logs stay, and at least as long as files: the audit tells commits before them by their sums
    /// alone. The newest thousand stay in any case.
    #[schemars(with = "DurationForm")]
    pub log_keep: DurationText,
    /// Whether a commit to a local lake is on the disk before it counts, so that a power cut takes nothing of it. A killed
    /// process loses nothing in any case, and object stores need no such thing.
    pub durable: bool,
    /// Options of the object store by its own names, as `{ "endpoint" = "http://localhost:9000" }`. Keys and tokens among them
    /// are never shown.
    pub options: Properties,
}

impl Default for StorageSettings {
    fn default() -> StorageSettings {
        StorageSettings {
            state: PathBuf::from(".tidemill"),
            lake: None,
            registry: None,
            artifacts: None,
            maintenance: true,
            maintenance_interval: DurationText::from_secs(60),
            optimize_files: 64,
            optimize_below: ByteSize::mb(32),
            optimize_to: ByteSize::mb(128),
            vacuum_interval: DurationText::from_secs(86_400),
            vacuum_keep: DurationText::from_secs(7 * 86_400),
            log_keep: DurationText::from_secs(7 * 86_400),
            durable: false,
            options: Properties::default(),
        }
    }
}

/// The SQL engine. The limits named `query_…` hold for SQL that comes from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct EngineSettings {
    /// Memory for sorts, joins and aggregates; beyond it they use the disk or fail.
    pub memory: ByteSize,
    /// Threads; by default one a core.
    #[schemars(range(min = 1))]
    pub threads: Option<usize>,
    /// The longest that a query may run.
    #[schemars(with = "DurationForm")]
    pub query_timeout: DurationText,
    /// The most rows of an answer.
    #[schemars(range(min = 1))]
    pub query_rows: usize,
    /// The most bytes of an answer in memory.
    pub query_bytes: ByteSize,
}

impl Default for EngineSettings {
    fn default() -> EngineSettings {
        EngineSettings {
            memory: ByteSize::mib(2_048),
            threads: None,
            query_timeout: DurationText::from_secs(30),
            query_rows: 10_000,
            query_bytes: ByteSize::mib(64),
        }
    }
}
