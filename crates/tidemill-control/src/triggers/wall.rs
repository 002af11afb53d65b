//! Schedules on the machine's clock: for projects whose data comes in files and not in a stream.
//!
//! A time that passed while nothing ran is made up for at the next start, once, however many there were; a trigger whose
//! firing is not at its end is not fired again.

use std::sync::Arc;
use std::time::Duration;

use tidemill_project::Trigger;
use tidemill_types::{Clock, Explain, Micros, TriggerClock};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use super::Triggers;
use crate::{ControlError, Retraining};

/// How long the schedules are left alone at most: the machine's clock may be set.
const LOOK_INTERVAL_MAX: Duration = Duration::from_mins(1);

/// The running schedules.
pub struct WallSchedules {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// The time that a schedule is due for: the last one after the last firing, or after the start where it never fired.
pub fn due_at(trigger: &Trigger, last_fired: Option<Micros>, started_at: Micros, now: Micros) -> Option<Micros> {
    let schedule = trigger.schedule.as_ref()?;
    schedule.last_within(last_fired.unwrap_or(started_at), now)
}

impl WallSchedules {
    /// Follows the schedules of a project that are on the machine's clock; none where there are none.
    pub fn start(triggers: Triggers, retraining: Retraining, clock: Arc<dyn Clock>) -> Option<WallSchedules> {
        let on_the_wall = |trigger: &&Trigger| trigger.clock == TriggerClock::Wall;
        triggers.project().triggers.values().find(on_the_wall)?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(follow(triggers, retraining, clock, stopped));
        Some(WallSchedules {
            stop,
            task: Mutex::new(Some(task)),
        })
    }

    /// Stops. A training that runs is given up, and begun again at the next start.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.lock().await.take()
            && let Err(cause) = task.await
        {
            warn!(error = %cause, "the schedules ended by themselves");
        }
    }
}

async fn follow(triggers: Triggers, retraining: Retraining, clock: Arc<dyn Clock>, mut stopped: watch::Receiver<bool>) {
    let started_at = clock.now();
    loop {
        let looked = tokio::select! {
            looked = look(&triggers, &retraining, started_at, clock.now()) => looked,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        if let Err(error) = looked {
            warn!("a schedule is tried again in a minute: {}", error.problem());
        }
        let pause = until_next(&triggers, clock.now());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}

async fn look(
    triggers: &Triggers,
    retraining: &Retraining,
    started_at: Micros,
    now: Micros,
) -> Result<(), ControlError> {
    let project = Arc::clone(triggers.project());
    for trigger in project
        .triggers
        .values()
        .filter(|trigger| trigger.clock == TriggerClock::Wall)
    {
        let last_fired = triggers.fired(&trigger.name).await?.first().copied();
        let Some(due) = due_at(trigger, last_fired, started_at, now) else {
            continue;
        };
        if let Some(firing) = triggers.look(trigger, due).await?.firing {
            retraining.act(firing.id).await?;
        }
    }
    Ok(())
}

fn until_next(triggers: &Triggers, now: Micros) -> Duration {
    let schedules = triggers.project().triggers.values();
    let next = schedules
        .filter(|trigger| trigger.clock == TriggerClock::Wall)
        .filter_map(|trigger| trigger.schedule.as_ref()?.next_after(now))
        .min();
    let pause = next.map_or(LOOK_INTERVAL_MAX, |next| {
        Duration::from_micros(next.0.saturating_sub(now.0).unsigned_abs())
    });
    pause.min(LOOK_INTERVAL_MAX)
}

#[cfg(test)]
mod tests {
    use tidemill_project::{Overrides, Project};

    use super::*;

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let dir = tempfile::tempdir().unwrap();
        tidemill_project::init(dir.path(), false).unwrap();
        let text = "-- trigger: nightly\n-- kind: schedule\n-- model: fraud\n-- schedule: 0 4 * * *\n-- clock: wall\n\nselect 1 as due\n";
        std::fs::write(dir.path().join("sql/triggers/nightly.sql"), text).unwrap();
        let project = Project::load(dir.path(), &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        let nightly = project.triggers.get("nightly").unwrap();
        let at = |text: &str| text.parse::<Micros>().unwrap();
        let due = |fired: Option<&str>, now| {
            due_at(nightly, fired.map(at), at("2026-01-05T12:00:00Z"), at(now)).map(|due| due.to_string())
        };
        // Started at noon: the first night is the next one.
        assert_eq!(due(None, "2026-01-05T13:00:00Z"), None);
        assert_eq!(
            due(None, "2026-01-06T04:00:00Z").as_deref(),
            Some("2026-01-06T04:00:00Z")
        );
        // Three nights without a machine: one firing.
        let fired = Some("2026-01-02T04:00:00Z");
        assert_eq!(
            due(fired, "2026-01-05T12:30:00Z").as_deref(),
            Some("2026-01-05T04:00:00Z")
        );
        assert_eq!(due(Some("2026-01-05T04:00:00Z"), "2026-01-05T12:30:00Z"), None);
    }
}
