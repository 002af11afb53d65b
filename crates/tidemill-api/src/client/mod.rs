//! The [`Operations`] of a server, over HTTP: how a command works beside a running server.

mod http;

use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use serde_json::json;
use tidemill_serve::protocol::{InferRequest, InferResponse, ModelMetadata};
use tidemill_types::{
    AliasName, AuditReport, DeploymentName, ModelName, MonitorName, Problem, RunId, StreamName, TriggerName,
    VersionNumber,
};

use crate::arrow_codec::{ARROW_STREAM, from_ipc};
use crate::operations::{
    Alias, AliasEvent, AuditRequest, CheckReport, CheckRequest, ClockWaitRequest, DeadLetter, DeadLetterId,
    DeadLetterSummary, DeadLettersRequest, DeployRequest, Deployment, DeploymentEvent, DriftRequest, DriftSeries,
    EventClock, Experiment, FeatureViewSummary, FeaturesRequest, FireRequest, Firing, FiringsRequest, Model,
    ModelVersion, Monitor, MonitorRun, MonitorRunRequest, Operations, PerformanceRequest, PerformanceSeries,
    Prediction, PredictionsRequest, ReplayReport, ReplayRequest, RollbackRequest, Run, RunComparison, RunSummary,
    RunsRequest, SetAlias, SqlAnswer, SqlRequest, Status, TableDescription, TrainOutcome, TrainRequest, Trigger,
    VersionLineage,
};
use crate::routes::{ELAPSED_MICROS, TRUNCATED};

pub use http::HttpClient;
use http::Patience;

#[async_trait]
impl Operations for HttpClient {
    async fn status(&self) -> Result<Status, Problem> {
        self.get("/api/v1/status", &()).await
    }

    async fn sql(&self, request: SqlRequest) -> Result<SqlAnswer, Problem> {
        let asked = self.request(Method::POST, "/api/v1/sql", Patience::Work).json(&request);
        let answer = self.send(asked.header("accept", ARROW_STREAM)).await?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let truncated = header(TRUNCATED) == Some("true");
        let elapsed = header(ELAPSED_MICROS)
            .and_then(|micros| micros.parse().ok())
            .unwrap_or(0);
        let body = self.body(answer).await?;
        let read = move || from_ipc(&body, truncated, Duration::from_micros(elapsed));
        match tokio::task::spawn_blocking(read).await {
            Ok(answer) => answer,
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    async fn tables(&self) -> Result<Vec<TableDescription>, Problem> {
        self.get("/api/v1/tables", &()).await
    }

    async fn features(&self, request: FeaturesRequest) -> Result<Vec<FeatureViewSummary>, Problem> {
        let asked = self
            .request(Method::GET, "/api/v1/features", Patience::Work)
            .query(&request);
        self.answer(asked).await
    }

    async fn check(&self, request: CheckRequest) -> Result<CheckReport, Problem> {
        let asked = self
            .request(Method::POST, "/api/v1/checks", Patience::Work)
            .json(&request);
        self.answer(asked).await
    }

    async fn train(&self, request: TrainRequest) -> Result<TrainOutcome, Problem> {
        let asked = self
            .request(Method::POST, "/api/v1/runs", Patience::Work)
            .json(&request);
        self.answer(asked).await
    }

    async fn experiments(&self) -> Result<Vec<Experiment>, Problem> {
        self.get("/api/v1/experiments", &()).await
    }

    async fn runs(&self, request: RunsRequest) -> Result<Vec<RunSummary>, Problem> {
        self.get("/api/v1/runs", &request).await
    }

    async fn run(&self, run: &RunId) -> Result<Run, Problem> {
        self.get(&format!("/api/v1/runs/{run}"), &()).await
    }

    async fn compare(&self, runs: &[RunId]) -> Result<RunComparison, Problem> {
        let ids: Vec<&str> = runs.iter().map(RunId::as_str).collect();
        self.get("/api/v1/runs/compare", &json!({ "ids": ids.join(",") })).await
    }

    async fn models(&self) -> Result<Vec<Model>, Problem> {
        self.get("/api/v1/models", &()).await
    }

    async fn model(&self, model: &ModelName) -> Result<Model, Problem> {
        self.get(&format!("/api/v1/models/{model}"), &()).await
    }

    async fn versions(&self, model: &ModelName) -> Result<Vec<ModelVersion>, Problem> {
        self.get(&format!("/api/v1/models/{model}/versions"), &()).await
    }

    async fn version(&self, model: &ModelName, version: VersionNumber) -> Result<ModelVersion, Problem> {
        self.get(&format!("/api/v1/models/{model}/versions/{version}"), &())
            .await
    }

    async fn lineage(&self, model: &ModelName, version: VersionNumber) -> Result<VersionLineage, Problem> {
        self.get(&format!("/api/v1/models/{model}/versions/{version}/lineage"), &())
            .await
    }

    async fn aliases(&self, model: &ModelName) -> Result<Vec<Alias>, Problem> {
        self.get(&format!("/api/v1/models/{model}/aliases"), &()).await
    }

    async fn alias_events(&self, model: &ModelName) -> Result<Vec<AliasEvent>, Problem> {
        self.get(&format!("/api/v1/models/{model}/alias-events"), &()).await
    }

    async fn set_alias(&self, model: &ModelName, alias: &AliasName, request: SetAlias) -> Result<Alias, Problem> {
        let path = format!("/api/v1/models/{model}/aliases/{alias}");
        self.answer(self.request(Method::PUT, &path, Patience::Lookup).json(&request))
            .await
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, Problem> {
        self.get("/api/v1/deployments", &()).await
    }

    async fn deployment_history(&self, deployment: &DeploymentName) -> Result<Vec<DeploymentEvent>, Problem> {
        self.get(&format!("/api/v1/deployments/{deployment}/history"), &())
            .await
    }

    async fn deploy(&self, request: DeployRequest) -> Result<Deployment, Problem> {
        self.post("/api/v1/deployments", &request).await
    }

    async fn rollback(&self, deployment: &DeploymentName, request: RollbackRequest) -> Result<Deployment, Problem> {
        self.post(&format!("/api/v1/deployments/{deployment}/rollback"), &request)
            .await
    }

    async fn inference_metadata(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
    ) -> Result<ModelMetadata, Problem> {
        self.get(&inference_path(deployment, version), &()).await
    }

    async fn infer(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
        request: InferRequest,
    ) -> Result<InferResponse, Problem> {
        self.post(&format!("{}/infer", inference_path(deployment, version)), &request)
            .await
    }

    async fn dead_letters(&self, request: DeadLettersRequest) -> Result<Vec<DeadLetterSummary>, Problem> {
        self.get("/api/v1/dead-letters", &request).await
    }

    async fn dead_letter(&self, id: &DeadLetterId) -> Result<DeadLetter, Problem> {
        let DeadLetterId {
            stream,
            partition,
            offset,
        } = id;
        self.get(&format!("/api/v1/dead-letters/{stream}/{partition}/{offset}"), &())
            .await
    }

    async fn drift(&self, request: DriftRequest) -> Result<Vec<DriftSeries>, Problem> {
        self.get("/api/v1/drift", &request).await
    }

    async fn performance(&self, request: PerformanceRequest) -> Result<Vec<PerformanceSeries>, Problem> {
        self.get("/api/v1/performance", &request).await
    }

    async fn monitors(&self) -> Result<Vec<Monitor>, Problem> {
        self.get("/api/v1/monitors", &()).await
    }

    async fn run_monitor(&self, monitor: &MonitorName, request: MonitorRunRequest) -> Result<MonitorRun, Problem> {
        let path = format!("/api/v1/monitors/{monitor}/run");
        self.answer(self.request(Method::POST, &path, Patience::Work).json(&request))
            .await
    }

    async fn triggers(&self) -> Result<Vec<Trigger>, Problem> {
        self.get("/api/v1/triggers", &()).await
    }

    async fn firings(&self, request: FiringsRequest) -> Result<Vec<Firing>, Problem> {
        self.get("/api/v1/firings", &request).await
    }

    async fn fire(&self, trigger: &TriggerName, request: FireRequest) -> Result<Firing, Problem> {
        self.post(&format!("/api/v1/triggers/{trigger}/fire"), &request).await
    }

    async fn predictions(&self, request: PredictionsRequest) -> Result<Vec<Prediction>, Problem> {
        self.get("/api/v1/predictions", &request).await
    }

    async fn prediction(&self, id: &str) -> Result<Prediction, Problem> {
        self.answer(self.request_below("/api/v1/predictions", id)).await
    }

    async fn clock(&self) -> Result<EventClock, Problem> {
        self.get("/api/v1/clock", &()).await
    }

    async fn wait_for_clock(&self, request: ClockWaitRequest) -> Result<EventClock, Problem> {
        let asked = self
            .request(Method::POST, "/api/v1/clock/wait", Patience::Work)
            .json(&request);
        self.answer(asked).await
    }

    async fn replay_dead_letters(&self, stream: &StreamName, request: ReplayRequest) -> Result<ReplayReport, Problem> {
        let path = format!("/api/v1/dead-letters/{stream}/replay");
        self.answer(self.request(Method::POST, &path, Patience::Work).json(&request))
            .await
    }

    async fn audit(&self, stream: &StreamName, request: AuditRequest) -> Result<AuditReport, Problem> {
        let path = format!("/api/v1/streams/{stream}/audit");
        let asked = self.request(Method::GET, &path, Patience::Work).query(&request);
        self.answer(asked).await
    }
}

fn inference_path(deployment: &DeploymentName, version: Option<VersionNumber>) -> String {
    match version {
        None => format!("/v2/models/{deployment}"),
        Some(VersionNumber(version)) => format!("/v2/models/{deployment}/versions/{version}"),
    }
}
