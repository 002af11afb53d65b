//! `tidemill broker`.

use tidemill_types::{Clock, Explain, SystemClock};

use super::context::Context;
use super::failure::{Failure, line};
use crate::house::start_broker;
use crate::lock::{ProjectLock, Taken, held_by};
use crate::signal::StopSignals;

pub async fn run(context: &Context) -> Result<(), Failure> {
    let project = context.project()?;
    let state = project.state_dir();
    // The broker's folder has a lock of its own, so that a house without Kafka may work beside it; this one is asked for
    // only to tell who runs the broker already.
    if let Taken::Theirs(holder) = ProjectLock::take(&state, "broker", SystemClock.now())? {
        let runs_broker = holder.as_ref().is_some_and(|holder| holder.address.is_some());
        if runs_broker {
            return Err(held_by(holder.as_ref()).into());
        }
    }
    let mut signals = StopSignals::listen();
    let broker = start_broker(&project, &state).await?;
    if context.global.json {
        line(serde_json::json!({ "bootstrap": broker.bootstrap(), "cluster_id": broker.cluster_id() }).to_string())?;
    } else if !context.global.quiet {
        line(format!(
            "broker at {}, cluster {}",
            broker.bootstrap(),
            broker.cluster_id()
        ))?;
        line("Ctrl-C stops it; acknowledged records are on disk")?;
    }
    signals.heard().await;
    broker.shutdown().await.map_err(|error| error.problem().into())
}
