//! The user's project: a folder with `tidemill.toml`, SQL files with headers and Avro schemas, read once into types.
//!
//! Invariants: a [`Project`] that exists has no faults — every name it refers to is there, every limit is above zero; all faults
//! are reported together, each with its file, line and what to do; nothing here reads the process's environment or clock.
//! Absent on purpose: SQL is not parsed here (the engine plans it), and no store is opened.

mod fault;
mod folder;
mod init;
mod layers;
mod limits;
mod predictions;
mod project;
mod propose;
mod provenance;
mod reference;
mod resolve;
mod schedule;
mod schema;
mod secret;
mod settings;
mod size;
mod specs;
mod sql;
mod template;
mod tree;

pub use fault::{Fault, Origin, ProjectError};
pub use init::{init, init_from};
pub use layers::{ENVIRONMENT_PREFIX, OTHER_VARIABLES, Overrides};
pub use predictions::{PREDICTION_COLUMNS, PredictionColumn, contract_faults};
pub use project::Project;
pub use propose::{ColumnProposal, StreamProposal};
pub use provenance::{Provenance, SettingOrigin, Shown};
pub use reference::{json_schema, settings_reference};
pub use schedule::{InvalidSchedule, Schedule};
pub use schema::{Field, FieldType, StreamSchema, UnionForm, time_type};
pub use secret::{MASK, Place, Properties, Secret, SecretError, SecretSource};
pub use settings::{
    AssignmentMode, BrokerDemands, BrokerSettings, ClockSettings, CompareRule, DeploymentSettings, EngineSettings,
    Format, Fsync, IngestSettings, InvalidStreamColumn, KafkaSecurity, KafkaSettings, ModelSettings,
    PredictionSettings, RecordedFeatures, SETTINGS_FILE, SaslDemand, SaslMechanism, SchemaRegistrySettings,
    SecurityError, SecurityProtocol, ServerSettings, Settings, StorageSettings, StreamColumn, StreamSettings,
    TlsDemand, TopK,
};
pub use size::{ByteSize, InvalidByteSize};
pub use specs::{DeploymentSpec, ModelSpec, Stream};
pub use sql::{Check, Evaluation, FeatureView, InvalidQuota, Monitor, Quota, Trigger};

#[cfg(test)]
mod tests;
