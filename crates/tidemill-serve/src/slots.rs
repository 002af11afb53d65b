//! The slots: which version answers under which name, swapped without a lock and without a gap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use tidemill_types::{DeploymentName, Explain, VersionNumber};

use crate::deployed::{Candidate, Deployed};
use crate::error::{InstallError, ServeError};
use crate::limits::VALUES_INLINE_MAX;
use crate::observer::{InferenceEvent, InferenceObserver};
use crate::predictions::{PredictionLog, ScoredRequest};
use crate::protocol::{InferRequest, InferResponse, ModelMetadata};

/// What serves, by deployment. Readers take the whole map as it is at a moment; writers replace it.
pub struct Slots {
    live: ArcSwap<BTreeMap<DeploymentName, Arc<Deployed>>>,
    observer: Arc<dyn InferenceObserver>,
    log: ArcSwapOption<PredictionLog>,
}

impl Slots {
    /// No deployments yet. Every request that reaches one later is told to `observer`.
    pub fn new(observer: Arc<dyn InferenceObserver>) -> Slots {
        Slots {
            live: ArcSwap::default(),
            observer,
            log: ArcSwapOption::empty(),
        }
    }

    /// From now on what requests are answered is recorded in `log`, for the models that it knows.
    pub fn record_in(&self, log: Arc<PredictionLog>) {
        self.log.store(Some(log));
    }

    /// The log of predictions, where there is one.
    pub fn log(&self) -> Option<Arc<PredictionLog>> {
        self.log.load_full()
    }

    /// Checks a candidate on a blocking thread (see [`Deployed::check`]) and swaps it in. Returns what served before.
    ///
    /// On an error what served before goes on serving.
    pub async fn install(
        &self,
        deployment: &DeploymentName,
        candidate: Candidate,
    ) -> Result<Option<Arc<Deployed>>, InstallError> {
        let (model, version) = (candidate.model.clone(), candidate.version);
        let checked = tokio::task::spawn_blocking(|| Deployed::check(candidate)).await;
        let deployed = checked.map_err(|source| InstallError::BrokeOff { model, version, source })??;
        Ok(self.swap(deployment, &Arc::new(deployed)))
    }

    /// Lets `deployed` answer from now on. Requests that run are finished by what they started with. Returns what served
    /// before.
    pub fn swap(&self, deployment: &DeploymentName, deployed: &Arc<Deployed>) -> Option<Arc<Deployed>> {
        let before = self.live.rcu(|slots| {
            let mut slots = BTreeMap::clone(slots);
            slots.insert(deployment.clone(), Arc::clone(deployed));
            slots
        });
        before.get(deployment).cloned()
    }

    /// Takes a deployment away. Returns what served.
    pub fn remove(&self, deployment: &DeploymentName) -> Option<Arc<Deployed>> {
        let before = self.live.rcu(|slots| {
            let mut slots = BTreeMap::clone(slots);
            slots.remove(deployment);
            slots
        });
        before.get(deployment).cloned()
    }

    /// What a deployment serves now.
    pub fn get(&self, deployment: &DeploymentName) -> Option<Arc<Deployed>> {
        self.live.load().get(deployment).cloned()
    }

    /// Everything that serves now, by deployment: one consistent picture.
    pub fn all(&self) -> Arc<BTreeMap<DeploymentName, Arc<Deployed>>> {
        self.live.load_full()
    }

    /// What a deployment takes and gives; with a `version`, only if it is the one that serves.
    pub fn metadata(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
    ) -> Result<ModelMetadata, ServeError> {
        Ok(self.serving(deployment, version)?.metadata(deployment))
    }

    /// Scores a request by what a deployment serves; with a `version`, only if it is the one that serves.
    ///
    /// Small requests are scored where they are, large ones on a blocking thread. Where requests are recorded, this returns
    /// when the record has a place in the queue or has waited long enough for one.
    pub async fn infer(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
        request: InferRequest,
    ) -> Result<InferResponse, ServeError> {
        let started = Instant::now();
        let deployed = self.serving(deployment, version)?;
        let rows = request.rows();
        let answer = self.score_and_record(deployment, &deployed, request).await;
        self.observer.observe(InferenceEvent {
            deployment,
            model: &deployed.model,
            version: deployed.version,
            rows: if answer.is_ok() { rows } else { 0 },
            elapsed: started.elapsed(),
            refused: answer.as_ref().err().map(Explain::code),
        });
        answer
    }

    async fn score_and_record(
        &self,
        deployment: &DeploymentName,
        deployed: &Arc<Deployed>,
        mut request: InferRequest,
    ) -> Result<InferResponse, ServeError> {
        let (id, parameters) = (request.id.clone(), std::mem::take(&mut request.parameters));
        let values = request.rows().saturating_mul(deployed.signature().features.len());
        let (response, values) = if values <= VALUES_INLINE_MAX {
            deployed.answer_with_rows(deployment, &request)?
        } else {
            let (deployed, name) = (Arc::clone(deployed), deployment.clone());
            let scored = tokio::task::spawn_blocking(move || deployed.answer_with_rows(&name, &request)).await;
            scored.map_err(|source| ServeError::BrokeOff {
                deployment: deployment.clone(),
                source,
            })??
        };
        if let Some(log) = self.log.load_full() {
            let scores = response.outputs.first().map_or(&[][..], |output| &output.data);
            if let Some(keys) = log.keys(&deployed.model, &parameters, scores.len())? {
                let scored = ScoredRequest {
                    deployment: deployment.clone(),
                    deployed: Arc::clone(deployed),
                    id,
                    keys,
                    values,
                    scores: scores.to_vec(),
                };
                log.record(scored).await;
            }
        }
        Ok(response)
    }

    fn serving(
        &self,
        deployment: &DeploymentName,
        version: Option<VersionNumber>,
    ) -> Result<Arc<Deployed>, ServeError> {
        let slots = self.live.load();
        let Some(deployed) = slots.get(deployment) else {
            return Err(ServeError::NotDeployed {
                deployment: deployment.clone(),
                deployed: slots.keys().cloned().collect(),
            });
        };
        match version {
            Some(wanted) if wanted != deployed.version => Err(ServeError::OtherVersion {
                deployment: deployment.clone(),
                wanted,
                serving: deployed.version,
            }),
            _ => Ok(Arc::clone(deployed)),
        }
    }
}
