//! The champion: read from the registry, held against a challenger, and the reference that later data is held against.

use std::sync::Arc;

use arrow::array::BooleanArray;
use tidemill_models::Artifact;
use tidemill_registry::{MetricPoint, VersionRef};
use tidemill_stats::drift::{REFERENCE_PATH, ReferenceSet};
use tidemill_types::{Micros, ModelName, RunId, VersionNumber};
use tokio::task::spawn_blocking;

use crate::TrainError;
use crate::compare::{Champion, CompareFacts, Comparison, judge};
use crate::evaluation::Evaluation;
use crate::pipeline::{AS_OF_PARAM, EVALUATE_TO_PARAM, Plan, TRAIN_TO_PARAM, Trainer};
use crate::sets::Sets;

/// The times that a version was made from; none where its run does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MadeFrom {
    /// Where its training window ended.
    pub trained_to: Option<Micros>,
    /// Where its evaluation window ended.
    pub evaluated_to: Option<Micros>,
    /// As of when it was trained.
    pub as_of: Option<Micros>,
}

impl Trainer {
    /// Holds the challenger against the champion, on the same rows.
    pub(crate) async fn compare(
        &self,
        plan: &Plan,
        sets: &Arc<Sets>,
        challenger: &Evaluation,
        mask: Option<&BooleanArray>,
        artifact: &Artifact,
    ) -> Result<Comparison, TrainError> {
        let rule = &plan.spec.compare;
        let mut facts = CompareFacts {
            champion: plan.order.opponent.champion().map(|champion| champion.version),
            obstacle: None,
            champion_value: None,
            challenger_value: challenger.metrics.get(&rule.metric),
            rows: challenger.rows,
            positives: challenger.positives,
        };
        if let Some(champion) = plan.order.opponent.champion() {
            facts.obstacle = obstacle(plan, sets, champion);
            if facts.obstacle.is_none() {
                facts.champion_value = if champion.artifact.content_hash() == artifact.content_hash() {
                    facts.challenger_value
                } else {
                    let scored = self.scored(plan, sets, &champion.artifact).await?;
                    let evaluation = self.evaluation(plan, sets, &scored, mask).await?;
                    evaluation.metrics.get(&rule.metric)
                };
            }
        }
        Ok(judge(rule, facts))
    }

    /// A run says what came of its comparison.
    pub(crate) async fn log_comparison(&self, run: &RunId, comparison: &Comparison) -> Result<(), TrainError> {
        if let Some(value) = comparison.champion_value {
            let name = format!("champion_{}", comparison.metric);
            self.registry
                .log_metrics(run, vec![MetricPoint::new(&name, value, 0)])
                .await?;
        }
        let mut tags = vec![
            ("comparison".to_owned(), comparison.verdict.as_str().to_owned()),
            ("comparison_reason".to_owned(), comparison.reason.clone()),
        ];
        if let Some(champion) = comparison.champion {
            tags.push(("champion".to_owned(), champion.0.to_string()));
        }
        Ok(self.registry.set_tags(run, tags).await?)
    }

    /// A version as a champion to be held against.
    pub async fn champion(&self, model: &ModelName, version: VersionNumber) -> Result<Champion, TrainError> {
        let details = self.registry.version(model, &VersionRef::Number(version)).await?;
        let bytes = self.registry.get_blob(&details.version.artifact).await?;
        let artifact = spawn_blocking(move || Artifact::decode(&bytes)).await?;
        let artifact = artifact.map_err(|source| TrainError::Artifact {
            model: model.clone(),
            version,
            source,
        })?;
        Ok(Champion {
            version,
            artifact,
            trained_to: self.made_from(model, version).await?.trained_to,
        })
    }

    /// The times that a version was made from, by the run that made it first.
    pub async fn made_from(&self, model: &ModelName, version: VersionNumber) -> Result<MadeFrom, TrainError> {
        let details = self.registry.version(model, &VersionRef::Number(version)).await?;
        let Some(run) = details.version.run else {
            return Ok(MadeFrom::default());
        };
        let params = self.registry.run(&run).await?.params;
        let time = |name: &str| params.get(name).and_then(|text| text.parse().ok());
        Ok(MadeFrom {
            trained_to: time(TRAIN_TO_PARAM),
            evaluated_to: time(EVALUATE_TO_PARAM),
            as_of: time(AS_OF_PARAM),
        })
    }

    /// The reference of a version; none where it has none, as versions of earlier releases.
    pub async fn reference_of(
        &self,
        model: &ModelName,
        version: VersionNumber,
    ) -> Result<Option<ReferenceSet>, TrainError> {
        let details = self.registry.version(model, &VersionRef::Number(version)).await?;
        let Some(file) = details.artifacts.into_iter().find(|file| file.path == REFERENCE_PATH) else {
            return Ok(None);
        };
        let bytes = self.registry.get_blob(&file.hash).await?;
        let reference = spawn_blocking(move || serde_json::from_slice(&bytes)).await?;
        reference.map(Some).map_err(TrainError::ReferenceText)
    }
}

/// Why the champion cannot be held against the challenger; none where it can.
fn obstacle(plan: &Plan, sets: &Sets, champion: &Champion) -> Option<String> {
    let (evaluate_from, _) = plan.windows.evaluate_bounds();
    if let Some(trained_to) = champion.trained_to.filter(|to| *to > evaluate_from) {
        return Some(format!(
            "it was trained to {trained_to}, after the rows from {evaluate_from} on"
        ));
    }
    let features = &champion.artifact.model().signature().features;
    let missing = features
        .iter()
        .find(|feature| sets.evaluate.batch.column_by_name(&feature.name).is_none());
    missing.map(|feature| format!("feature `{}` of the champion is gone", feature.name))
}
