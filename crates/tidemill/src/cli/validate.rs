//! `tidemill validate`.

use tidemill_engine::{Catalog, Engine};
use tidemill_project::Fault;
use tidemill_types::{ErrorCode, Explain};

use super::context::Context;
use super::failure::{Failure, json, line};
use crate::house::engine_settings;
use crate::render::counted;

pub async fn run(context: &Context) -> Result<(), Failure> {
    let project = context.project()?;
    // Against the declared schemas alone: what has landed does not decide whether a statement is right.
    let engine =
        Engine::new(engine_settings(&project), None, None, Catalog::of(&project)).map_err(|error| error.problem())?;
    let failed = |error: tidemill_engine::EngineError| error.problem();
    let mut faults: Vec<Fault> = tidemill_features::validate(&engine, &project).await.map_err(failed)?;
    faults.extend(tidemill_monitor::validate(&engine, &project).await.map_err(failed)?);
    faults.extend(tidemill_training::validate(&project));
    if context.global.json {
        json(&faults)?;
    } else {
        for warning in &project.warnings {
            line(format!("warning: {}", warning.message))?;
        }
        for fault in &faults {
            line(fault.to_string())?;
        }
        if faults.is_empty() {
            line(format!(
                "{} is sound: {}, {}, {}, {}, {}, {}",
                project.settings.name,
                counted(project.streams.len(), "stream"),
                counted(project.views.len(), "feature view"),
                counted(project.checks.len(), "check"),
                counted(project.models.len(), "model"),
                counted(project.monitors.len(), "monitor"),
                counted(project.triggers.len(), "trigger"),
            ))?;
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::Found(ErrorCode::InvalidInput))
    }
}
