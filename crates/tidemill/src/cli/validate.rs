//! `tidemill validate`.

use serde::Serialize;
use tidemill_engine::Engine;
use tidemill_types::ErrorCode;

use super::context::Context;
use super::failure::{Failure, json, line};
use crate::house::{catalog, engine_settings};

/// Something that is wrong with a file of the project.
#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    line: usize,
    message: String,
    hint: Option<String>,
}

pub async fn run(context: &Context) -> Result<(), Failure> {
    let project = context.project()?;
    // Against the declared schemas alone: what has landed does not decide whether a statement is right.
    let engine = Engine::new(engine_settings(&project), None, None, catalog(&project)?)
        .map_err(|error| tidemill_types::Explain::problem(&error))?;
    let mut findings: Vec<Finding> = Vec::new();
    let features = tidemill_features::validate(&engine, &project).await;
    findings.extend(features.into_iter().map(|f| Finding {
        file: f.file.display().to_string(),
        line: f.line,
        message: f.message,
        hint: f.hint,
    }));
    let checks = tidemill_monitor::validate(&engine, &project).await;
    findings.extend(checks.into_iter().map(|f| Finding {
        file: f.file.display().to_string(),
        line: f.line,
        message: f.message,
        hint: f.hint,
    }));
    if context.global.json {
        json(&findings)?;
    } else {
        for warning in &project.warnings {
            line(format!("warning: {warning}"))?;
        }
        for finding in &findings {
            line(format!("error: {}", finding.message))?;
            let at = format!("{}:{}", finding.file, finding.line);
            line(match &finding.hint {
                Some(hint) => format!("hint: {hint}; see {at}"),
                None => format!("hint: see {at}"),
            })?;
        }
        if findings.is_empty() {
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
    if findings.is_empty() { Ok(()) } else { Err(Failure::Found(ErrorCode::InvalidInput)) }
}
