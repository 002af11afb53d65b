//! `tidemill ingest`.

use tidemill_api::AuditRequest;
use tidemill_types::{AuditReport, ErrorCode, OtherCommit, StreamName};

use super::args::IngestCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::house::Parts;
use crate::render::{Progress, Table, count};

/// Gaps shown; `--json` has all that the audit lists.
const GAPS_SHOWN: usize = 20;

pub async fn run(context: &Context, command: IngestCommand) -> Result<(), Failure> {
    let IngestCommand::Audit { stream, offline } = command;
    audit(context, &stream, AuditRequest { offline }).await
}

async fn audit(context: &Context, stream: &StreamName, request: AuditRequest) -> Result<(), Failure> {
    let parts = Parts {
        kafka: !request.offline,
        ..Parts::default()
    };
    let reached = context.reach_with("ingest audit", parts).await?;
    let progress = Progress::spinner(context.global.quiet, "auditing");
    let report = reached.operations().audit(stream, request).await;
    progress.finish();
    reached.close().await?;
    let report = report?;
    if context.global.json {
        json(&report)?;
    } else {
        show(&report)?;
    }
    match report.is_clean() {
        true => Ok(()),
        false => Err(Failure::Found(ErrorCode::Corrupt)),
    }
}

fn show(report: &AuditReport) -> Result<(), Failure> {
    let stream = &report.stream;
    let Some(version) = report.version else {
        return line(format!("`{stream}` has no table yet: nothing has landed"));
    };
    let mut table = Table::new(["partition", "fence", "rows", "dead letters", "without"]);
    for partition in &report.partitions {
        table.row([
            partition.partition.to_string(),
            partition.fence.to_string(),
            count(partition.rows),
            count(partition.dead),
            count(partition.without),
        ]);
    }
    line(table.to_string())?;
    show_gaps(report)?;
    if !report.others.is_empty() {
        line("other writers:")?;
        for other in &report.others {
            line(format!("  {}", words(other)))?;
        }
    }
    for note in &report.notes {
        line(format!("note: {note}"))?;
    }
    for fault in &report.faults {
        line(format!("damaged: {}: {}", fault.table, fault.message))?;
        for cause in &fault.causes {
            line(format!("  after {}", words(cause)))?;
        }
    }
    if report.is_clean() {
        line(format!(
            "`{stream}` is whole at version {version}: {} commits, every record landed once",
            count(report.commits)
        ))?;
    }
    Ok(())
}

fn show_gaps(report: &AuditReport) -> Result<(), Failure> {
    if report.gaps.is_empty() {
        return Ok(());
    }
    let asked = if report.topic_read {
        ""
    } else {
        " (the topic was not asked)"
    };
    line(format!("offsets without row or dead letter{asked}:"))?;
    for gap in report.gaps.iter().take(GAPS_SHOWN) {
        let parts = [
            (gap.tombstones, "without a value"),
            (gap.absent, "not in the topic"),
            (gap.unseen, "judged by the commits"),
            (gap.lost, "LOST"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(offsets, _)| *offsets > 0)
            .map(|(offsets, what)| format!("{} {what}", count(*offsets)))
            .collect();
        line(format!(
            "  {}: {}..{}  {}",
            gap.partition,
            gap.from,
            gap.to,
            parts.join(", ")
        ))?;
    }
    let shown = report.gaps.len().min(GAPS_SHOWN) as u64;
    if report.gap_count > shown {
        line(format!("  and {} more", count(report.gap_count - shown)))?;
    }
    Ok(())
}

/// What another writer did, in words.
fn words(other: &OtherCommit) -> String {
    let by = other.engine.as_deref().unwrap_or("an unnamed writer");
    let to = other
        .restored_to
        .map(|to| format!(" to version {to}"))
        .unwrap_or_default();
    format!(
        "version {} of {}: {}{to} by {by}, {} rows out, {} rows in",
        other.version,
        other.table,
        other.kind.as_str(),
        count(other.rows_removed),
        count(other.rows_added)
    )
}
