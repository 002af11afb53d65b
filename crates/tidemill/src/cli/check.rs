//! `tidemill check`.

use tidemill_api::{CheckReport, CheckRequest};
use tidemill_types::ErrorCode;

use super::args::CheckArgs;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Progress, Table, count, share};

/// Rows shown of each failing check; `--json` has all that were sampled.
const SAMPLE_SHOWN: usize = 3;

pub async fn run(context: &Context, args: CheckArgs) -> Result<(), Failure> {
    args.window.check()?;
    let request = CheckRequest {
        names: args.checks,
        from: args.window.from,
        to: args.window.to,
    };
    let reached = context.reach("check").await?;
    let progress = Progress::spinner(context.global.quiet, "checking");
    let report = reached.operations().check(request).await;
    progress.finish();
    reached.close().await?;
    let report = report?;
    if context.global.json {
        json(&report)?;
    } else {
        show(&report)?;
    }
    // A script that checks before it goes on needs to see it in the exit code.
    if report.stops_training {
        Err(Failure::Found(ErrorCode::NotReady))
    } else {
        Ok(())
    }
}

/// The report as a table, with the first rows that break each failing check.
pub fn show(report: &CheckReport) -> Result<(), Failure> {
    line(as_table(report).to_string())?;
    if report.outcomes.iter().all(|outcome| outcome.rows == 0) {
        line("no rows lie in the window, so nothing was checked")?;
    }
    for outcome in report.failures() {
        line(format!(
            "{} ({}) fails; see {}",
            outcome.check, outcome.severity, outcome.file
        ))?;
        for row in outcome.sample.iter().take(SAMPLE_SHOWN) {
            line(format!("  {}", serde_json::Value::Object(row.clone())))?;
        }
    }
    Ok(())
}

/// The outcomes as a table.
pub fn as_table(report: &CheckReport) -> Table {
    let mut table = Table::new(["check", "on", "kind", "severity", "rows", "broken", "share", "result"]);
    for outcome in &report.outcomes {
        table.row([
            outcome.check.to_string(),
            outcome.on.to_string(),
            outcome.kind.to_string(),
            outcome.severity.to_string(),
            count(outcome.rows),
            count(outcome.broken),
            share(outcome.share),
            if outcome.passed {
                "passed".to_owned()
            } else {
                "failed".to_owned()
            },
        ]);
    }
    table
}
