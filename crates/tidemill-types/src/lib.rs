//! Nouns and pure decisions that every floor shares: names, times, offsets, problems, lineage.
//!
//! Invariants: nothing here reads a clock, a file or a socket; a value that exists has passed its checks.
//! Absent on purpose: Arrow types, error enums of other crates, anything with `async` in it.

mod algorithm;
mod audit;
mod columns;
mod duration;
mod lineage;
mod metrics;
mod monitoring;
mod names;
mod offsets;
mod problem;
mod severity;
mod time;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use audit::{AuditFault, AuditReport, FaultKind, OffsetGap, OtherCommit, OtherKind, PartitionAudit};
pub use columns::{KafkaColumn, LANDED_COLUMNS};
pub use duration::{DurationText, InvalidDuration};
pub use lineage::{CodeVersion, FeatureHash, Lineage, StreamRange, TrainingInput};
pub use metrics::{Gate, GateRule, GateVerdict, Metrics, RuleOutcome};
pub use monitoring::{DriftMeasure, MonitorKind, TriggerClock, TriggerKind};
pub use names::{
    AliasName, CheckName, ColumnName, DeploymentName, EntityName, ExperimentName, InvalidName, ModelName, MonitorName,
    PipelineName, RunId, StreamName, TableName, TopicName, TriggerName, VersionNumber, ViewName, WorkerName,
};
pub use offsets::{FenceFault, KafkaPartition, LastOffset, NextOffset, Plan, check_fence, plan};
pub use problem::{ErrorCode, Explain, Problem};
pub use severity::{CheckKind, Severity};
pub use time::{Clock, FixedClock, InvalidTime, Micros, SystemClock, TimeRange};
