//! What follows from a firing: a training as of its time, a comparison with what serves, and a promotion or none.
//!
//! Invariant: each step is recorded in the firing before the next begins, and a step that is done again finds that it was
//! done: a training of the same data makes the same version, a deployment of what is live already is none.

use std::sync::Arc;

use tidemill_project::Project;
use tidemill_registry::{Firing, FiringOutcome, FiringState, FiringStep, Registry, ReleasePins, VersionRef};
use tidemill_training::{Opponent, TrainEnd, TrainOrder, TrainStep, Trained, Trainer, Verdict};
use tidemill_types::{ErrorCode, Explain, Micros, TriggerClock, TriggerKind, VersionNumber};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::triggers::Triggers;
use crate::{ControlError, DeployOrder, Lifecycle};

/// The tag of a run that says how it came out against the champion.
const COMPARISON_TAG: &str = "comparison";
/// The tag that says why.
const COMPARISON_REASON_TAG: &str = "comparison_reason";
/// The longest detail of a firing, in characters.
const DETAIL_CHARS_MAX: usize = 900;

/// Acts on firings, one at a time. Cheap to clone.
#[derive(Clone)]
pub struct Retraining {
    registry: Registry,
    trainer: Trainer,
    triggers: Triggers,
    lifecycle: Arc<Lifecycle>,
    turn: Arc<Mutex<()>>,
}

impl Retraining {
    /// Acts with these.
    pub fn new(registry: Registry, trainer: Trainer, triggers: Triggers, lifecycle: Arc<Lifecycle>) -> Retraining {
        Retraining {
            registry,
            trainer,
            triggers,
            lifecycle,
            turn: Arc::default(),
        }
    }

    /// Carries a firing to its end from where it is, and gives it as it ended.
    ///
    /// A training that fails ends the firing as failed. An error means that something does not answer: the firing stays where it
    /// is, and the next call goes on.
    pub async fn act(&self, id: i64) -> Result<Firing, ControlError> {
        let _turn = self.turn.lock().await;
        let open = self.registry.open_firings().await?;
        let Some(mut firing) = open.into_iter().find(|firing| firing.id == id) else {
            return self.ended(id).await;
        };
        if firing.state < FiringState::Trained {
            firing = match self.train(&firing).await? {
                Step::GoesOn(firing) => firing,
                Step::Ended(firing) => return Ok(firing),
            };
        }
        self.promote(&firing).await
    }

    async fn ended(&self, id: i64) -> Result<Firing, ControlError> {
        let all = self
            .registry
            .firings(&tidemill_registry::FiringFilter::default(), FIRINGS_MAX)
            .await?;
        all.into_iter()
            .find(|firing| firing.id == id)
            .ok_or(ControlError::UnknownFiring { id })
    }

    async fn train(&self, firing: &Firing) -> Result<Step, ControlError> {
        self.registry.step_firing(firing.id, FiringStep::Training).await?;
        let mut order = TrainOrder::new(firing.model.clone(), firing.actor.clone());
        order.name = Some(format!("{}-{}-{}", firing.model, firing.trigger, firing.at));
        order.as_of = self.as_of(firing);
        order.opponent = match self.triggers.serving_model(&firing.model).await? {
            None => Opponent::NoChampion,
            Some(serving) => {
                let champion = self.trainer.champion(&firing.model, serving.version).await;
                Opponent::Champion(Box::new(champion.map_err(|source| ControlError::Champion {
                    model: firing.model.clone(),
                    source: Box::new(source),
                })?))
            }
        };
        info!(trigger = %firing.trigger, model = %firing.model, "`{}` trains `{}` as of {}", firing.trigger, firing.model, firing.at);
        let trained = match self.trainer.train(order, &|_: TrainStep| ()).await {
            Ok(trained) => trained,
            Err(error) if error.code() == ErrorCode::Unavailable => {
                return Err(ControlError::Retraining {
                    model: firing.model.clone(),
                    source: Box::new(error),
                });
            }
            Err(error) => {
                let problem = error.problem();
                warn!(trigger = %firing.trigger, model = %firing.model, "the training that `{}` asked for failed: {problem}", firing.trigger);
                let ended = self.end(firing, FiringOutcome::Failed, &problem.message).await?;
                return Ok(Step::Ended(ended));
            }
        };
        let step = FiringStep::Trained {
            run: trained.run.clone(),
            version: version_of(&trained),
        };
        let firing = self.registry.step_firing(firing.id, step).await?;
        Ok(match trained.end {
            TrainEnd::StoppedByChecks => {
                let failing = trained.checks.outcomes.iter().filter(|outcome| !outcome.passed);
                let names: Vec<String> = failing.map(|outcome| format!("`{}`", outcome.check)).collect();
                let detail = format!("checks failed: {}", names.join(", "));
                Step::Ended(self.end(&firing, FiringOutcome::Stopped, &detail).await?)
            }
            TrainEnd::RefusedByGate => {
                let detail = format!("the gate was not passed: {}", trained.gate.describe());
                Step::Ended(self.end(&firing, FiringOutcome::Refused, &detail).await?)
            }
            TrainEnd::Registered { .. } | TrainEnd::Unregistered => Step::GoesOn(firing),
        })
    }

    /// Deploys the challenger where its run says that it is better.
    async fn promote(&self, firing: &Firing) -> Result<Firing, ControlError> {
        let (Some(run), Some(version)) = (&firing.run, firing.version) else {
            return self.end(firing, FiringOutcome::Refused, "no version was made").await;
        };
        let tags = self.registry.run(run).await?.tags;
        let reason = tags.get(COMPARISON_REASON_TAG).cloned().unwrap_or_default();
        let better = tags
            .get(COMPARISON_TAG)
            .is_some_and(|verdict| verdict == Verdict::Better.as_str());
        if !better {
            return self.end(firing, FiringOutcome::Kept, &reason).await;
        }
        let Some(deployment) = self.triggers.deployment_of(&firing.model) else {
            let detail = format!("{reason}; no deployment serves the model");
            return self.end(firing, FiringOutcome::Kept, &detail).await;
        };
        let live = self.triggers.serving(&deployment).await?.map(|serving| serving.version);
        if live != Some(version) {
            let details = self
                .registry
                .version(&firing.model, &VersionRef::Number(version))
                .await?;
            let pins = ReleasePins {
                features: details.lineage.map(|lineage| lineage.feature_hash),
                ..ReleasePins::default()
            };
            let order = DeployOrder {
                deployment,
                version: VersionRef::Number(version),
                pins,
                actor: firing.actor.clone(),
                reason: reason.clone(),
            };
            self.lifecycle.deploy(order).await?;
        }
        self.end(firing, FiringOutcome::Promoted, &reason).await
    }

    async fn end(&self, firing: &Firing, outcome: FiringOutcome, detail: &str) -> Result<Firing, ControlError> {
        let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
        info!(
            trigger = %firing.trigger, model = %firing.model,
            "`{}` of {} ended: {} ({detail})", firing.trigger, firing.at, outcome.as_str()
        );
        let step = FiringStep::Ended { outcome, detail };
        Ok(self.registry.step_firing(firing.id, step).await?)
    }

    /// As of when a firing trains: its own time, which for one by hand or by a schedule of the machine's clock may be later than
    /// every label.
    fn as_of(&self, firing: &Firing) -> Option<Micros> {
        let project: &Project = self.triggers.project();
        let trigger = project.triggers.get(&firing.trigger);
        let wall = trigger.is_some_and(|trigger| trigger.clock == TriggerClock::Wall);
        let by_hand = firing.kind == TriggerKind::Manual;
        // Data that comes in files is behind the machine's clock: what has landed is what there is.
        let before_the_first_tick = by_hand && firing.at < FIRST_TICK_MIN;
        (!wall && !before_the_first_tick).then_some(firing.at)
    }
}

/// The time of a firing by hand before the first tick.
pub const NO_TICK: Micros = Micros(0);
/// No tick is as early: several firings by hand before the first one lie between.
const FIRST_TICK_MIN: Micros = Micros(1_000_000);
/// Firings among which one that has ended is looked for.
const FIRINGS_MAX: usize = 1_000;

/// How far a firing came.
enum Step {
    GoesOn(Firing),
    Ended(Firing),
}

fn version_of(trained: &Trained) -> Option<VersionNumber> {
    match trained.end {
        TrainEnd::Registered { version, .. } => Some(version),
        _ => None,
    }
}
