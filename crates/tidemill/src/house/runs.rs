//! Experiments and runs, as the API shows them.

use tidemill_api::{
    ComparedMetric, ComparedParam, Experiment, RUNS_LISTED, RUNS_LISTED_MAX, Run, RunArtifact, RunComparison,
    RunSummary, RunsRequest,
};
use tidemill_registry::{RunDetails, RunFilter, RunOrder};
use tidemill_training::{ALGORITHM_PARAM, MODEL_TAG};
use tidemill_types::{Problem, RunId};

use super::House;
use super::convert::{problem, run_status};

/// Metrics of which less is better; a list ordered by one of them begins with the lowest.
const LOWER_IS_BETTER: [&str; 2] = ["log_loss", "brier"];

impl House {
    pub(super) async fn list_experiments(&self) -> Result<Vec<Experiment>, Problem> {
        let experiments = self.registry.experiments().await.map_err(problem)?;
        let shown = experiments.into_iter().map(|experiment| Experiment {
            name: experiment.name,
            created_at: experiment.created_at,
            runs: experiment.runs,
        });
        Ok(shown.collect())
    }

    pub(super) async fn list_runs(&self, request: RunsRequest) -> Result<Vec<RunSummary>, Problem> {
        let order = match request.order_by {
            None => RunOrder::Newest,
            Some(metric) => {
                let lowest_first = request.ascending || LOWER_IS_BETTER.contains(&metric.as_str());
                if lowest_first {
                    RunOrder::Lowest(metric)
                } else {
                    RunOrder::Highest(metric)
                }
            }
        };
        let limit = request.limit.unwrap_or(RUNS_LISTED).min(RUNS_LISTED_MAX) as usize;
        // The registry knows neither models nor wanted states of runs, so that the limit is ours to keep: over what is left.
        let filtered = request.model.is_some() || request.status.is_some();
        let filter = RunFilter {
            experiment: request.experiment,
            order,
            limit: if filtered { RUNS_LISTED_MAX as usize } else { limit },
        };
        let mut summaries = Vec::new();
        for run in self.registry.runs(&filter).await.map_err(problem)? {
            if summaries.len() == limit {
                break;
            }
            let summary = summary(&self.registry.run(&run.id).await.map_err(problem)?);
            let of_model = request.model.is_none() || summary.model == request.model;
            let of_status = request.status.is_none_or(|status| status == summary.status);
            if of_model && of_status {
                summaries.push(summary);
            }
        }
        Ok(summaries)
    }

    pub(super) async fn show_run(&self, run: &RunId) -> Result<Run, Problem> {
        let details = self.registry.run(run).await.map_err(problem)?;
        let summary = summary(&details);
        Ok(Run {
            summary,
            failure: details.run.status_reason,
            params: details.params,
            tags: details.tags,
            lineage: details.lineage,
            artifacts: details
                .artifacts
                .into_iter()
                .map(|entry| RunArtifact {
                    path: entry.path,
                    sha256: entry.hash.to_string(),
                })
                .collect(),
        })
    }

    pub(super) async fn compare_runs(&self, ids: &[RunId]) -> Result<RunComparison, Problem> {
        let mut runs = Vec::new();
        for id in ids {
            runs.push(self.registry.run(id).await.map_err(problem)?);
        }
        let mut names: Vec<&String> = Vec::new();
        let mut metric_names: Vec<&String> = Vec::new();
        for run in &runs {
            names.extend(
                run.params
                    .keys()
                    .filter(|name| !names.contains(name))
                    .collect::<Vec<_>>(),
            );
            metric_names.extend(
                run.run
                    .metrics
                    .0
                    .keys()
                    .filter(|name| !metric_names.contains(name))
                    .collect::<Vec<_>>(),
            );
        }
        let params = names.into_iter().map(|name| {
            let values: Vec<_> = runs.iter().map(|run| run.params.get(name).cloned()).collect();
            let differs = values.iter().any(|value| value != &values[0]);
            ComparedParam {
                name: name.clone(),
                values,
                differs,
            }
        });
        let metrics = metric_names.into_iter().map(|name| ComparedMetric {
            name: name.clone(),
            values: runs.iter().map(|run| run.run.metrics.get(name)).collect(),
        });
        Ok(RunComparison {
            params: params.collect(),
            metrics: metrics.collect(),
            runs: runs.iter().map(summary).collect(),
        })
    }
}

fn summary(details: &RunDetails) -> RunSummary {
    let run = &details.run;
    RunSummary {
        id: run.id.clone(),
        name: run.name.clone(),
        experiment: run.experiment.clone(),
        model: details.tags.get(MODEL_TAG).and_then(|name| name.parse().ok()),
        algorithm: details.params.get(ALGORITHM_PARAM).cloned(),
        status: run_status(run.status),
        started_at: run.started_at,
        finished_at: run.ended_at,
        metrics: run.metrics.clone(),
        version: details.versions.first().map(|produced| produced.version),
    }
}
