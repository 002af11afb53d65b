//! Operations that answer made-up values. The names `absent`, `panics` and `held` do as they say.

use std::sync::Mutex;

use async_trait::async_trait;
use tidemill_serve::protocol::{InferRequest, InferResponse, ModelMetadata};
use tidemill_types::{
    AliasName, AuditReport, DeploymentName, ErrorCode, ModelName, MonitorName, Problem, RunId, StreamName, TriggerName,
    VersionNumber,
};
use tokio::sync::Semaphore;

use super::{landed, values};
use crate::*;

/// Operations that answer made-up values.
pub(super) struct FakeOperations {
    /// One permit for each request that has reached a held name.
    pub(super) reached: Semaphore,
    /// A held request goes on with a permit of this.
    pub(super) release: Semaphore,
    /// One permit for each held request that came to its end.
    pub(super) finished: Semaphore,
    /// What the status is; the usual one when absent.
    pub(super) status: Mutex<Option<Result<Status, Problem>>>,
}

impl Default for FakeOperations {
    fn default() -> FakeOperations {
        FakeOperations {
            reached: Semaphore::new(0),
            release: Semaphore::new(0),
            finished: Semaphore::new(0),
            status: Mutex::new(None),
        }
    }
}

impl FakeOperations {
    async fn at(&self, name: &str) -> Result<(), Problem> {
        match name {
            "absent" => Err(values::absent(name)),
            "panics" => panic!("on purpose"),
            "held" => {
                self.reached.add_permits(1);
                self.release.acquire().await.unwrap().forget();
                self.finished.add_permits(1);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Operations for FakeOperations {
    async fn status(&self) -> Result<Status, Problem> {
        let set = self.status.lock().unwrap().clone();
        set.unwrap_or_else(|| Ok(values::status()))
    }

    async fn sql(&self, request: SqlRequest) -> Result<SqlAnswer, Problem> {
        self.at(&request.query).await?;
        if request.query.starts_with("drop") {
            let problem =
                Problem::new(ErrorCode::InvalidInput, "only reading is allowed").with_hint("write `select …`");
            return Err(problem);
        }
        Ok(values::sql_answer())
    }

    async fn tables(&self) -> Result<Vec<TableDescription>, Problem> {
        Ok(values::tables())
    }

    async fn features(&self, request: FeaturesRequest) -> Result<Vec<FeatureViewSummary>, Problem> {
        let mut views = values::features();
        if let Some(view) = &request.view {
            self.at(view.as_str()).await?;
            views[0].view = view.clone();
        }
        views[0].range = request.range();
        Ok(views)
    }

    async fn check(&self, request: CheckRequest) -> Result<CheckReport, Problem> {
        for name in &request.names {
            self.at(name.as_str()).await?;
        }
        let mut report = values::check_report();
        report.window = request.range();
        Ok(report)
    }

    async fn train(&self, request: TrainRequest) -> Result<TrainOutcome, Problem> {
        self.at(request.model.as_str()).await?;
        Ok(TrainOutcome {
            model: request.model,
            seed: request.seed.unwrap_or(42),
            ..values::train_outcome()
        })
    }

    async fn experiments(&self) -> Result<Vec<Experiment>, Problem> {
        Ok(values::experiments())
    }

    async fn runs(&self, request: RunsRequest) -> Result<Vec<RunSummary>, Problem> {
        let mut run = values::run_summary();
        run.name = format!("{request:?}");
        Ok(vec![run])
    }

    async fn run(&self, run: &RunId) -> Result<Run, Problem> {
        let mut answer = values::run();
        answer.summary.id = run.clone();
        Ok(answer)
    }

    async fn compare(&self, runs: &[RunId]) -> Result<RunComparison, Problem> {
        Ok(values::comparison(runs))
    }

    async fn models(&self) -> Result<Vec<Model>, Problem> {
        Ok(vec![values::model(&values::name("fraud"))])
    }

    async fn model(&self, model: &ModelName) -> Result<Model, Problem> {
        self.at(model.as_str()).await?;
        Ok(values::model(model))
    }

    async fn versions(&self, model: &ModelName) -> Result<Vec<ModelVersion>, Problem> {
        self.at(model.as_str()).await?;
        Ok(vec![values::model_version(model, VersionNumber(2))])
    }

    async fn version(&self, model: &ModelName, version: VersionNumber) -> Result<ModelVersion, Problem> {
        self.at(model.as_str()).await?;
        Ok(values::model_version(model, version))
    }

    async fn lineage(&self, model: &ModelName, version: VersionNumber) -> Result<VersionLineage, Problem> {
        self.at(model.as_str()).await?;
        Ok(values::version_lineage(model, version))
    }

    async fn aliases(&self, model: &ModelName) -> Result<Vec<Alias>, Problem> {
        self.at(model.as_str()).await?;
        Ok(vec![values::alias(model, VersionNumber(2))])
    }

    async fn alias_events(&self, model: &ModelName) -> Result<Vec<AliasEvent>, Problem> {
        self.at(model.as_str()).await?;
        Ok(values::alias_events())
    }

    async fn set_alias(&self, model: &ModelName, alias: &AliasName, request: SetAlias) -> Result<Alias, Problem> {
        self.at(model.as_str()).await?;
        Ok(Alias {
            alias: alias.clone(),
            ..values::alias(model, request.version)
        })
    }

    async fn deployments(&self) -> Result<Vec<Deployment>, Problem> {
        Ok(vec![values::deployment()])
    }

    async fn deployment_history(&self, deployment: &DeploymentName) -> Result<Vec<DeploymentEvent>, Problem> {
        self.at(deployment.as_str()).await?;
        Ok(values::deployment_events())
    }

    async fn deploy(&self, request: DeployRequest) -> Result<Deployment, Problem> {
        self.at(request.model.as_str()).await?;
        Ok(Deployment {
            model: request.model,
            version: request.version.unwrap_or(VersionNumber(2)),
            alias: request.alias,
            ..values::deployment()
        })
    }

    async fn rollback(&self, deployment: &DeploymentName, request: RollbackRequest) -> Result<Deployment, Problem> {
        self.at(deployment.as_str()).await?;
        let named = request.reason.is_some() || request.actor.is_some();
        Ok(Deployment {
            name: deployment.clone(),
            version: VersionNumber(1),
            previous: named.then_some(VersionNumber(7)),
            ..values::deployment()
        })
    }

    async fn inference_metadata(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
    ) -> Result<ModelMetadata, Problem> {
        self.at(deployment.as_str()).await?;
        if deployment.as_str() == "empty" {
            return Err(Problem::new(
                ErrorCode::NotReady,
                "nothing is deployed under `empty` yet",
            ));
        }
        let mut metadata = values::metadata(deployment.as_str());
        if let Some(version) = version {
            metadata.versions = vec![version.0.to_string()];
        }
        Ok(metadata)
    }

    async fn infer(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
        request: InferRequest,
    ) -> Result<InferResponse, Problem> {
        self.at(deployment.as_str()).await?;
        let rows = request.rows();
        let mut response = values::infer_response(deployment.as_str(), request.id, rows);
        if let Some(version) = version {
            response.model_version = version.0.to_string();
        }
        Ok(response)
    }

    async fn dead_letters(&self, request: DeadLettersRequest) -> Result<Vec<DeadLetterSummary>, Problem> {
        let mut letter = values::dead_letter().summary;
        letter.error = format!("{request:?}");
        Ok(vec![letter])
    }

    async fn dead_letter(&self, id: &DeadLetterId) -> Result<DeadLetter, Problem> {
        self.at(id.stream.as_str()).await?;
        let mut letter = values::dead_letter();
        letter.summary.id = id.clone();
        Ok(letter)
    }

    async fn drift(&self, request: DriftRequest) -> Result<Vec<DriftSeries>, Problem> {
        if let Some(monitor) = &request.monitor {
            self.at(monitor.as_str()).await?;
        }
        let mut series = values::drift();
        series.measure = format!("{request:?}");
        Ok(vec![series])
    }

    async fn performance(&self, request: PerformanceRequest) -> Result<Vec<PerformanceSeries>, Problem> {
        let mut series = values::performance();
        series.metric = format!("{request:?}");
        Ok(vec![series])
    }

    async fn monitors(&self) -> Result<Vec<Monitor>, Problem> {
        Ok(values::monitors())
    }

    async fn run_monitor(&self, monitor: &MonitorName, request: MonitorRunRequest) -> Result<MonitorRun, Problem> {
        self.at(monitor.as_str()).await?;
        let mut run = values::monitor_run();
        run.monitor = monitor.clone();
        run.at = request.at.unwrap_or(run.at);
        Ok(run)
    }

    async fn triggers(&self) -> Result<Vec<Trigger>, Problem> {
        Ok(values::triggers())
    }

    async fn firings(&self, request: FiringsRequest) -> Result<Vec<Firing>, Problem> {
        Ok(vec![Firing {
            detail: Some(format!("{request:?}")),
            ..values::firing()
        }])
    }

    async fn fire(&self, trigger: &TriggerName, request: FireRequest) -> Result<Firing, Problem> {
        self.at(trigger.as_str()).await?;
        Ok(Firing {
            trigger: trigger.clone(),
            reason: request.reason,
            actor: request.actor.unwrap_or_else(|| "api".to_owned()),
            ..values::firing()
        })
    }

    async fn predictions(&self, request: PredictionsRequest) -> Result<Vec<Prediction>, Problem> {
        Ok(vec![Prediction {
            id: format!("{request:?}"),
            ..values::prediction()
        }])
    }

    async fn prediction(&self, id: &str) -> Result<Prediction, Problem> {
        self.at(id).await?;
        Ok(Prediction {
            id: id.to_owned(),
            ..values::prediction()
        })
    }

    async fn clock(&self) -> Result<EventClock, Problem> {
        Ok(values::clock())
    }

    async fn wait_for_clock(&self, request: ClockWaitRequest) -> Result<EventClock, Problem> {
        let at = request.until.or(values::clock().at);
        if request.timeout == Some(tidemill_types::DurationText::from_secs(1)) {
            return Err(Problem::new(ErrorCode::TimedOut, "the event clock is not there yet").with_hint("wait longer"));
        }
        Ok(EventClock { at, ..values::clock() })
    }

    async fn replay_dead_letters(&self, stream: &StreamName, request: ReplayRequest) -> Result<ReplayReport, Problem> {
        self.at(stream.as_str()).await?;
        Ok(landed::replay_report(stream.clone(), &request))
    }

    async fn audit(&self, stream: &StreamName, request: AuditRequest) -> Result<AuditReport, Problem> {
        self.at(stream.as_str()).await?;
        let mut report = landed::audit_report();
        report.topic_read = !request.offline;
        Ok(report)
    }
}
