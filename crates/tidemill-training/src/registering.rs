//! The last step of a training: what was fitted becomes a version, with its reference beside it, in one change.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use tidemill_features::SCORE_COLUMN;
use tidemill_models::Artifact;
use tidemill_project::DeploymentSpec;
use tidemill_registry::{Approval, ArtifactEntry, NewVersion, Sha256Hash};
use tidemill_stats::drift::{REFERENCE_PATH, ReferenceSet};
use tidemill_types::{AliasName, GateVerdict, Lineage, ModelName, RunId};
use tokio::task::spawn_blocking;

use crate::TrainError;
use crate::order::TrainEnd;
use crate::pipeline::{Plan, Trainer};
use crate::reference::reference_set;
use crate::sets::Sets;

/// The alias of the newest version that passed its gate; left alone where a deployment follows it.
pub const CHALLENGER: &str = "challenger";

impl Trainer {
    /// Stores what was fitted and its reference, then registers the version and ends the run in one change: a process that dies
    /// before that leaves blobs that nothing refers to.
    pub(crate) async fn register(
        &self,
        plan: &Plan,
        run: &RunId,
        artifact: &Artifact,
        reference: &ReferenceSet,
        lineage: Lineage,
        verdict: &GateVerdict,
    ) -> Result<TrainEnd, TrainError> {
        let reference = serde_json::to_vec(reference).map_err(TrainError::ReferenceText)?;
        let reference = ArtifactEntry {
            path: REFERENCE_PATH.to_owned(),
            hash: self.registry.put_blob(reference).await?,
        };
        let encoded = artifact.clone();
        let blob = self
            .registry
            .put_blob(spawn_blocking(move || encoded.encode()).await?)
            .await?;
        let content_hash: Sha256Hash = artifact.content_hash().parse().map_err(|_| TrainError::ContentHash)?;
        let registered = self
            .registry
            .register_version(NewVersion {
                model: plan.spec.name.clone(),
                run: run.clone(),
                artifact: blob,
                content_hash,
                files: vec![reference],
                lineage,
                description: format!("{} of run {run}", plan.parameters.algorithm()),
                gate: Some(verdict.describe()).filter(|text| !text.is_empty()),
                approval: Approval::Approved,
                alias: challenger(&plan.spec.name, self.project.deployments.values()),
                finish_run: true,
                actor: plan.order.actor.clone(),
            })
            .await?;
        Ok(TrainEnd::Registered {
            version: registered.version,
            existing: registered.existing,
        })
    }
}

/// The challenger's alias of a model, unless a deployment follows it: what is served moves by control alone, together with
/// its slot.
pub(crate) fn challenger<'a>(
    model: &ModelName,
    deployments: impl IntoIterator<Item = &'a DeploymentSpec>,
) -> Option<AliasName> {
    let mut deployments = deployments.into_iter();
    let followed = deployments.any(|spec| spec.model == *model && spec.alias.as_str() == CHALLENGER);
    if followed {
        None
    } else {
        AliasName::new(CHALLENGER).ok()
    }
}

/// What later data is held against: the features that were learnt from, and the scores of the evaluated rows.
pub(crate) async fn reference_of_sets(sets: &Arc<Sets>, scored: &RecordBatch) -> Result<ReferenceSet, TrainError> {
    let (sets, scored) = (Arc::clone(sets), scored.clone());
    spawn_blocking(move || {
        let scores = scored
            .column_by_name(SCORE_COLUMN)
            .map(|column| column.as_primitive::<Float64Type>().values().to_vec())
            .unwrap_or_default();
        reference_set(&sets.train, &scores)
    })
    .await?
}
