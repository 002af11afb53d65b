//! One tick: score, monitor, look at triggers, act. Each step can be done again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use tidemill_engine::Scope;
use tidemill_monitor::{MonitorOrder, Reference, is_due, run_monitor};
use tidemill_serve::Stopwatch;
use tidemill_types::{
    DeploymentName, DurationText, Micros, ModelName, MonitorKind, TableName, TriggerClock, VersionNumber,
};

use super::{ClockStep, Stepper, Worked};
use crate::ControlError;
use crate::triggers::Serving;

/// When the first event of `{table}` happened, by its column `{column}`.
const EARLIEST_EVENT: &str = include_str!("../../sql/earliest_event.sql");

/// What versions were trained on, read once.
#[derive(Debug, Default)]
pub(super) struct References {
    /// Of each model the version that was asked for last; none where it has no reference.
    of_model: BTreeMap<ModelName, (VersionNumber, Option<Arc<Reference>>)>,
}

impl Stepper {
    pub(super) async fn tick(&mut self, at: Micros, tick: DurationText) -> Result<Worked, ControlError> {
        let scored = self.score(at, tick).await?;
        let monitored = self.monitor(at, tick).await?;
        let fired = self.look_at_triggers(at, tick).await?;
        if fired == Worked::Yes {
            self.act_on_open_firings().await?;
        }
        let worked = [scored, monitored, fired].contains(&Worked::Yes);
        Ok(if worked { Worked::Yes } else { Worked::No })
    }

    /// Scores the tick's events by what serves, where that could have been made by then.
    async fn score(&mut self, at: Micros, tick: DurationText) -> Result<Worked, ControlError> {
        let Some(scoring) = self.wiring.scoring.clone() else {
            return Ok(Worked::No);
        };
        let mut ready: BTreeSet<DeploymentName> = BTreeSet::new();
        for deployment in self.wiring.project.deployments.values() {
            let serving = self.wiring.triggers.serving(&deployment.name).await?;
            if serving.is_some_and(|serving| could_serve(serving, at, tick)) {
                ready.insert(deployment.name.clone());
            }
        }
        if ready.is_empty() {
            return Ok(Worked::No);
        }
        self.show(ClockStep::Scoring);
        let scored = scoring.tick(at, tick, &self.scoring, &ready).await?;
        self.spent(|times| {
            times.features += scored.times.features;
            times.scoring += scored.times.scoring;
            times.sending += scored.times.sending;
            times.landing += scored.times.landing;
        });
        let predictions = scored.predictions();
        self.status.send_modify(|status| status.predictions += predictions);
        self.scoring = scored.state;
        Ok(Worked::Yes)
    }

    async fn monitor(&mut self, at: Micros, tick: DurationText) -> Result<Worked, ControlError> {
        let project = Arc::clone(&self.wiring.project);
        let mut worked = Worked::No;
        for monitor in project.monitors.values().filter(|monitor| is_due(monitor, at)) {
            let Some(serving) = self.wiring.triggers.serving_model(&monitor.model).await? else {
                continue;
            };
            // A version that this very tick has promoted is none of its own monitors' business: a tick that is stepped again after a
            // death finds it in place, and must find what it found the first time.
            if !could_serve(serving, at, tick) {
                continue;
            }
            self.show(ClockStep::Monitoring);
            let watch = Stopwatch::start();
            let reference = match monitor.kind {
                MonitorKind::Drift => self.reference(&monitor.model, serving.version).await?,
                MonitorKind::Performance => None,
            };
            let order = MonitorOrder {
                monitor,
                at,
                reference: reference.as_deref(),
                version: Some(serving.version),
            };
            let report = run_monitor(&self.wiring.engine, &project, order).await?;
            self.wiring.tables.keep(&report).await?;
            self.spent(|times| times.monitors += watch.spent());
            worked = Worked::Yes;
        }
        Ok(worked)
    }

    async fn look_at_triggers(&mut self, at: Micros, tick: DurationText) -> Result<Worked, ControlError> {
        let project = Arc::clone(&self.wiring.project);
        let before = at.plus(-tick.as_micros());
        let mut fired = Worked::No;
        for trigger in project.triggers.values() {
            let due = match &trigger.schedule {
                None => true,
                Some(schedule) => trigger.clock == TriggerClock::Event && schedule.last_within(before, at).is_some(),
            };
            if !due {
                continue;
            }
            self.show(ClockStep::Triggers);
            let watch = Stopwatch::start();
            let looked = self.wiring.triggers.look(trigger, at).await?;
            self.spent(|times| times.triggers += watch.spent());
            if looked.firing.is_some() {
                fired = Worked::Yes;
                // The next trigger of the same model finds it busy, or sees what came of it.
                self.act_on_open_firings().await?;
            }
        }
        Ok(fired)
    }

    pub(super) async fn act_on_open_firings(&mut self) -> Result<(), ControlError> {
        for firing in self.wiring.registry.open_firings().await? {
            self.show(ClockStep::Training);
            let watch = Stopwatch::start();
            let acted = self.wiring.retraining.act(firing.id).await;
            self.spent(|times| times.training += watch.spent());
            acted?;
        }
        Ok(())
    }

    /// What a version was trained on; none where that was not kept.
    async fn reference(
        &mut self,
        model: &ModelName,
        version: VersionNumber,
    ) -> Result<Option<Arc<Reference>>, ControlError> {
        if let Some((known, reference)) = self.references.of_model.get(model)
            && *known == version
        {
            return Ok(reference.clone());
        }
        let columns = self.wiring.trainer.reference_of(model, version).await;
        let columns = columns.map_err(|source| ControlError::Champion {
            model: model.clone(),
            source: Box::new(source),
        })?;
        let reference = columns.map(|columns| Arc::new(Reference { version, columns }));
        self.references
            .of_model
            .insert(model.clone(), (version, reference.clone()));
        Ok(reference)
    }

    /// When the first event of the streams that are scored happened.
    pub(super) async fn earliest_event(&self) -> Result<Option<Micros>, ControlError> {
        let session = self.wiring.engine.scope(Scope::default()).await?;
        let mut earliest: Option<Micros> = None;
        for model in self.wiring.project.models.values() {
            let table = TableName::from(model.stream.clone());
            let Some(stream) = self.wiring.engine.catalog().stream(table.as_str()) else {
                continue;
            };
            let column = format!("\"{}\"", stream.time_column());
            let sql = EARLIEST_EVENT
                .replace("{table}", table.as_str())
                .replace("{column}", &column);
            let batch = session.query(&sql).await?.concat()?;
            let times = batch.column(0).as_primitive_opt::<TimestampMicrosecondType>();
            let first = times
                .filter(|times| times.len() == 1 && times.is_valid(0))
                .map(|times| Micros(times.value(0)));
            earliest = [earliest, first].into_iter().flatten().min();
        }
        Ok(earliest)
    }
}

/// Whether a version could have served when the tick's events happened: what it was made from was known when the tick began. So a
/// model that was trained on later data never scores what came before.
fn could_serve(serving: Serving, at: Micros, tick: DurationText) -> bool {
    let began = at.plus(-tick.as_micros());
    serving.known_at.is_none_or(|known| known <= began)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_scores_only_what_came_after_it_was_made() {
        let tick = DurationText::from_millis(10);
        let serving = |known: Option<i64>| Serving {
            version: VersionNumber(1),
            trained_to: None,
            known_at: known.map(Micros),
        };
        assert!(could_serve(serving(None), Micros(50_000), tick));
        assert!(could_serve(serving(Some(40_000)), Micros(50_000), tick));
        assert!(!could_serve(serving(Some(40_001)), Micros(50_000), tick));
    }
}
