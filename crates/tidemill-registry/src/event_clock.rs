//! How far the event clock is: the last tick that is finished, and what the next one starts from.

use serde_json::Value;
use tidemill_types::Micros;

use crate::db::{Arguments, sql};
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::{Registry, RegistryError, check};

/// The name of the project's clock. One process holds a project, and steps one clock.
const CLOCK: &str = "project";

/// Where the event clock stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockState {
    /// The last tick that is finished.
    pub at: Micros,
    /// What the next one starts from, as whoever steps the clock wrote it.
    pub state: Value,
}

impl Registry {
    /// Where the event clock stands; none before its first tick.
    pub async fn event_clock(&self) -> Result<Option<ClockState>, RegistryError> {
        let row = self
            .readers()
            .row(sql!("event_clock/current"), Arguments::new().text(CLOCK))
            .await?;
        let Some(row) = row else { return Ok(None) };
        let state = serde_json::from_str(&row.text("state")?).map_err(|source| RegistryError::Decode {
            statement: "event_clock/current",
            column: "state".into(),
            source: Box::new(source),
        })?;
        Ok(Some(ClockState {
            at: row.time("at")?,
            state,
        }))
    }

    /// Notes that a tick is finished. A tick that is not later than the noted one changes nothing.
    pub async fn finish_tick(&self, finished: ClockState) -> Result<(), RegistryError> {
        let state = finished.state.to_string();
        check::length("the state of the clock", &state, DESCRIPTION_CHARS_MAX)?;
        let now = self.now();
        self.write(move |session| {
            Box::pin(async move {
                let arguments = Arguments::new().text(CLOCK).time(finished.at).text(state).time(now);
                session.execute(sql!("event_clock/finish"), arguments).await?;
                Ok(())
            })
        })
        .await
    }
}
