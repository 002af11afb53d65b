//! The house answers everything that can be asked of it.

use async_trait::async_trait;
use tidemill_api::{
    Alias, AliasEvent, AuditRequest, CheckReport, CheckRequest, ClockWaitRequest, DeadLetter, DeadLetterId,
    DeadLetterSummary, DeadLettersRequest, DeployRequest, Deployment, DeploymentEvent, DriftRequest, DriftSeries,
    EventClock, Experiment, FeatureViewSummary, FeaturesRequest, FireRequest, Firing, FiringsRequest, Model,
    ModelVersion, Monitor, MonitorRun, MonitorRunRequest, Operations, PerformanceRequest, PerformanceSeries,
    Prediction, PredictionsRequest, ReplayReport, ReplayRequest, RollbackRequest, Run, RunComparison, RunSummary,
    RunsRequest, SetAlias, SqlAnswer, SqlRequest, Status, TableDescription, TrainOutcome, TrainRequest, Trigger,
    VersionLineage,
};
use tidemill_monitor::{CheckSelection, run_checks};
use tidemill_serve::protocol::{InferRequest, InferResponse, ModelMetadata};
use tidemill_types::{
    AliasName, AuditReport, DeploymentName, ModelName, MonitorName, Problem, RunId, StreamName, TriggerName,
    VersionNumber,
};

use super::House;
use super::convert::{check_report, problem};

#[async_trait]
impl Operations for House {
    async fn status(&self) -> Result<Status, Problem> {
        self.show_status().await
    }

    async fn sql(&self, request: SqlRequest) -> Result<SqlAnswer, Problem> {
        let mut limits = self.engine.settings().query_limits();
        // A request may ask for less than the settings allow, never for more.
        if let Some(rows) = request.rows_max {
            limits.rows = limits.rows.min(rows);
        }
        if let Some(timeout) = request.timeout {
            limits.timeout = limits.timeout.min(timeout.duration());
        }
        let answer = self.engine.query(&request.query, limits).await.map_err(problem)?;
        Ok(SqlAnswer {
            schema: answer.schema,
            batches: answer.batches,
            truncated: answer.truncated,
            elapsed: answer.elapsed,
        })
    }

    async fn tables(&self) -> Result<Vec<TableDescription>, Problem> {
        self.list_tables().await
    }

    async fn features(&self, request: FeaturesRequest) -> Result<Vec<FeatureViewSummary>, Problem> {
        self.summarise_features(request).await
    }

    async fn check(&self, request: CheckRequest) -> Result<CheckReport, Problem> {
        let selection = match request.names.as_slice() {
            [] => CheckSelection::All,
            names => CheckSelection::Named(names),
        };
        let report = run_checks(&self.engine, &self.project, selection, request.range(), None);
        Ok(check_report(&self.project, report.await.map_err(problem)?))
    }

    async fn train(&self, request: TrainRequest) -> Result<TrainOutcome, Problem> {
        self.train_model(request).await
    }

    async fn experiments(&self) -> Result<Vec<Experiment>, Problem> {
        self.list_experiments().await
    }

    async fn runs(&self, request: RunsRequest) -> Result<Vec<RunSummary>, Problem> {
        self.list_runs(request).await
    }

    async fn run(&self, run: &RunId) -> Result<Run, Problem> {
        self.show_run(run).await
    }

    async fn compare(&self, runs: &[RunId]) -> Result<RunComparison, Problem> {
        self.compare_runs(runs).await
    }

    async fn models(&self) -> Result<Vec<Model>, Problem> {
        self.list_models().await
    }

    async fn model(&self, model: &ModelName) -> Result<Model, Problem> {
        self.show_model(model).await
    }

    async fn versions(&self, model: &ModelName) -> Result<Vec<ModelVersion>, Problem> {
        self.list_versions(model).await
    }

    async fn version(&self, model: &ModelName, version: VersionNumber) -> Result<ModelVersion, Problem> {
        self.show_version(model, version).await
    }

    async fn lineage(&self, model: &ModelName, version: VersionNumber) -> Result<VersionLineage, Problem> {
        self.show_lineage(model, version).await
    }

    async fn aliases(&self, model: &ModelName) -> Result<Vec<Alias>, Problem> {
        self.list_aliases(model).await
    }

    async fn alias_events(&self, model: &ModelName) -> Result<Vec<AliasEvent>, Problem> {
        self.list_alias_events(model).await
    }

    async fn set_alias(&self, model: &ModelName, alias: &AliasName, request: SetAlias) -> Result<Alias, Problem> {
        self.point_alias(model, alias, request).await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, Problem> {
        self.list_deployments().await
    }

    async fn deployment_history(&self, deployment: &DeploymentName) -> Result<Vec<DeploymentEvent>, Problem> {
        self.list_deployment_events(deployment).await
    }

    async fn deploy(&self, request: DeployRequest) -> Result<Deployment, Problem> {
        self.serve_version(request).await
    }

    async fn rollback(&self, deployment: &DeploymentName, request: RollbackRequest) -> Result<Deployment, Problem> {
        self.serve_previous(deployment, request).await
    }

    async fn inference_metadata(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
    ) -> Result<ModelMetadata, Problem> {
        self.lifecycle.slots().metadata(deployment, version).map_err(problem)
    }

    async fn infer(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
        request: InferRequest,
    ) -> Result<InferResponse, Problem> {
        self.lifecycle
            .slots()
            .infer(deployment, version, request)
            .await
            .map_err(problem)
    }

    async fn dead_letters(&self, request: DeadLettersRequest) -> Result<Vec<DeadLetterSummary>, Problem> {
        self.list_dead_letters(request).await
    }

    async fn dead_letter(&self, id: &DeadLetterId) -> Result<DeadLetter, Problem> {
        self.show_dead_letter(id).await
    }

    async fn drift(&self, request: DriftRequest) -> Result<Vec<DriftSeries>, Problem> {
        self.show_drift(request).await
    }

    async fn performance(&self, request: PerformanceRequest) -> Result<Vec<PerformanceSeries>, Problem> {
        self.show_performance(request).await
    }

    async fn monitors(&self) -> Result<Vec<Monitor>, Problem> {
        self.list_monitors().await
    }

    async fn run_monitor(&self, monitor: &MonitorName, request: MonitorRunRequest) -> Result<MonitorRun, Problem> {
        self.look_at_monitor(monitor, request).await
    }

    async fn triggers(&self) -> Result<Vec<Trigger>, Problem> {
        self.list_triggers().await
    }

    async fn firings(&self, request: FiringsRequest) -> Result<Vec<Firing>, Problem> {
        self.list_firings(request).await
    }

    async fn fire(&self, trigger: &TriggerName, request: FireRequest) -> Result<Firing, Problem> {
        self.fire_by_hand(trigger, request).await
    }

    async fn predictions(&self, request: PredictionsRequest) -> Result<Vec<Prediction>, Problem> {
        self.list_predictions(request).await
    }

    async fn prediction(&self, id: &str) -> Result<Prediction, Problem> {
        self.show_prediction(id).await
    }

    async fn clock(&self) -> Result<EventClock, Problem> {
        self.show_clock().await
    }

    async fn wait_for_clock(&self, request: ClockWaitRequest) -> Result<EventClock, Problem> {
        self.wait_until_ticked(request).await
    }

    async fn replay_dead_letters(&self, stream: &StreamName, request: ReplayRequest) -> Result<ReplayReport, Problem> {
        self.replay(stream, request).await
    }

    async fn audit(&self, stream: &StreamName, request: AuditRequest) -> Result<AuditReport, Problem> {
        self.audit_stream(stream, request).await
    }
}
