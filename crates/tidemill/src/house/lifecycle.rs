//! Deployments, as the API shows and moves them.

use tidemill_api::{DeployRequest, Deployment, DeploymentAction, DeploymentEvent, RollbackRequest};
use tidemill_control::{DeployOrder, MoveOrder};
use tidemill_registry::{DeploymentKind, ReleasePins, VersionRef};
use tidemill_types::{DeploymentName, ErrorCode, Problem};

use super::House;
use super::convert::{actor, problem};

/// Most moves of one deployment that are shown.
const DEPLOYMENT_EVENTS_MAX: usize = 1_000;

impl House {
    pub(super) async fn list_deployments(&self) -> Result<Vec<Deployment>, Problem> {
        let mut shown = Vec::new();
        for deployment in self.registry.current_deployments().await.map_err(problem)? {
            shown.push(self.deployment_as_shown(deployment).await);
        }
        Ok(shown)
    }

    pub(super) async fn list_deployment_events(&self, name: &DeploymentName) -> Result<Vec<DeploymentEvent>, Problem> {
        let history = self
            .registry
            .deployment_history(name, DEPLOYMENT_EVENTS_MAX)
            .await
            .map_err(problem)?;
        if history.is_empty() {
            self.lifecycle.binding(name).map_err(problem)?;
        }
        let events = history.into_iter().map(|event| DeploymentEvent {
            deployment: event.deployment,
            model: event.model,
            version: event.version,
            action: match event.kind {
                DeploymentKind::Deploy => DeploymentAction::Deploy,
                DeploymentKind::Rollback => DeploymentAction::Rollback,
                DeploymentKind::Forward => DeploymentAction::Forward,
            },
            from: event.live_from,
            to: event.live_to,
            actor: event.actor,
            reason: Some(event.reason).filter(|reason| !reason.is_empty()),
        });
        Ok(events.collect())
    }

    pub(super) async fn serve_version(&self, request: DeployRequest) -> Result<Deployment, Problem> {
        let deployment = request
            .deployment
            .unwrap_or_else(|| DeploymentName::from(request.model.clone()));
        let binding = self.lifecycle.binding(&deployment).map_err(problem)?;
        if binding.model != request.model {
            let other = tidemill_control::ControlError::OtherModel {
                deployment,
                model: binding.model.clone(),
                asked: request.model,
            };
            return Err(problem(other));
        }
        let version = match (request.version, request.alias) {
            (Some(number), None) => VersionRef::Number(number),
            (None, Some(alias)) => VersionRef::Alias(alias),
            _ => {
                return Err(Problem::new(
                    ErrorCode::InvalidInput,
                    "a deployment needs a version or an alias, and not both",
                )
                .with_hint("give `version`, as 2, or `alias`, as `challenger`"));
            }
        };
        // What goes live with the version is what it was trained with: its features' SQL.
        let details = self.registry.version(&binding.model, &version).await.map_err(problem)?;
        let pins = ReleasePins {
            features: details.lineage.map(|lineage| lineage.feature_hash),
            ..ReleasePins::default()
        };
        let order = DeployOrder {
            deployment,
            // The number and not the alias: what was looked at is what is deployed.
            version: VersionRef::Number(details.version.version),
            pins,
            actor: actor(request.actor),
            reason: request.reason.unwrap_or_default(),
        };
        let deployed = self.lifecycle.deploy(order).await.map_err(problem)?;
        Ok(self.deployment_as_shown(deployed).await)
    }

    pub(super) async fn serve_previous(
        &self,
        deployment: &DeploymentName,
        request: RollbackRequest,
    ) -> Result<Deployment, Problem> {
        let order = MoveOrder {
            deployment: deployment.clone(),
            actor: actor(request.actor),
            reason: request.reason.unwrap_or_default(),
        };
        let moved = self.lifecycle.roll_back(order).await.map_err(problem)?;
        Ok(self.deployment_as_shown(moved).await)
    }

    async fn deployment_as_shown(&self, deployment: tidemill_registry::Deployment) -> Deployment {
        // Without a version before there is nothing to go back to, and that is no error here.
        let previous = self.registry.previous_version(&deployment.deployment).await.ok();
        Deployment {
            alias: self
                .lifecycle
                .binding(&deployment.deployment)
                .ok()
                .map(|binding| binding.alias.clone()),
            previous: previous.map(|previous| previous.version),
            name: deployment.deployment,
            model: deployment.model,
            version: deployment.version,
            content_hash: deployment.content_hash.to_string(),
            since: deployment.live_from,
        }
    }
}
