//! The event clock, as the API shows it.

use tidemill_api::{CLOCK_WAIT, ClockPart, ClockState, ClockWaitRequest, EventClock};
use tidemill_control::{ClockStatus, ClockStep};
use tidemill_serve::Spent;
use tidemill_types::{DurationText, ErrorCode, Micros, Problem, StreamName};

use super::House;
use super::convert::problem;

impl House {
    pub(super) async fn show_clock(&self) -> Result<EventClock, Problem> {
        let tick = self.project.settings.clock.tick;
        let Some(clock) = &self.event_clock else {
            return Ok(EventClock {
                state: ClockState::Resting,
                tick,
                at: self.last_tick().await?,
                watermark: None,
                held_by: None,
                behind_ticks: 0,
                stepping: None,
                step: None,
                problem: None,
                spent: Vec::new(),
            });
        };
        Ok(shown(clock.status(), tick, clock.held_by()))
    }

    /// Returns when the clock is as far as asked; where none runs it never is.
    pub(super) async fn wait_until_ticked(&self, request: ClockWaitRequest) -> Result<EventClock, Problem> {
        let Some(clock) = &self.event_clock else {
            let stands = self.show_clock().await?;
            return match (request.until, stands.at) {
                (Some(until), Some(at)) if until <= at => Ok(stands),
                _ => Err(self.no_clock_runs()),
            };
        };
        let limit = request.timeout.unwrap_or(CLOCK_WAIT).duration();
        let status = match request.until {
            Some(until) => clock.wait_until(until, limit).await,
            None => clock.wait_caught_up(limit).await,
        };
        let tick = self.project.settings.clock.tick;
        Ok(shown(status.map_err(problem)?, tick, clock.held_by()))
    }

    pub(super) fn no_clock_runs(&self) -> Problem {
        let what = format!("no event clock runs for `{}`", self.project.settings.name);
        Problem::new(ErrorCode::NotReady, what).with_hint("`tidemill up` runs it")
    }

    /// The last tick that was finished.
    pub(super) async fn last_tick(&self) -> Result<Option<Micros>, Problem> {
        let clock = self.registry.event_clock().await.map_err(problem)?;
        Ok(clock.map(|clock| clock.at))
    }
}

fn part_spent(part: &str, spent: Spent) -> ClockPart {
    ClockPart {
        part: part.to_owned(),
        seconds: spent.wall.as_secs_f64(),
        cpu_seconds: spent.cpu.as_secs_f64(),
    }
}

fn shown(status: ClockStatus, tick: DurationText, held_by: Option<StreamName>) -> EventClock {
    let behind = match (status.at, status.watermark) {
        (Some(at), Some(watermark)) => {
            (watermark.0.saturating_sub(at.0).saturating_sub(1) / tick.as_micros().max(1)).max(0)
        }
        _ => 0,
    };
    EventClock {
        state: match status.step {
            ClockStep::Waiting => ClockState::Waiting,
            ClockStep::Retrying => ClockState::Failing,
            ClockStep::Stopped => ClockState::Resting,
            ClockStep::Scoring | ClockStep::Monitoring | ClockStep::Triggers | ClockStep::Training => {
                ClockState::Stepping
            }
        },
        tick,
        at: status.at,
        watermark: status.watermark,
        held_by,
        behind_ticks: behind.unsigned_abs(),
        stepping: status.tick,
        step: status.tick.map(|_| status.step.as_str().to_owned()),
        problem: status.last_error,
        spent: status
            .times
            .parts()
            .map(|(part, spent)| part_spent(part, spent))
            .to_vec(),
    }
}
