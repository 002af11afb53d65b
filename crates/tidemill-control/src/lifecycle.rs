//! The one place where registry and slots change together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use tidemill_registry::{Alias, Deployment, ModelVersion, NewDeployment, NewMove, Registry, ReleasePins, VersionRef};
use tidemill_serve::{Candidate, Deployed, Slots};
use tidemill_types::{Clock, DeploymentName, Explain, ModelName, Problem, VersionNumber};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::{AliasOrder, Binding, ControlError, DeployOrder, MoveOrder};

/// What a start found for one deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// The deployment.
    pub deployment: DeploymentName,
    /// The version that the registry wants there.
    pub version: VersionNumber,
    /// Why it does not serve, where it does not.
    pub fault: Option<Problem>,
}

/// Carries out orders on deployments, one at a time.
pub struct Lifecycle {
    registry: Registry,
    slots: Arc<Slots>,
    clock: Arc<dyn Clock>,
    bindings: BTreeMap<DeploymentName, Binding>,
    /// Why a deployment does not serve what the registry wants there; looked at by status displays only.
    faults: StdMutex<BTreeMap<DeploymentName, Problem>>,
    /// One order at a time: between the look at the history and the swap nobody else moves.
    turn: Mutex<()>,
}

impl Lifecycle {
    /// A lifecycle over the project's deployments.
    pub fn new(
        registry: Registry,
        slots: Arc<Slots>,
        clock: Arc<dyn Clock>,
        bindings: impl IntoIterator<Item = Binding>,
    ) -> Lifecycle {
        let bindings = bindings
            .into_iter()
            .map(|binding| (binding.deployment.clone(), binding))
            .collect();
        Lifecycle {
            registry,
            slots,
            clock,
            bindings,
            faults: StdMutex::default(),
            turn: Mutex::new(()),
        }
    }

    /// The configured deployments.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.values()
    }

    /// The slots that follow this lifecycle.
    pub fn slots(&self) -> &Arc<Slots> {
        &self.slots
    }

    /// Why a deployment does not serve what the registry wants there, as of the last attempt.
    pub fn fault(&self, deployment: &DeploymentName) -> Option<Problem> {
        self.faults().get(deployment).cloned()
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<DeploymentName, Problem>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configured deployment of this name.
    pub fn binding(&self, deployment: &DeploymentName) -> Result<&Binding, ControlError> {
        self.bindings
            .get(deployment)
            .ok_or_else(|| ControlError::UnknownDeployment {
                deployment: deployment.clone(),
                known: self.bindings.keys().cloned().collect(),
            })
    }

    /// Serves a version: warms it, records deployment and alias, swaps the slot.
    pub async fn deploy(&self, order: DeployOrder) -> Result<Deployment, ControlError> {
        let binding = self.binding(&order.deployment)?.clone();
        let _turn = self.turn.lock().await;
        let version = self.registry.version(&binding.model, &order.version).await?.version;
        let warm = self.warm(&binding.model, &version).await?;
        let recorded = self
            .registry
            .record_deployment(NewDeployment {
                deployment: binding.deployment,
                model: binding.model,
                version: version.version,
                pins: order.pins,
                alias: binding.alias,
                actor: order.actor,
                reason: order.reason,
            })
            .await?;
        self.swap(&recorded, warm);
        Ok(recorded)
    }

    /// Serves what was served before.
    pub async fn roll_back(&self, order: MoveOrder) -> Result<Deployment, ControlError> {
        let binding = self.binding(&order.deployment)?.clone();
        let _turn = self.turn.lock().await;
        let target = self.registry.previous_version(&order.deployment).await?;
        let version = self
            .registry
            .version(&target.model, &VersionRef::Number(target.version))
            .await?
            .version;
        let warm = self.warm(&target.model, &version).await?;
        let back = NewMove {
            deployment: order.deployment,
            to: target.version,
            alias: binding.alias,
            actor: order.actor,
            reason: order.reason,
        };
        let recorded = self.registry.record_rollback(back).await?;
        self.swap(&recorded, warm);
        Ok(recorded)
    }

    /// Points an alias at a version. An alias that a deployment follows takes the deployment with it.
    pub async fn move_alias(&self, order: AliasOrder) -> Result<Alias, ControlError> {
        let follows = |binding: &&Binding| binding.model == order.model && binding.alias == order.alias;
        let following = self.bindings.values().find(follows).cloned();
        let since = match following {
            Some(binding) => {
                let deploy = DeployOrder {
                    deployment: binding.deployment,
                    version: VersionRef::Number(order.version),
                    pins: ReleasePins::default(),
                    actor: order.actor,
                    reason: order.reason,
                };
                self.deploy(deploy).await?.live_from
            }
            None => {
                let _turn = self.turn.lock().await;
                let AliasOrder {
                    model,
                    alias,
                    version,
                    actor,
                    reason,
                } = &order;
                self.registry.set_alias(model, alias, *version, actor, reason).await?.at
            }
        };
        Ok(Alias {
            alias: order.alias,
            version: order.version,
            since,
        })
    }

    /// Brings every slot to what the registry says. A deployment that cannot be served is told and left as it is; the
    /// others go on.
    pub async fn reconcile(&self) -> Result<Vec<Reconciled>, ControlError> {
        let _turn = self.turn.lock().await;
        let mut outcome = Vec::new();
        for deployment in self.registry.current_deployments().await? {
            let wanted = deployment.content_hash.to_string();
            let serving = self.slots.get(&deployment.deployment);
            let right = serving
                .is_some_and(|deployed| deployed.version == deployment.version && deployed.content_hash == wanted);
            let fault = if right {
                None
            } else {
                self.restore(&deployment).await.err().map(|error| error.problem())
            };
            if let Some(fault) = &fault {
                self.faults().insert(deployment.deployment.clone(), fault.clone());
                warn!(deployment = %deployment.deployment, "`{}` cannot serve {}: {fault}", deployment.deployment, deployment.version);
            }
            outcome.push(Reconciled {
                deployment: deployment.deployment,
                version: deployment.version,
                fault,
            });
        }
        Ok(outcome)
    }

    async fn restore(&self, deployment: &Deployment) -> Result<(), ControlError> {
        let number = VersionRef::Number(deployment.version);
        let version = self.registry.version(&deployment.model, &number).await?.version;
        let warm = self.warm(&deployment.model, &version).await?;
        self.swap(deployment, warm);
        Ok(())
    }

    /// Reads a version's bytes and proves them: hash, form, golden rows.
    async fn warm(&self, model: &ModelName, version: &ModelVersion) -> Result<Deployed, ControlError> {
        let candidate = Candidate {
            model: model.clone(),
            version: version.version,
            artifact: self.registry.get_blob(&version.artifact).await?,
            content_hash: version.content_hash.to_string(),
            deployed_at: self.clock.now(),
        };
        match tokio::task::spawn_blocking(|| Deployed::check(candidate)).await {
            Ok(checked) => Ok(checked?),
            Err(source) => Err(ControlError::BrokeOff {
                model: model.clone(),
                source,
            }),
        }
    }

    fn swap(&self, deployment: &Deployment, warm: Deployed) {
        self.slots.swap(&deployment.deployment, &Arc::new(warm));
        self.faults().remove(&deployment.deployment);
        info!(
            deployment = %deployment.deployment, model = %deployment.model, version = %deployment.version,
            "`{}` moved to `{}` {} ({})", deployment.deployment, deployment.model, deployment.version, deployment.kind
        );
    }
}
