//! `tidemill monitors`.

use tidemill_api::{Monitor, MonitorRun, MonitorRunRequest};

use super::args::MonitorsCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use super::{drift, performance};
use crate::render::{Table, moment};

pub async fn run(context: &Context, command: MonitorsCommand) -> Result<(), Failure> {
    let reached = context.reach("monitors").await?;
    let done = match command {
        MonitorsCommand::List => match reached.operations().monitors().await {
            Err(problem) => Err(problem.into()),
            Ok(monitors) if context.global.json => json(&monitors),
            Ok(monitors) if monitors.is_empty() => line("there are no monitors; sql/monitors holds them"),
            Ok(monitors) => list(&monitors),
        },
        MonitorsCommand::Run { monitor, at } => {
            let run = reached
                .operations()
                .run_monitor(&monitor, MonitorRunRequest { at })
                .await;
            match run {
                Err(problem) => Err(problem.into()),
                Ok(run) if context.global.json => json(&run),
                Ok(run) => show(run),
            }
        }
    };
    reached.close().await?;
    done
}

fn list(monitors: &[Monitor]) -> Result<(), Failure> {
    let mut table = Table::new([
        "monitor", "kind", "model", "every", "window", "last", "found", "warn", "drift", "file",
    ]);
    for monitor in monitors {
        let threshold = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        table.row([
            monitor.name.to_string(),
            match &monitor.measure {
                Some(measure) => format!("{} ({measure})", monitor.kind),
                None => monitor.kind.to_string(),
            },
            monitor.model.to_string(),
            monitor.every.to_string(),
            monitor.window.to_string(),
            monitor.last_at.map(moment).unwrap_or_default(),
            monitor.last_status.as_deref().unwrap_or("never ran").replace('_', " "),
            threshold(monitor.warn),
            threshold(monitor.drift),
            monitor.file.clone(),
        ]);
    }
    line(table.to_string())
}

fn show(run: MonitorRun) -> Result<(), Failure> {
    let reference = run
        .reference_version
        .map(|version| format!(", against {version}"))
        .unwrap_or_default();
    line(format!(
        "{} of `{}` as of {}: {} to {}{reference}",
        run.kind,
        run.model,
        moment(run.at),
        run.window.from.map(moment).unwrap_or_default(),
        run.window.to.map(moment).unwrap_or_default()
    ))?;
    if !run.drift.is_empty() {
        line(drift::table(run.drift, None).to_string())?;
    }
    if !run.performance.is_empty() {
        line(performance::table(&run.performance, None).to_string())?;
    }
    line("looked at, and not kept: the tables hold what the event clock ran")
}
