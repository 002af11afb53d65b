//! `tidemill status`.

use tidemill_api::{Status, StreamState};

use super::context::{Context, Reached};
use super::failure::{Failure, json, line};
use crate::render::{Table, count, instant};

pub async fn run(context: &Context) -> Result<(), Failure> {
    let reached = context.reach("status").await?;
    let where_from = match &reached {
        Reached::Server { address, .. } => format!("the server at http://{address} runs it"),
        Reached::Here { .. } => "no server runs; `tidemill up` starts one".to_owned(),
    };
    let status = reached.operations().status().await;
    reached.close().await?;
    let status = status?;
    if context.global.json {
        return json(&status);
    }
    show(&status, &where_from)
}

fn show(status: &Status, where_from: &str) -> Result<(), Failure> {
    line(format!("{}: {where_from}", status.project))?;
    if !status.kafka.bootstrap.is_empty() {
        let kind = if status.kafka.embedded {
            "in-process broker"
        } else {
            "Kafka"
        };
        line(format!("{kind} at {}", status.kafka.bootstrap))?;
    }
    let mut streams = Table::new(["stream", "state", "rows", "dead letters", "lag", "watermark", "version"]);
    for stream in &status.streams {
        let state = match stream.state {
            StreamState::Running => "running",
            StreamState::Paused => "paused",
            StreamState::Failed => "failed",
            StreamState::Stopped => "stopped",
        };
        streams.row([
            stream.stream.to_string(),
            state.to_owned(),
            count(stream.rows),
            count(stream.dead_letters),
            count(stream.lag_rows),
            stream.watermark.map(instant).unwrap_or_default(),
            stream
                .table_version
                .map(|version| version.to_string())
                .unwrap_or_default(),
        ]);
    }
    line(streams.to_string())?;
    for stream in &status.streams {
        if let Some(problem) = &stream.problem {
            line(format!("{}: {}", stream.stream, problem.message))?;
            if let Some(hint) = &problem.hint {
                line(format!("hint: {hint}"))?;
            }
        }
    }
    for text in status.clock.iter().flat_map(super::clock::lines) {
        line(text)?;
    }
    if status.slots.is_empty() {
        return line("nothing is deployed");
    }
    let mut slots = Table::new(["deployment", "model", "wanted", "serving", "content"]);
    for slot in &status.slots {
        let version =
            |version: Option<tidemill_types::VersionNumber>| version.map(|v| v.to_string()).unwrap_or_default();
        slots.row([
            slot.deployment.to_string(),
            slot.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            version(slot.wanted),
            version(slot.serving),
            slot.content_hash
                .as_deref()
                .map(|hash| hash.chars().take(12).collect::<String>())
                .unwrap_or_default(),
        ]);
    }
    line(slots.to_string())?;
    for slot in &status.slots {
        if let Some(problem) = &slot.problem {
            line(format!("{}: {}", slot.deployment, problem.message))?;
            if let Some(hint) = &problem.hint {
                line(format!("hint: {hint}"))?;
            }
        }
    }
    Ok(())
}
