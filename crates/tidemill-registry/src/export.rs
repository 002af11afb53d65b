//! The registry's tables as plain rows, for an engine that makes SQL tables of them.
//!
//! Keys that only join inside of the database are replaced by names and public ids. NaN is null, beside its flag.

use tidemill_types::Micros;

use crate::db::{Arguments, Row, Sql, sql};
use crate::limits::EXPORT_ROWS_MAX;
use crate::{Registry, RegistryError};

/// A table of the registry as SQL sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegistryTable {
    /// Experiments.
    Experiments,
    /// Runs with status, owner, seed and times.
    Runs,
    /// Parameters of runs.
    RunParams,
    /// Tags of runs.
    RunTags,
    /// The latest value of each metric of each run.
    RunMetrics,
    /// Every point of every metric.
    RunMetricPoints,
    /// Artifacts of runs and versions.
    Artifacts,
    /// Tables at their versions that runs were made from.
    TrainingInputs,
    /// Kafka offsets that are in those tables.
    StreamRanges,
    /// Registered models.
    Models,
    /// Their versions.
    ModelVersions,
    /// Where aliases point now.
    Aliases,
    /// Where they pointed when.
    AliasEvents,
    /// What was live when.
    Deployments,
    /// What triggers fired, and what came of it.
    TriggerFirings,
    /// How far the event clock is.
    EventClock,
    /// Who did what.
    AuditLog,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// UTF-8.
    Text,
    /// Signed, 64 bits.
    Int,
    /// IEEE 754, 64 bits.
    Float,
    /// True or false.
    Bool,
    /// Microseconds since 1970, UTC.
    Timestamp,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, whatever the column's type.
    Null,
    /// Of a [`ColumnType::Text`] column.
    Text(String),
    /// Of a [`ColumnType::Int`] column.
    Int(i64),
    /// Of a [`ColumnType::Float`] column.
    Float(f64),
    /// Of a [`ColumnType::Bool`] column.
    Bool(bool),
    /// Of a [`ColumnType::Timestamp`] column.
    Timestamp(Micros),
}

/// A whole table.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedTable {
    /// Names and types of the columns, as [`RegistryTable::columns`] gives them.
    pub columns: &'static [(&'static str, ColumnType)],
    /// The rows, each with one value for each column, in a stable order.
    pub rows: Vec<Vec<Value>>,
}

use ColumnType::{Bool, Float, Int, Text, Timestamp};

impl RegistryTable {
    /// Every table.
    pub const ALL: [RegistryTable; 17] = [
        RegistryTable::Experiments,
        RegistryTable::Runs,
        RegistryTable::RunParams,
        RegistryTable::RunTags,
        RegistryTable::RunMetrics,
        RegistryTable::RunMetricPoints,
        RegistryTable::Artifacts,
        RegistryTable::TrainingInputs,
        RegistryTable::StreamRanges,
        RegistryTable::Models,
        RegistryTable::ModelVersions,
        RegistryTable::Aliases,
        RegistryTable::AliasEvents,
        RegistryTable::Deployments,
        RegistryTable::TriggerFirings,
        RegistryTable::EventClock,
        RegistryTable::AuditLog,
    ];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            RegistryTable::Experiments => "experiments",
            RegistryTable::Runs => "runs",
            RegistryTable::RunParams => "run_params",
            RegistryTable::RunTags => "run_tags",
            RegistryTable::RunMetrics => "run_metrics",
            RegistryTable::RunMetricPoints => "run_metric_points",
            RegistryTable::Artifacts => "artifacts",
            RegistryTable::TrainingInputs => "training_inputs",
            RegistryTable::StreamRanges => "stream_ranges",
            RegistryTable::Models => "models",
            RegistryTable::ModelVersions => "model_versions",
            RegistryTable::Aliases => "aliases",
            RegistryTable::AliasEvents => "alias_events",
            RegistryTable::Deployments => "deployments",
            RegistryTable::TriggerFirings => "trigger_firings",
            RegistryTable::EventClock => "event_clock",
            RegistryTable::AuditLog => "audit_log",
        }
    }

    /// What a row of it is, in words.
    pub fn comment(self) -> &'static str {
        match self {
            RegistryTable::Experiments => "named groups of runs",
            RegistryTable::Runs => "runs with status, owner, seed and times",
            RegistryTable::RunParams => "parameters of runs",
            RegistryTable::RunTags => "tags of runs",
            RegistryTable::RunMetrics => "the latest value of each metric of each run",
            RegistryTable::RunMetricPoints => "every logged point of every metric",
            RegistryTable::Artifacts => "named blobs of runs and model versions",
            RegistryTable::TrainingInputs => "tables, with version and window, that runs were made from",
            RegistryTable::StreamRanges => "Kafka offsets behind those tables",
            RegistryTable::Models => "registered models",
            RegistryTable::ModelVersions => "versions of models",
            RegistryTable::Aliases => "where aliases point now",
            RegistryTable::AliasEvents => "where aliases pointed when, and who moved them",
            RegistryTable::Deployments => "what was live when, and who deployed it",
            RegistryTable::TriggerFirings => "what triggers fired on which evidence, and what came of it",
            RegistryTable::EventClock => "the last tick of the event clock that is finished",
            RegistryTable::AuditLog => "who did what to what, hash-chained",
        }
    }

    /// Names and types of its columns.
    pub fn columns(self) -> &'static [(&'static str, ColumnType)] {
        match self {
            RegistryTable::Experiments => &[("name", Text), ("created_at", Timestamp), ("runs", Int)],
            RegistryTable::Runs => &[
                ("run_id", Text),
                ("experiment", Text),
                ("name", Text),
                ("kind", Text),
                ("status", Text),
                ("status_reason", Text),
                ("owner", Text),
                ("seed", Int),
                ("code_version", Text),
                ("started_at", Timestamp),
                ("ended_at", Timestamp),
            ],
            RegistryTable::RunParams | RegistryTable::RunTags => &[("run_id", Text), ("name", Text), ("value", Text)],
            RegistryTable::RunMetrics | RegistryTable::RunMetricPoints => &[
                ("run_id", Text),
                ("name", Text),
                ("value", Float),
                ("step", Int),
                ("at", Timestamp),
                ("is_nan", Bool),
            ],
            RegistryTable::Artifacts => &[
                ("root", Text),
                ("path", Text),
                ("sha256", Text),
                ("byte_count", Int),
                ("created_at", Timestamp),
            ],
            RegistryTable::TrainingInputs => &[
                ("run_id", Text),
                ("table_name", Text),
                ("delta_version", Int),
                ("feature_hash", Text),
                ("window_from", Timestamp),
                ("window_to", Timestamp),
                ("row_count", Int),
            ],
            RegistryTable::StreamRanges => &[
                ("run_id", Text),
                ("table_name", Text),
                ("topic", Text),
                ("kafka_partition", Int),
                ("start_offset", Int),
                ("end_offset", Int),
            ],
            RegistryTable::Models => &[
                ("name", Text),
                ("description", Text),
                ("created_at", Timestamp),
                ("versions", Int),
                ("newest_version", Int),
            ],
            RegistryTable::ModelVersions => &[
                ("model", Text),
                ("version", Int),
                ("run_id", Text),
                ("status", Text),
                ("approval", Text),
                ("gate", Text),
                ("content_hash", Text),
                ("artifact_sha256", Text),
                ("description", Text),
                ("created_at", Timestamp),
            ],
            RegistryTable::Aliases => &[
                ("model", Text),
                ("alias", Text),
                ("version", Int),
                ("since", Timestamp),
                ("actor", Text),
                ("reason", Text),
            ],
            RegistryTable::AliasEvents => &[
                ("model", Text),
                ("alias", Text),
                ("from_version", Int),
                ("to_version", Int),
                ("at", Timestamp),
                ("actor", Text),
                ("reason", Text),
            ],
            RegistryTable::Deployments => &[
                ("deployment", Text),
                ("model", Text),
                ("version", Int),
                ("kind", Text),
                ("live_from", Timestamp),
                ("live_to", Timestamp),
                ("is_live", Bool),
                ("actor", Text),
                ("reason", Text),
                ("features_hash", Text),
                ("thresholds", Text),
                ("schema_hash", Text),
            ],
            RegistryTable::TriggerFirings => &[
                ("trigger_name", Text),
                ("model", Text),
                ("kind", Text),
                ("at", Timestamp),
                ("evidence", Text),
                ("actor", Text),
                ("reason", Text),
                ("state", Text),
                ("outcome", Text),
                ("detail", Text),
                ("run_id", Text),
                ("version", Int),
                ("champion_before", Int),
                ("recorded_at", Timestamp),
                ("ended_at", Timestamp),
            ],
            RegistryTable::EventClock => &[
                ("name", Text),
                ("at", Timestamp),
                ("state", Text),
                ("finished_at", Timestamp),
            ],
            RegistryTable::AuditLog => &[
                ("sequence", Int),
                ("at", Timestamp),
                ("actor", Text),
                ("action", Text),
                ("object", Text),
                ("state_before", Text),
                ("state_after", Text),
                ("previous_hash", Text),
                ("hash", Text),
            ],
        }
    }

    fn sql(self) -> Sql {
        match self {
            RegistryTable::Experiments => sql!("export/experiments"),
            RegistryTable::Runs => sql!("export/runs"),
            RegistryTable::RunParams => sql!("export/run_params"),
            RegistryTable::RunTags => sql!("export/run_tags"),
            RegistryTable::RunMetrics => sql!("export/run_metrics"),
            RegistryTable::RunMetricPoints => sql!("export/run_metric_points"),
            RegistryTable::Artifacts => sql!("export/artifacts"),
            RegistryTable::TrainingInputs => sql!("export/training_inputs"),
            RegistryTable::StreamRanges => sql!("export/stream_ranges"),
            RegistryTable::Models => sql!("export/models"),
            RegistryTable::ModelVersions => sql!("export/model_versions"),
            RegistryTable::Aliases => sql!("export/aliases"),
            RegistryTable::AliasEvents => sql!("export/alias_events"),
            RegistryTable::Deployments => sql!("export/deployments"),
            RegistryTable::TriggerFirings => sql!("export/trigger_firings"),
            RegistryTable::EventClock => sql!("export/event_clock"),
            RegistryTable::AuditLog => sql!("export/audit_log"),
        }
    }
}

impl Registry {
    /// A whole table. Errors when it has more than [`EXPORT_ROWS_MAX`] rows, rather than to leave some out in silence.
    pub async fn export(&self, table: RegistryTable) -> Result<ExportedTable, RegistryError> {
        let one_too_many = EXPORT_ROWS_MAX as i64 + 1;
        let rows = self
            .readers()
            .rows(table.sql(), Arguments::new().int(one_too_many))
            .await?;
        if rows.len() > EXPORT_ROWS_MAX {
            return Err(RegistryError::ExportTooLarge { table: table.name() });
        }
        let columns = table.columns();
        let rows = rows.iter().map(|row| {
            columns
                .iter()
                .map(|(name, column_type)| value(row, name, *column_type))
                .collect()
        });
        Ok(ExportedTable {
            columns,
            rows: rows.collect::<Result<_, _>>()?,
        })
    }
}

fn value(row: &Row, column: &str, column_type: ColumnType) -> Result<Value, RegistryError> {
    let value = match column_type {
        Text => row.optional_text(column)?.map(Value::Text),
        Int => row.optional_int(column)?.map(Value::Int),
        Float => row.optional_float(column)?.map(Value::Float),
        Bool => row.optional_int(column)?.map(|flag| Value::Bool(flag != 0)),
        Timestamp => row.optional_time(column)?.map(Value::Timestamp),
    };
    Ok(value.unwrap_or(Value::Null))
}
