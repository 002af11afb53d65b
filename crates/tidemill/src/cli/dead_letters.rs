//! `tidemill dead-letters`.

use std::path::Path;

use tidemill_api::{DeadLetter, DeadLetterId, DeadLettersRequest, RawBytes, ReplayLetter, ReplayRequest};
use tidemill_types::{ErrorCode, KafkaPartition, LastOffset, Problem, StreamName};

use super::args::DeadLettersCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::house::Parts;
use crate::render::{Table, instant};

pub async fn run(context: &Context, command: DeadLettersCommand) -> Result<(), Failure> {
    if let DeadLettersCommand::Replay {
        stream,
        offsets,
        file,
        again,
    } = &command
    {
        let letters = letters(offsets, file.as_deref())?;
        let request = ReplayRequest { letters, again: *again };
        return replay(context, stream, request).await;
    }
    let reached = context.reach("dead-letters").await?;
    let done = match command {
        DeadLettersCommand::List { stream, limit } => {
            let listed = reached
                .operations()
                .dead_letters(DeadLettersRequest {
                    stream,
                    limit: Some(limit),
                })
                .await;
            match listed {
                Err(problem) => Err(problem.into()),
                Ok(letters) if context.global.json => json(&letters),
                Ok(letters) if letters.is_empty() => line("there are no dead letters"),
                Ok(letters) => {
                    let mut table = Table::new(["stream", "partition", "offset", "known", "code", "error"]);
                    for letter in letters {
                        table.row([
                            letter.id.stream.to_string(),
                            letter.id.partition.to_string(),
                            letter.id.offset.to_string(),
                            instant(letter.kafka_time),
                            letter.code,
                            letter.error,
                        ]);
                    }
                    line(table.to_string())
                }
            }
        }
        DeadLettersCommand::Replay { .. } => Ok(()),
        DeadLettersCommand::Show {
            stream,
            partition,
            offset,
        } => {
            let id = DeadLetterId {
                stream,
                partition: KafkaPartition(partition),
                offset: LastOffset(offset),
            };
            match reached.operations().dead_letter(&id).await {
                Err(problem) => Err(problem.into()),
                Ok(letter) if context.global.json => json(&letter),
                Ok(letter) => show(&letter),
            }
        }
    };
    reached.close().await?;
    done
}

async fn replay(context: &Context, stream: &StreamName, request: ReplayRequest) -> Result<(), Failure> {
    let parts = Parts {
        kafka: true,
        ..Parts::default()
    };
    let reached = context.reach_with("dead-letters replay", parts).await?;
    let report = reached.operations().replay_dead_letters(stream, request).await;
    reached.close().await?;
    let report = report?;
    if context.global.json {
        return json(&report);
    }
    line(match report.replay {
        Some(replay) => format!(
            "sent {} dead letters of `{stream}` again, {} of them repaired (replay {replay})",
            report.sent, report.repaired
        ),
        None => format!("no dead letter of `{stream}` was sent again"),
    })?;
    if report.sent_before > 0 {
        line(format!(
            "{} were sent again before; --again sends them once more",
            report.sent_before
        ))?;
    }
    for id in &report.unsure {
        line(format!(
            "{}/{} may have been sent by a replay that was cut off; look for it, then use --again",
            id.partition, id.offset
        ))?;
    }
    Ok(())
}

/// Which letters are wanted, with their repaired values.
fn letters(offsets: &[String], file: Option<&Path>) -> Result<Vec<ReplayLetter>, Failure> {
    let mut letters = Vec::new();
    for text in offsets {
        letters.push(position(text)?);
    }
    let Some(file) = file else {
        return Ok(letters);
    };
    let text = super::predict::read(file)?;
    match letters.as_mut_slice() {
        [one] => one.value = Some(RawBytes::Text(text.trim_end_matches(['\r', '\n']).to_owned())),
        [] => {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                letters.push(repaired(line).map_err(|reason| {
                    let what = format!("line {} of `{}`: {reason}", number + 1, file.display());
                    Problem::new(ErrorCode::InvalidInput, what)
                        .with_hint(r#"a line is {"partition": 0, "offset": 1234, "value": …}"#)
                })?);
            }
        }
        _ => {
            let what = "one file cannot hold the values of several --offset";
            return Err(Problem::new(ErrorCode::InvalidInput, what)
                .with_hint(r#"leave --offset out and write {"partition", "offset", "value"} per line"#)
                .into());
        }
    }
    Ok(letters)
}

fn position(text: &str) -> Result<ReplayLetter, Problem> {
    let parsed = text
        .split_once('/')
        .and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    let (partition, offset) = parsed.ok_or_else(|| {
        Problem::new(ErrorCode::InvalidInput, format!("`{text}` is no position"))
            .with_hint("write --offset PARTITION/OFFSET, as 0/1234")
    })?;
    Ok(ReplayLetter {
        partition: KafkaPartition(partition),
        offset: LastOffset(offset),
        value: None,
    })
}

/// A line of repaired values. A value that is a text is sent as that text, any other as the JSON that it is.
fn repaired(line: &str) -> Result<ReplayLetter, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        partition: i32,
        offset: i64,
        value: serde_json::Value,
    }
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = match line.value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(ReplayLetter {
        partition: KafkaPartition(line.partition),
        offset: LastOffset(line.offset),
        value: Some(RawBytes::Text(text)),
    })
}

fn show(letter: &DeadLetter) -> Result<(), Failure> {
    let summary = &letter.summary;
    let mut table = Table::new([
        "",
        &format!("{} {}/{}", summary.id.stream, summary.id.partition, summary.id.offset),
    ]);
    table.row(["topic", summary.topic.as_str()]);
    table.row(["known", &summary.kafka_time.to_string()]);
    table.row(["stage", &summary.stage]);
    table.row(["code", &summary.code]);
    table.row(["error", &summary.error]);
    if let Some(key) = &letter.key {
        table.row(["key", &text(key)]);
    }
    for header in &letter.headers {
        table.row([format!("header {}", header.key), text(&header.value)]);
    }
    line(table.to_string())?;
    match &letter.value {
        Some(value) => line(text(value)),
        None => line("the record has no value"),
    }
}

fn text(bytes: &RawBytes) -> String {
    match bytes {
        RawBytes::Text(text) => text.clone(),
        RawBytes::Hex(hex) => format!("0x{hex}"),
    }
}
