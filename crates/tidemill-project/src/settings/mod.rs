//! The settings of a project: what `tidemill.toml`, the environment and flags may say, with every default.
//!
//! Invariants: every setting has a default, so that an empty file is a project; units stand in the value (`7d`, `128MB`);
//! what a SQL statement means stands in its own header and never here. The doc comments below are the text of
//! docs/settings.md and of docs/tidemill.schema.json.

mod broker;
mod broker_demands;
pub(crate) mod forms;
mod ingest;
mod kafka;
mod model;
mod predictions;
mod schema_registry;
mod security;
mod server;
mod storage;
mod stream;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::{DeploymentName, DurationText, ExperimentName, ModelName, StreamName};

pub use broker::{BrokerSettings, Fsync};
pub use broker_demands::{BrokerDemands, SaslDemand, TlsDemand};
pub use ingest::{AssignmentMode, IngestSettings};
pub use kafka::KafkaSettings;
pub use model::{CompareRule, DeploymentSettings, InvalidStreamColumn, ModelSettings, StreamColumn, TopK};
pub use predictions::{PredictionSettings, RecordedFeatures};
pub use schema_registry::SchemaRegistrySettings;
pub use security::{KafkaSecurity, SaslMechanism, SecurityError, SecurityProtocol};
pub use server::ServerSettings;
pub use storage::{EngineSettings, StorageSettings};
pub use stream::{Format, StreamSettings};

use forms::{DurationForm, IdentifierForm, LabelForm};

/// Name of the file in the project's folder.
pub const SETTINGS_FILE: &str = "tidemill.toml";

/// Settings of a tidemill project. Every setting has a default; the environment (`TIDEMILL_SERVER__ADDRESS`) overrides the
/// file, and flags override both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "tidemill.toml")]
pub struct Settings {
    /// The project's name. Training runs belong to the experiment of this name unless the model names another.
    #[schemars(with = "LabelForm")]
    pub name: ExperimentName,
    /// The streams: each is a Kafka topic that lands in a table of the stream's name.
    #[schemars(with = "BTreeMap<IdentifierForm, StreamSettings>")]
    pub streams: IndexMap<StreamName, StreamSettings>,
    /// The models: what is trained from which feature views, and when it is good enough.
    #[schemars(with = "BTreeMap<IdentifierForm, ModelSettings>")]
    pub models: IndexMap<ModelName, ModelSettings>,
    /// Where models are served. A model without one is served under its own name.
    #[schemars(with = "BTreeMap<IdentifierForm, DeploymentSettings>")]
    pub deployments: IndexMap<DeploymentName, DeploymentSettings>,
    /// Where Kafka is. Without `bootstrap` the broker in the process is used.
    pub kafka: KafkaSettings,
    /// The broker in the process.
    pub broker: BrokerSettings,
    /// The way from Kafka into tables.
    pub ingest: IngestSettings,
    /// Where data and state are kept.
    pub storage: StorageSettings,
    /// The SQL engine and the limits of queries from outside.
    pub engine: EngineSettings,
    /// The HTTP server.
    pub server: ServerSettings,
    /// The event clock.
    pub clock: ClockSettings,
    /// How predictions are recorded.
    pub predictions: PredictionSettings,
}

impl Settings {
    /// The names at the top level of the file.
    pub(crate) fn sections() -> &'static [&'static str] {
        &[
            "name",
            "streams",
            "models",
            "deployments",
            "kafka",
            "broker",
            "ingest",
            "storage",
            "engine",
            "server",
            "clock",
            "predictions",
        ]
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            name: ExperimentName::new("tidemill").expect("the literal obeys the rule of its type"),
            streams: IndexMap::new(),
            models: IndexMap::new(),
            deployments: IndexMap::new(),
            kafka: KafkaSettings::default(),
            broker: BrokerSettings::default(),
            ingest: IngestSettings::default(),
            storage: StorageSettings::default(),
            engine: EngineSettings::default(),
            server: ServerSettings::default(),
            clock: ClockSettings::default(),
            predictions: PredictionSettings::default(),
        }
    }
}

/// The event clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct ClockSettings {
    /// Whether `tidemill up` steps it. Without it nothing is scored, watched or trained by itself.
    pub run: bool,
    /// The length of a tick: schedules, label maturity and monitors follow ticks of the events' own time, up to the watermark.
    #[schemars(with = "DurationForm")]
    pub tick: DurationText,
    /// How long a Kafka partition that had events stands still until the clock goes on without it. What comes of it later is
    /// late, and is not scored.
    #[schemars(with = "DurationForm")]
    pub idle: DurationText,
}

impl Default for ClockSettings {
    fn default() -> ClockSettings {
        ClockSettings {
            run: true,
            tick: DurationText::from_secs(3_600),
            idle: DurationText::from_secs(600),
        }
    }
}
