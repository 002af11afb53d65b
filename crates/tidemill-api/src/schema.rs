//! What the OpenAPI document says about types of the floors below, which know nothing of it.
//!
//! Each of these mirrors the JSON of the type of the same name; nothing but the document uses them, and a test holds
//! every mirror against the JSON of what it mirrors.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

macro_rules! mirrors {
    ($($item:item)*) => {
        $(
            #[derive(Debug, Serialize, Deserialize, ToSchema)]
            #[cfg_attr(test, serde(deny_unknown_fields))]
            $item
        )*
    };
}

mirrors! {
    /// Whether every record of a stream is in its tables once, and why it is not where it is not.
    pub(crate) struct AuditReport {
        /// The stream.
        stream: String,
        /// Its topic.
        topic: String,
        /// The Kafka cluster that it was landed from; absent before the first landing.
        cluster: Option<String>,
        /// The version of the landed table that was read; absent where there is no table yet.
        version: Option<i64>,
        /// The version of the dead-letter table that was read.
        dead_version: Option<i64>,
        /// Commits of the pipeline in the log.
        commits: u64,
        /// The Kafka partitions, ascending.
        partitions: Vec<PartitionAudit>,
        /// Runs of offsets below the fence without row or dead letter, the first of them.
        gaps: Vec<OffsetGap>,
        /// All such runs.
        gap_count: u64,
        /// Whether the topic was read where it has gaps.
        topic_read: bool,
        /// What is wrong. Empty where every record is there once.
        faults: Vec<AuditFault>,
        /// Commits of other writers to both tables, oldest first.
        others: Vec<OtherCommit>,
        /// What the audit cannot judge.
        notes: Vec<String>,
    }

    /// One Kafka partition in the tables.
    pub(crate) struct PartitionAudit {
        /// The partition.
        partition: i32,
        /// Everything below has landed.
        fence: i64,
        /// Rows below the fence.
        rows: u64,
        /// Dead letters below the fence.
        dead: u64,
        /// Offsets below the fence with neither: tombstones, what compaction took, marks of transactions, and what is lost.
        without: u64,
    }

    /// Offsets `[from, to)` without row or dead letter.
    pub(crate) struct OffsetGap {
        /// The partition.
        partition: i32,
        /// The first.
        from: i64,
        /// The first after.
        to: i64,
        /// Records without a value that the topic holds there: they leave no row.
        tombstones: u64,
        /// Offsets at which the topic holds nothing: compaction, or marks of transactions.
        absent: u64,
        /// Records with a value that the topic holds there: they should have landed.
        lost: u64,
        /// Offsets at which the topic could not be asked, or no longer reaches. The counts of the commits judge them.
        unseen: u64,
    }

    /// What is wrong.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum FaultKind {
        /// Rows or dead letters that a commit landed are no longer there.
        Missing,
        /// The topic holds records below the fence that are in no table.
        Lost,
        /// An offset is there more than once.
        Doubled,
        /// Rows that no commit of the pipeline landed.
        Foreign,
        /// The commits do not continue one another, or the fence does not stand where they say.
        Fence,
    }

    /// One thing that is wrong.
    pub(crate) struct AuditFault {
        /// What it is.
        kind: FaultKind,
        /// The table.
        table: String,
        /// Rows that it is about.
        rows: u64,
        /// In words, with versions and offsets.
        message: String,
        /// Commits of other writers that can have done it.
        causes: Vec<OtherCommit>,
    }

    /// What another writer did.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum OtherKind {
        /// It set the table to an older version: rows go, fences stay.
        Restore,
        /// It took rows out.
        Delete,
        /// It changed rows, or wrote the table anew.
        Rewrite,
        /// It moved rows into other files, which changes none.
        Optimize,
        /// It brought rows.
        Append,
        /// It changed no file.
        Other,
    }

    /// A commit of another writer.
    pub(crate) struct OtherCommit {
        /// The table.
        table: String,
        /// Its version.
        version: i64,
        /// What it did.
        kind: OtherKind,
        /// Delta's name for it.
        operation: Option<String>,
        /// Who wrote.
        engine: Option<String>,
        /// For a restore: the version that the table was set to, where it says so.
        restored_to: Option<i64>,
        /// Rows in the files that it added.
        rows_added: u64,
        /// Rows in the files that it removed.
        rows_removed: u64,
    }

    /// The half-open range of times `[from, to)`; an absent end is open.
    pub(crate) struct TimeRange {
        /// First time inside, RFC 3339 or a date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// First time after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    }

    /// How a check is written.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum CheckKind {
        /// One boolean expression per row.
        Row,
        /// A query that returns the rows that break it.
        Query,
    }

    /// What a failing check does.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum Severity {
        /// It is counted and shown.
        Warn,
        /// The rows that break it are left out.
        Quarantine,
        /// Training stops.
        Fail,
    }

    /// What a monitor measures.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum MonitorKind {
        /// How far columns moved from those of the training rows.
        Drift,
        /// How good predictions were.
        Performance,
    }

    /// What a trigger looks at.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum TriggerKind {
        /// Drift.
        Drift,
        /// Performance.
        Performance,
        /// How much there is to learn from.
        Data,
        /// A schedule.
        Schedule,
        /// A person.
        Manual,
    }

    /// What kind of thing went wrong.
    #[serde(rename_all = "snake_case")]
    pub(crate) enum ErrorCode {
        /// The input is wrong.
        InvalidInput,
        /// What was named is not there.
        NotFound,
        /// It is there already, or somebody else holds it.
        Conflict,
        /// The input is right, but the house is not in a state for it.
        NotReady,
        /// A named limit was reached.
        LimitReached,
        /// A named time limit was reached.
        TimedOut,
        /// Who asks has not said who they are, or may not.
        Refused,
        /// Something that is needed does not answer.
        Unavailable,
        /// Stored data is not what it must be.
        Corrupt,
        /// A fault of the server.
        Internal,
    }

    /// What went wrong.
    pub(crate) struct Problem {
        /// The kind.
        code: ErrorCode,
        /// What failed on what, with its causes behind it.
        message: String,
        /// What to do next, where there is something to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    }

    /// The body of every error answer, but those of `/v2`.
    pub(crate) struct ErrorBody {
        /// What went wrong.
        error: Problem,
    }

    /// One rule of a gate.
    pub(crate) struct GateRule {
        /// The figure's name.
        metric: String,
        /// Smallest value that passes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<f64>,
        /// Largest value that passes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<f64>,
    }

    /// How one rule came out.
    pub(crate) struct RuleOutcome {
        /// The rule.
        rule: GateRule,
        /// The figure, null where the run has none of that name.
        value: Option<f64>,
        /// Whether it passed.
        passed: bool,
    }

    /// How a gate came out, rule by rule.
    pub(crate) struct GateVerdict {
        /// In the order of the configuration.
        outcomes: Vec<RuleOutcome>,
    }

    /// One Delta table as it was read for a training set.
    pub(crate) struct TrainingInput {
        /// The table.
        table: String,
        /// Its Delta version.
        delta_version: i64,
        /// The event times that were read.
        window: TimeRange,
        /// Rows of the table in that window.
        rows: u64,
    }

    /// The Kafka offsets `[start, end)` behind the rows of a table at a version.
    pub(crate) struct StreamRange {
        /// The landed table.
        table: String,
        /// The topic it was read from.
        topic: String,
        /// The Kafka partition.
        partition: i32,
        /// First offset.
        start: i64,
        /// First offset after.
        end: i64,
    }

    /// Everything that a model version pins.
    pub(crate) struct Lineage {
        /// The tables that were read.
        inputs: Vec<TrainingInput>,
        /// The offsets behind them.
        streams: Vec<StreamRange>,
        /// SHA-256 over the feature views' SQL, in hexadecimal.
        feature_hash: String,
        /// The seed of the fit.
        seed: u64,
        /// The version of the binary.
        code_version: String,
    }

    /// The body of every error answer of `/v2`.
    pub(crate) struct InferenceError {
        /// What went wrong.
        error: String,
    }

    /// A tensor that goes in.
    pub(crate) struct InputTensor {
        /// The feature's name; any name for the one tensor that holds them all.
        name: String,
        /// `[rows]` or `[rows, columns]`.
        shape: Vec<u64>,
        /// `FP64`, `INT64`, `BOOL`, …
        datatype: String,
        /// Without effect.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        #[schema(value_type = Object)]
        parameters: Map<String, Value>,
        /// The elements in row-major order, flat or nested; a missing value is null.
        data: Vec<Value>,
    }

    /// An output that is wanted.
    pub(crate) struct RequestedOutput {
        /// Its name.
        name: String,
        /// Without effect.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        #[schema(value_type = Object)]
        parameters: Map<String, Value>,
    }

    /// An inference request.
    pub(crate) struct InferRequest {
        /// Echoed in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Without effect.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        #[schema(value_type = Object)]
        parameters: Map<String, Value>,
        /// One tensor per feature, or one of two dimensions.
        inputs: Vec<InputTensor>,
        /// The outputs that are wanted; all of them when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        outputs: Vec<RequestedOutput>,
    }

    /// A tensor that comes out.
    pub(crate) struct OutputTensor {
        /// Its name.
        name: String,
        /// `[rows]`.
        shape: Vec<u64>,
        /// `FP64`.
        datatype: String,
        /// The elements in the order of the rows.
        data: Vec<f64>,
    }

    /// The answer to an inference request.
    pub(crate) struct InferResponse {
        /// The deployment that was asked.
        model_name: String,
        /// The version that answered, as `3`.
        model_version: String,
        /// The request's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The outputs that were asked for.
        outputs: Vec<OutputTensor>,
    }

    /// A tensor that goes in or comes out.
    pub(crate) struct TensorMetadata {
        /// Its name.
        name: String,
        /// Type of the elements.
        datatype: String,
        /// Its shape; -1 is any number of rows.
        shape: Vec<i64>,
    }

    /// What a deployment takes and gives.
    pub(crate) struct ModelMetadata {
        /// The deployment that was asked.
        name: String,
        /// The versions that answer: the deployed one.
        versions: Vec<String>,
        /// `tidemill`.
        platform: String,
        /// One tensor per feature, in the model's order.
        inputs: Vec<TensorMetadata>,
        /// What comes out.
        outputs: Vec<TensorMetadata>,
    }

    /// Whether a deployment answers.
    pub(crate) struct ModelReady {
        /// The deployment that was asked.
        name: String,
        /// Whether it answers inference requests.
        ready: bool,
    }

    /// What the server is.
    pub(crate) struct ServerMetadata {
        /// `tidemill`.
        name: String,
        /// The binary's version.
        version: String,
        /// Extensions of the protocol that it speaks.
        extensions: Vec<String>,
    }

    /// Whether the server answers.
    pub(crate) struct ServerLive {
        /// Whether it does.
        live: bool,
    }

    /// Whether the server wants traffic.
    pub(crate) struct ServerReady {
        /// Whether it answers.
        live: bool,
        /// Whether it wants traffic.
        ready: bool,
    }
}
