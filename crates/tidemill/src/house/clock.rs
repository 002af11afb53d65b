//! The event clock, as the API shows it.

use tidemill_api::{ClockState, ClockWaitRequest, EventClock};
use tidemill_types::{ErrorCode, Micros, Problem};

use super::House;
use super::convert::problem;

impl House {
    pub(super) async fn show_clock(&self) -> Result<EventClock, Problem> {
        Ok(EventClock {
            state: ClockState::Resting,
            tick: self.project.settings.clock.tick,
            at: self.last_tick().await?,
            watermark: None,
            held_by: None,
            behind_ticks: 0,
            stepping: None,
            step: None,
            problem: None,
        })
    }

    /// Returns when the clock is as far as asked; where none runs it never is.
    pub(super) async fn wait_until_ticked(&self, request: ClockWaitRequest) -> Result<EventClock, Problem> {
        let clock = self.show_clock().await?;
        match (request.until, clock.at) {
            (Some(until), Some(at)) if until <= at => Ok(clock),
            _ => Err(self.no_clock_runs()),
        }
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
