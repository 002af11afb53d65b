//! `tidemill validate`.

use tidemill_engine::Engine;
use tidemill_project::Fault;
use tidemill_types::{ErrorCode, Explain};

use super::context::Context;
use super::failure::{Failure, json, line};
use crate::house::{catalog, engine_settings};

pub async fn run(context: &Context) -> Result<(), Failure> {
    let project = context.project()?;
    // Against the declared schemas alone: what has landed does not decide whether a statement is right.
    let engine =
        Engine::new(engine_settings(&project), None, None, catalog(&project)?).map_err(|error| error.problem())?;
    let failed = |error: tidemill_engine::EngineError| error.problem();
    let mut faults: Vec<Fault> = tidemill_features::validate(&engine, &project).await.map_err(failed)?;
    faults.extend(tidemill_monitor::validate(&engine, &project).await.map_err(failed)?);
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
                "{} is sound: {} streams, {} feature views, {} checks, {} models",
                project.settings.name,
                project.streams.len(),
                project.views.len(),
                project.checks.len(),
                project.models.len(),
            ))?;
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::Found(ErrorCode::InvalidInput))
    }
}
