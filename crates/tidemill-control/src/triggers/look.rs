//! Looking at the triggers of a project at a time, and recording those that fire.

use std::sync::Arc;

use serde_json::json;
use tidemill_engine::Engine;
use tidemill_project::{Project, Trigger};
use tidemill_registry::{Firing, FiringFilter, NewFiring, RecordedFiring, Registry};
use tidemill_training::Trainer;
use tidemill_types::{
    DeploymentName, Micros, ModelName, TableName, TriggerClock, TriggerKind, TriggerName, VersionNumber,
};

use super::decide::{Decision, TriggerFacts, decide};
use super::evaluate::{TriggerView, evaluate, new_labels};
use crate::ControlError;

/// Firings of a trigger that cooldown and quota look back on.
const FIRINGS_LOOKED_AT: usize = 200;
/// The longest reason of a firing, in characters.
const REASON_CHARS_MAX: usize = 400;

/// Looks at triggers. Cheap to clone.
#[derive(Clone)]
pub struct Triggers {
    project: Arc<Project>,
    engine: Engine,
    registry: Registry,
    trainer: Trainer,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// The trigger.
    pub trigger: TriggerName,
    /// What was decided.
    pub decision: Decision,
    /// The firing, where it fired now.
    pub firing: Option<Firing>,
}

/// The version that serves, and since when it could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// The version.
    pub version: VersionNumber,
    /// Where its training window ended; none where its run does not say.
    pub trained_to: Option<Micros>,
    /// Everything that it was made from was known then; none where its run does not say.
    pub known_at: Option<Micros>,
}

impl Triggers {
    /// Triggers of a project over its tables.
    pub fn new(project: Arc<Project>, engine: Engine, registry: Registry, trainer: Trainer) -> Triggers {
        Triggers {
            project,
            engine,
            registry,
            trainer,
        }
    }

    /// The project.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// Looks at a trigger for a time, and records its firing where it fires.
    pub async fn look(&self, trigger: &Trigger, at: Micros) -> Result<Looked, ControlError> {
        let fired = self.fired(&trigger.name).await?;
        let serving = self.serving_model(&trigger.model).await?;
        let view = TriggerView {
            at,
            champion: serving.map(|serving| serving.version),
            trained_to: serving.and_then(|serving| serving.trained_to),
            last_fired: fired.first().copied(),
        };
        let evaluated = evaluate(&self.engine, trigger, view).await?;
        let open = self.registry.open_firings().await?;
        let facts = TriggerFacts {
            at,
            rows: evaluated.rows,
            fired,
            model_fired: match trigger.clock {
                TriggerClock::Event => self.model_fired(&trigger.model).await?,
                TriggerClock::Wall => None,
            },
            model_is_busy: open.iter().any(|firing| firing.model == trigger.model),
            new_labels: match trigger.min_rows {
                0 => None,
                _ => Some(self.labels_since_training(&trigger.model, at).await?),
            },
        };
        let decision = decide(trigger, &facts);
        let firing = match decision {
            Decision::Fire => {
                let reason = reason(trigger, &evaluated.evidence);
                let new = NewFiring {
                    trigger: trigger.name.clone(),
                    model: trigger.model.clone(),
                    kind: trigger.kind,
                    at,
                    evidence: evaluated.evidence,
                    champion: view.champion,
                    actor: actor(&trigger.name),
                    reason,
                };
                let RecordedFiring { firing, is_new } = self.registry.record_firing(new).await?;
                is_new.then_some(firing)
            }
            _ => None,
        };
        Ok(Looked {
            trigger: trigger.name.clone(),
            decision,
            firing,
        })
    }

    /// Records a firing by hand, for a time of the event clock. It asks neither query nor cooldown.
    pub async fn fire(&self, name: &TriggerName, at: Micros, who: &str, reason: &str) -> Result<Firing, ControlError> {
        let trigger = self
            .project
            .triggers
            .get(name)
            .ok_or_else(|| ControlError::UnknownTrigger {
                trigger: name.clone(),
                known: self.project.triggers.keys().cloned().collect(),
            })?;
        let open = self.registry.open_firings().await?;
        if let Some(firing) = open.into_iter().find(|firing| firing.model == trigger.model) {
            return Err(ControlError::ModelIsBusy {
                model: firing.model,
                trigger: firing.trigger,
            });
        }
        // A trigger that fired for this very time before fires a moment later: history keeps both.
        let newest = self.fired(name).await?.first().copied();
        let at = newest.map_or(at, |newest| at.max(newest.plus(1)));
        let new = NewFiring {
            trigger: name.clone(),
            model: trigger.model.clone(),
            kind: TriggerKind::Manual,
            at,
            evidence: json!([]),
            champion: self.serving_model(&trigger.model).await?.map(|serving| serving.version),
            actor: who.to_owned(),
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
        };
        Ok(self.registry.record_firing(new).await?.firing)
    }

    /// The times that a trigger fired for, the newest first.
    pub async fn fired(&self, name: &TriggerName) -> Result<Vec<Micros>, ControlError> {
        let filter = FiringFilter {
            trigger: Some(name.clone()),
            model: None,
        };
        let firings = self.registry.firings(&filter, FIRINGS_LOOKED_AT).await?;
        Ok(firings.into_iter().map(|firing| firing.at).collect())
    }

    /// The last time of the events' clock that a trigger of a model fired for.
    async fn model_fired(&self, model: &ModelName) -> Result<Option<Micros>, ControlError> {
        let filter = FiringFilter {
            trigger: None,
            model: Some(model.clone()),
        };
        let firings = self.registry.firings(&filter, FIRINGS_LOOKED_AT).await?;
        let of_events = |trigger: &TriggerName| {
            let trigger = self.project.triggers.get(trigger);
            trigger.is_some_and(|trigger| trigger.clock == TriggerClock::Event)
        };
        let mut firings = firings.into_iter().filter(|firing| of_events(&firing.trigger));
        Ok(firings.next().map(|firing| firing.at))
    }

    /// What serves for a model: the version of its first deployment.
    pub async fn serving_model(&self, model: &ModelName) -> Result<Option<Serving>, ControlError> {
        match self.deployment_of(model) {
            Some(deployment) => self.serving(&deployment).await,
            None => Ok(None),
        }
    }

    /// The deployment by which a model is judged: its first one.
    pub fn deployment_of(&self, model: &ModelName) -> Option<DeploymentName> {
        let mut deployments = self.project.deployments.values();
        deployments
            .find(|spec| spec.model == *model)
            .map(|spec| spec.name.clone())
    }

    /// What a deployment serves by the registry's word.
    pub async fn serving(&self, deployment: &DeploymentName) -> Result<Option<Serving>, ControlError> {
        let current = self.registry.current_deployments().await?;
        let Some(live) = current.into_iter().find(|live| live.deployment == *deployment) else {
            return Ok(None);
        };
        let gap = self
            .project
            .models
            .get(&live.model)
            .map_or(0, |model| model.gap.as_micros());
        let made = self.trainer.made_from(&live.model, live.version).await?;
        Ok(Some(Serving {
            version: live.version,
            trained_to: made.trained_to,
            known_at: made.as_of.or(made.evaluated_to.map(|to| to.plus(gap))),
        }))
    }

    /// Labels that became known since the model was last trained by a firing, or since its newest version was made.
    async fn labels_since_training(&self, model: &ModelName, at: Micros) -> Result<u64, ControlError> {
        let Some(spec) = self.project.models.get(model) else {
            return Ok(0);
        };
        let filter = FiringFilter {
            trigger: None,
            model: Some(model.clone()),
        };
        let newest = self.registry.firings(&filter, 1).await?;
        let since = match newest.first() {
            Some(firing) => Some(firing.at),
            None => self.serving_model(model).await?.and_then(|serving| serving.known_at),
        };
        let table = TableName::from(spec.label.stream.clone());
        let labels = new_labels(&self.engine, &table, since.unwrap_or(Micros(i64::MIN)), at).await;
        labels.map_err(|source| ControlError::Labels {
            model: model.clone(),
            source: Box::new(source),
        })
    }
}

/// Who acts when a trigger fires.
pub(crate) fn actor(trigger: &TriggerName) -> String {
    format!("trigger:{trigger}")
}

/// The first row of the evidence in words, behind the kind.
fn reason(trigger: &Trigger, evidence: &serde_json::Value) -> String {
    let first = evidence.get(0).and_then(serde_json::Value::as_object);
    let told = first.map(|row| {
        let fields = row.iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => format!("{name} {text}"),
            other => format!("{name} {other}"),
        });
        fields.collect::<Vec<_>>().join(", ")
    });
    let text = match told {
        Some(told) => format!("{}: {told}", trigger.kind),
        None => trigger.kind.to_string(),
    };
    text.chars().take(REASON_CHARS_MAX).collect()
}
