//! Triggers of the project and what they fired.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidemill_api::{
    FIRINGS_LISTED, FIRINGS_LISTED_MAX, FireRequest, Firing, FiringOutcome, FiringState, FiringsRequest, Trigger,
};
use tidemill_types::{Micros, ModelName, Problem, RunId, TriggerClock, TriggerKind, TriggerName, VersionNumber};

use super::House;
use super::features::unknown;
use super::rows::text_or_all;

const NEWEST: &str = include_str!("../../sql/firings_newest.sql");
const LAST: &str = include_str!("../../sql/firings_last.sql");

/// A row of the table `trigger_firings`.
#[derive(Debug, Deserialize)]
struct FiringRow {
    trigger: TriggerName,
    model: ModelName,
    kind: TriggerKind,
    at: Micros,
    #[serde(default)]
    evidence: Option<String>,
    actor: String,
    #[serde(default)]
    reason: Option<String>,
    state: FiringState,
    #[serde(default)]
    outcome: Option<FiringOutcome>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    run_id: Option<RunId>,
    #[serde(default)]
    version: Option<VersionNumber>,
    #[serde(default)]
    champion_before: Option<VersionNumber>,
    recorded_at: Micros,
    #[serde(default)]
    ended_at: Option<Micros>,
}

impl House {
    pub(super) async fn list_triggers(&self) -> Result<Vec<Trigger>, Problem> {
        let (last, _) = self
            .first_rows::<FiringRow>(LAST, [], FIRINGS_LISTED_MAX as usize)
            .await?;
        let mut last: Vec<Firing> = last.into_iter().map(firing).collect();
        let tick = self.last_tick().await?;
        let mut triggers = Vec::with_capacity(self.project.triggers.len());
        for trigger in self.project.triggers.values() {
            let place = last.iter().position(|firing| firing.trigger == trigger.name);
            let last_firing = place.map(|place| last.swap_remove(place));
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
        let given = [
            text_or_all("trigger", request.trigger.as_ref()),
            text_or_all("model", request.model.as_ref()),
        ];
        let (rows, _) = self.first_rows::<FiringRow>(NEWEST, given, limit as usize).await?;
        Ok(rows.into_iter().map(firing).collect())
    }

    /// Writes down a firing that the event clock acts on.
    pub(super) async fn fire_by_hand(&self, trigger: &TriggerName, _: FireRequest) -> Result<Firing, Problem> {
        self.known_trigger(trigger)?;
        Err(self.no_clock_runs())
    }

    pub(super) fn known_trigger(&self, trigger: &TriggerName) -> Result<&tidemill_project::Trigger, Problem> {
        let known = self.project.triggers.get(trigger);
        known.ok_or_else(|| unknown("trigger", trigger.as_str(), self.project.triggers.keys()))
    }
}

fn firing(row: FiringRow) -> Firing {
    Firing {
        trigger: row.trigger,
        kind: row.kind,
        model: row.model,
        at: row.at,
        evidence: row.evidence.as_deref().map(evidence).unwrap_or_default(),
        actor: row.actor,
        reason: row.reason.filter(|reason| !reason.is_empty()),
        state: row.state,
        outcome: row.outcome,
        detail: row.detail.filter(|detail| !detail.is_empty()),
        run: row.run_id,
        version: row.version,
        champion_before: row.champion_before,
        recorded_at: row.recorded_at,
        ended_at: row.ended_at,
    }
}

/// The rows that caused it: a list, or one alone.
fn evidence(text: &str) -> Vec<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Array(rows)) => rows
            .into_iter()
            .filter_map(|row| match row {
                Value::Object(row) => Some(row),
                _ => None,
            })
            .collect(),
        Ok(Value::Object(row)) => vec![row],
        _ => Vec::new(),
    }
}
