//! Everything that can be asked of a house, as one trait: the binary implements it on the crates below, the server
//! offers it over HTTP, [`crate::HttpClient`] implements it over such a server. So a command does the same beside a
//! running server and without one.
//!
//! Requests and answers are plain data (a module per noun); nothing here decides anything.

mod audit;
mod checks;
mod clock;
mod dead_letters;
mod deployments;
mod drift;
mod features;
mod models;
mod monitors;
mod performance;
mod predictions;
mod runs;
mod sql;
mod status;
mod tables;
mod training;
mod triggers;

use async_trait::async_trait;
use tidemill_serve::protocol::{InferRequest, InferResponse, ModelMetadata};
use tidemill_types::{
    AliasName, AuditReport, DeploymentName, ModelName, MonitorName, Problem, RunId, StreamName, TriggerName,
    VersionNumber,
};

pub use audit::AuditRequest;
pub use checks::{CheckOutcome, CheckReport, CheckRequest};
pub use clock::{CLOCK_WAIT, ClockPart, ClockState, ClockWaitRequest, EventClock};
pub use dead_letters::{
    DEAD_LETTERS_LISTED, DEAD_LETTERS_LISTED_MAX, DeadLetter, DeadLetterId, DeadLetterSummary, DeadLettersRequest,
    RawBytes, RawHeader, ReplayLetter, ReplayReport, ReplayRequest,
};
pub use deployments::{DeployRequest, Deployment, DeploymentAction, DeploymentEvent, RollbackRequest};
pub use drift::{
    DriftPoint, DriftRequest, DriftSeries, DriftStatus, POINTS_ANSWERED_MAX, POINTS_LISTED, POINTS_LISTED_MAX,
};
pub use features::{FeatureSummary, FeatureViewSummary, FeaturesRequest};
pub use models::{Alias, AliasEvent, Model, ModelVersion, SetAlias, VersionLineage};
pub use monitors::{Monitor, MonitorRun, MonitorRunRequest};
pub use performance::{PerformancePoint, PerformanceRequest, PerformanceSeries};
pub use predictions::{
    PREDICTION_ID_BYTES_MAX, PREDICTIONS_LISTED, PREDICTIONS_LISTED_MAX, Prediction, PredictionSource,
    PredictionsRequest,
};
pub use runs::{
    ComparedMetric, ComparedParam, Experiment, RUNS_COMPARED_MAX, RUNS_LISTED, RUNS_LISTED_MAX, Run, RunArtifact,
    RunComparison, RunStatus, RunSummary, RunsRequest,
};
pub use sql::{SqlAnswer, SqlColumn, SqlRequest, SqlRows};
pub use status::{KafkaStatus, PartitionStatus, PredictionsStatus, SlotStatus, Status, StreamState, StreamStatus};
pub use tables::{ColumnDescription, TableDescription, TableKind};
pub use training::{RowCounts, TrainOutcome, TrainRequest, TrainStatus};
pub use triggers::{
    FIRINGS_LISTED, FIRINGS_LISTED_MAX, FireRequest, Firing, FiringOutcome, FiringState, FiringsRequest, Trigger,
};

/// The whole control surface. What is not there is [`tidemill_types::ErrorCode::NotFound`]; lists are in a stable order.
#[async_trait]
pub trait Operations: Send + Sync {
    /// What the house is doing.
    async fn status(&self) -> Result<Status, Problem>;

    /// Answers a read-only query, under limits of time, rows and memory.
    async fn sql(&self, request: SqlRequest) -> Result<SqlAnswer, Problem>;

    /// The tables of the catalog, by kind and name.
    async fn tables(&self) -> Result<Vec<TableDescription>, Problem>;

    /// Computes feature views and sums them up.
    async fn features(&self, request: FeaturesRequest) -> Result<Vec<FeatureViewSummary>, Problem>;

    /// Runs checks over a window. A check that does not pass is a report, not an error.
    async fn check(&self, request: CheckRequest) -> Result<CheckReport, Problem>;

    /// Trains a model. A check or a gate that does not pass is an outcome, not an error.
    async fn train(&self, request: TrainRequest) -> Result<TrainOutcome, Problem>;

    /// The experiments, by name.
    async fn experiments(&self) -> Result<Vec<Experiment>, Problem>;

    /// Runs, newest first or by a metric.
    async fn runs(&self, request: RunsRequest) -> Result<Vec<RunSummary>, Problem>;

    /// One run.
    async fn run(&self, run: &RunId) -> Result<Run, Problem>;

    /// Runs side by side, in the order of `runs`.
    async fn compare(&self, runs: &[RunId]) -> Result<RunComparison, Problem>;

    /// The registered models, by name.
    async fn models(&self) -> Result<Vec<Model>, Problem>;

    /// One registered model.
    async fn model(&self, model: &ModelName) -> Result<Model, Problem>;

    /// A model's versions, newest first.
    async fn versions(&self, model: &ModelName) -> Result<Vec<ModelVersion>, Problem>;

    /// One version.
    async fn version(&self, model: &ModelName, version: VersionNumber) -> Result<ModelVersion, Problem>;

    /// What a version was made from.
    async fn lineage(&self, model: &ModelName, version: VersionNumber) -> Result<VersionLineage, Problem>;

    /// Where a model's aliases point, by alias.
    async fn aliases(&self, model: &ModelName) -> Result<Vec<Alias>, Problem>;

    /// Every move of a model's aliases, newest first.
    async fn alias_events(&self, model: &ModelName) -> Result<Vec<AliasEvent>, Problem>;

    /// Moves an alias, or makes it; deployments that follow it swap in the same step.
    async fn set_alias(&self, model: &ModelName, alias: &AliasName, request: SetAlias) -> Result<Alias, Problem>;

    /// The deployments, by name.
    async fn deployments(&self) -> Result<Vec<Deployment>, Problem>;

    /// What a deployment served, newest first.
    async fn deployment_history(&self, deployment: &DeploymentName) -> Result<Vec<DeploymentEvent>, Problem>;

    /// Deploys a version: its golden rows are replayed, then the slot is swapped.
    async fn deploy(&self, request: DeployRequest) -> Result<Deployment, Problem>;

    /// Takes a deployment back to the version before.
    async fn rollback(&self, deployment: &DeploymentName, request: RollbackRequest) -> Result<Deployment, Problem>;

    /// What a deployment takes and gives; with a `version`, only if it is the one that is deployed.
    async fn inference_metadata(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
    ) -> Result<ModelMetadata, Problem>;

    /// Scores rows by what a deployment serves; with a `version`, only if it is the one that is deployed.
    async fn infer(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
        request: InferRequest,
    ) -> Result<InferResponse, Problem>;

    /// Dead letters, newest first.
    async fn dead_letters(&self, request: DeadLettersRequest) -> Result<Vec<DeadLetterSummary>, Problem>;

    /// One dead letter with its bytes.
    async fn dead_letter(&self, id: &DeadLetterId) -> Result<DeadLetter, Problem>;

    /// Drift over time, by monitor, model and column.
    async fn drift(&self, request: DriftRequest) -> Result<Vec<DriftSeries>, Problem>;

    /// Performance over time, by monitor, model, metric and segment; all rows come before their segments.
    async fn performance(&self, request: PerformanceRequest) -> Result<Vec<PerformanceSeries>, Problem>;

    /// The monitors of the project, by name.
    async fn monitors(&self) -> Result<Vec<Monitor>, Problem>;

    /// Runs a monitor as of a time and keeps nothing of it.
    async fn run_monitor(&self, monitor: &MonitorName, request: MonitorRunRequest) -> Result<MonitorRun, Problem>;

    /// The triggers of the project and how they stand, by name.
    async fn triggers(&self) -> Result<Vec<Trigger>, Problem>;

    /// What triggers fired, newest first.
    async fn firings(&self, request: FiringsRequest) -> Result<Vec<Firing>, Problem>;

    /// Fires a trigger at the event clock's next tick. Errors with [`tidemill_types::ErrorCode::Conflict`] while a firing
    /// of its model is open.
    async fn fire(&self, trigger: &TriggerName, request: FireRequest) -> Result<Firing, Problem>;

    /// Predictions that have landed, newest first.
    async fn predictions(&self, request: PredictionsRequest) -> Result<Vec<Prediction>, Problem>;

    /// One prediction by its id.
    async fn prediction(&self, id: &str) -> Result<Prediction, Problem>;

    /// How far the event clock is.
    async fn clock(&self) -> Result<EventClock, Problem>;

    /// Returns when the event clock is as far as asked. Errors with [`tidemill_types::ErrorCode::TimedOut`] when it is not
    /// in time, [`tidemill_types::ErrorCode::NotReady`] where it does not run.
    async fn wait_for_clock(&self, request: ClockWaitRequest) -> Result<EventClock, Problem>;

    /// Sends dead letters to their topic again, as they came or repaired, and keeps what was sent.
    async fn replay_dead_letters(&self, stream: &StreamName, request: ReplayRequest) -> Result<ReplayReport, Problem>;

    /// Proves that every record of a stream is in its tables once. Damage is a report, not an error.
    async fn audit(&self, stream: &StreamName, request: AuditRequest) -> Result<AuditReport, Problem>;
}
