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
