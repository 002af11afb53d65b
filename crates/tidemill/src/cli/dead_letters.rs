//! `tidemill dead-letters`.

use tidemill_api::{DeadLetter, DeadLetterId, DeadLettersRequest, RawBytes};
use tidemill_types::{KafkaPartition, LastOffset};

use super::args::DeadLettersCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Table, instant};

pub async fn run(context: &Context, command: DeadLettersCommand) -> Result<(), Failure> {
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
