//! Training orders from the API, and their outcomes for it.

use std::sync::Arc;
use std::time::Instant;

use tidemill_api::{DeployRequest, RowCounts, TrainOutcome, TrainRequest, TrainStatus};
use tidemill_training::{SetCounts, TrainEnd, TrainOrder, TrainStep};
use tidemill_types::{Problem, VersionNumber};

use super::House;
use super::convert::{actor, check_report, problem};

impl House {
    pub(super) async fn train_model(&self, request: TrainRequest) -> Result<TrainOutcome, Problem> {
        let started = Instant::now();
        let who = actor(request.actor);
        let mut order = TrainOrder::new(request.model.clone(), who.clone());
        order.algorithm = request
            .algorithm
            .map(|name| name.parse().map_err(problem))
            .transpose()?;
        order.params = request.params.into_iter().collect();
        order.seed = request.seed;
        order.train = request.train;
        order.evaluate = request.evaluate;
        order.as_of = request.as_of;
        order.experiment = request.experiment;
        order.name = request.name;
        order.register = request.register.unwrap_or(true);
        let hear = self
            .on_train_step
            .clone()
            .unwrap_or_else(|| Arc::new(|_: TrainStep| ()));
        let trained = self.trainer.train(order, &*hear).await.map_err(problem)?;

        let version: Option<VersionNumber> = match trained.end {
            TrainEnd::Registered { version, .. } => Some(version),
            _ => None,
        };
        let deployment = match version.filter(|_| request.deploy.unwrap_or(false)) {
            None => None,
            Some(version) => {
                let request = DeployRequest {
                    model: request.model.clone(),
                    version: Some(version),
                    alias: None,
                    deployment: None,
                    reason: Some(format!("trained by run {}", trained.run)),
                    actor: Some(who),
                };
                Some(self.serve_version(request).await?)
            }
        };
        let status = match trained.end {
            TrainEnd::StoppedByChecks => TrainStatus::StoppedByChecks,
            TrainEnd::RefusedByGate => TrainStatus::RefusedByGate,
            TrainEnd::Unregistered => TrainStatus::Finished,
            TrainEnd::Registered { .. } if deployment.is_some() => TrainStatus::Deployed,
            TrainEnd::Registered { .. } => TrainStatus::Registered,
        };
        Ok(TrainOutcome {
            status,
            run: trained.run,
            run_name: trained.run_name,
            experiment: trained.experiment,
            model: request.model,
            algorithm: trained.algorithm.to_string(),
            params: trained.params.into_iter().collect(),
            seed: trained.seed,
            train: trained.windows.train,
            train_rows: row_counts(trained.train_rows),
            evaluate: trained.windows.evaluate,
            evaluate_rows: row_counts(trained.evaluate_rows),
            metrics: trained.metrics,
            gate: trained.gate,
            version,
            content_hash: trained.content_hash,
            checks: check_report(&self.project, trained.checks),
            deployment,
            elapsed_ms: started.elapsed().as_millis() as u64,
        })
    }
}

fn row_counts(counts: SetCounts) -> RowCounts {
    RowCounts {
        rows: counts.rows,
        positives: counts.positives,
    }
}
