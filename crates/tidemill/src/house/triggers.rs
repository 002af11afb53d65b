//! Triggers of the project and what they fired.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidemill_api::{
    FIRINGS_LISTED, FIRINGS_LISTED_MAX, FireRequest, Firing, FiringOutcome, FiringState, FiringsRequest, Trigger,
};
use tidemill_control::NO_TICK;
use tidemill_registry::{self as registry, FiringFilter};
use tidemill_types::{Problem, TriggerClock, TriggerName};

use super::House;
use super::convert::{actor, problem};
use super::features::unknown;

impl House {
    pub(super) async fn list_triggers(&self) -> Result<Vec<Trigger>, Problem> {
        let tick = self.last_tick().await?;
        let mut triggers = Vec::with_capacity(self.project.triggers.len());
        for trigger in self.project.triggers.values() {
            let of_trigger = FiringFilter {
                trigger: Some(trigger.name.clone()),
                model: None,
            };
            let newest = self.registry.firings(&of_trigger, 1).await.map_err(problem)?;
            let last_firing = newest.into_iter().next().map(firing);
            let now = match trigger.clock {
                TriggerClock::Event => tick,
                TriggerClock::Wall => Some(self.clock.now()),
            };
            let cooling_until = last_firing.as_ref().and_then(|firing| {
                let until = firing.at.plus(trigger.cooldown.as_micros());
                (now? < until).then_some(until)
            });
            triggers.push(Trigger {
                name: trigger.name.clone(),
                kind: trigger.kind,
                model: trigger.model.clone(),
                description: trigger.description.clone(),
                schedule: trigger.schedule.as_ref().map(ToString::to_string),
                clock: trigger.clock.to_string(),
                cooldown: trigger.cooldown,
                rows_min: trigger.min_rows,
                quota: trigger.quota.as_ref().map(ToString::to_string),
                file: trigger.file.display().to_string(),
                cooling_until,
                next_due: trigger.schedule.as_ref().and_then(|schedule| schedule.next_after(now?)),
                last_firing,
            });
        }
        triggers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(triggers)
    }

    pub(super) async fn list_firings(&self, request: FiringsRequest) -> Result<Vec<Firing>, Problem> {
        if let Some(trigger) = &request.trigger {
            self.known_trigger(trigger)?;
        }
        self.known_model(request.model.as_ref())?;
        let limit = request.limit.unwrap_or(FIRINGS_LISTED).min(FIRINGS_LISTED_MAX);
        let filter = FiringFilter {
            trigger: request.trigger,
            model: request.model,
        };
        let firings = self.registry.firings(&filter, limit as usize).await.map_err(problem)?;
        Ok(firings.into_iter().map(firing).collect())
    }

    /// Fires a trigger by hand. Where the event clock runs it acts on the firing at once; else this does, and returns when all
    /// is done.
    pub(super) async fn fire_by_hand(&self, name: &TriggerName, request: FireRequest) -> Result<Firing, Problem> {
        let trigger = self.known_trigger(name)?;
        let at = match trigger.clock {
            TriggerClock::Wall => self.clock.now(),
            TriggerClock::Event => self.last_tick().await?.unwrap_or(NO_TICK),
        };
        let who = actor(request.actor);
        let reason = request.reason.unwrap_or_default();
        let fired = self.triggers.fire(name, at, &who, &reason).await.map_err(problem)?;
        if self.event_clock.is_some() {
            return Ok(firing(fired));
        }
        let done = self.retraining.act(fired.id).await.map_err(problem)?;
        Ok(firing(done))
    }

    pub(super) fn known_trigger(&self, trigger: &TriggerName) -> Result<&tidemill_project::Trigger, Problem> {
        let known = self.project.triggers.get(trigger);
        known.ok_or_else(|| unknown("trigger", trigger.as_str(), self.project.triggers.keys()))
    }
}

fn firing(firing: registry::Firing) -> Firing {
    let evidence: Evidence = serde_json::from_value(firing.evidence).unwrap_or_default();
    Firing {
        trigger: firing.trigger,
        kind: firing.kind,
        model: firing.model,
        at: firing.at,
        evidence: evidence.rows,
        evidence_more: evidence.more,
        actor: firing.actor,
        reason: Some(firing.reason).filter(|reason| !reason.is_empty()),
        state: match firing.state {
            registry::FiringState::Due => FiringState::Due,
            registry::FiringState::Training => FiringState::Training,
            registry::FiringState::Trained => FiringState::Trained,
            registry::FiringState::Ended => FiringState::Ended,
        },
        outcome: firing.outcome.map(|outcome| match outcome {
            registry::FiringOutcome::Promoted => FiringOutcome::Promoted,
            registry::FiringOutcome::Kept => FiringOutcome::Kept,
            registry::FiringOutcome::Refused => FiringOutcome::Refused,
            registry::FiringOutcome::Stopped => FiringOutcome::Stopped,
            registry::FiringOutcome::Failed => FiringOutcome::Failed,
        }),
        detail: Some(firing.detail).filter(|detail| !detail.is_empty()),
        run: firing.run,
        version: firing.version,
        champion_before: firing.champion_before,
        recorded_at: firing.recorded_at,
        ended_at: firing.ended_at,
    }
}

/// Evidence as it is recorded: the first rows, and how many more there were.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Evidence {
    rows: Vec<Map<String, Value>>,
    more: u64,
}
