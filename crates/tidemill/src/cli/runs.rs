//! `tidemill runs`.

use tidemill_api::{Operations, Run, RunComparison, RunSummary, RunsRequest};
use tidemill_types::{ErrorCode, Metrics, Problem, RunId};

use super::args::RunsCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Table, figure, instant};

/// Runs that are looked through for one whose id was cut short.
const RUNS_SEARCHED_MAX: u32 = 10_000;
/// Metrics in a list of runs; `show` and `compare` have all.
const METRICS_LISTED: [&str; 5] = ["auc", "average_precision", "cp_at_100", "log_loss", "brier"];
/// Digits of an id in a list.
const ID_DIGITS_SHOWN: usize = 8;

pub async fn run(context: &Context, command: RunsCommand) -> Result<(), Failure> {
    let reached = context.reach("runs").await?;
    let done = carry_out(context, command, reached.operations()).await;
    reached.close().await?;
    done
}

async fn carry_out(context: &Context, command: RunsCommand, house: &dyn Operations) -> Result<(), Failure> {
    match command {
        RunsCommand::List { order_by, limit } => {
            let runs = house
                .runs(RunsRequest {
                    order_by,
                    limit: Some(limit),
                    ..RunsRequest::default()
                })
                .await?;
            if context.global.json {
                json(&runs)
            } else {
                show_list(&runs)
            }
        }
        RunsCommand::Show { run } => {
            let id = resolve(house, &run).await?;
            let run = house.run(&id).await?;
            if context.global.json {
                json(&run)
            } else {
                show_run(&run)
            }
        }
        RunsCommand::Compare { runs } => {
            let mut ids = Vec::new();
            for run in &runs {
                ids.push(resolve(house, run).await?);
            }
            let comparison = house.compare(&ids).await?;
            if context.global.json {
                json(&comparison)
            } else {
                show_comparison(&comparison)
            }
        }
    }
}

/// The one run whose id begins with `prefix`.
async fn resolve(house: &dyn Operations, prefix: &str) -> Result<RunId, Problem> {
    if let Ok(id) = RunId::new(prefix) {
        return Ok(id);
    }
    let runs = house
        .runs(RunsRequest {
            limit: Some(RUNS_SEARCHED_MAX),
            ..RunsRequest::default()
        })
        .await?;
    let mut found = runs
        .into_iter()
        .map(|run| run.id)
        .filter(|id| id.as_str().starts_with(prefix));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(
            Problem::new(ErrorCode::NotFound, format!("no run's id begins with `{prefix}`"))
                .with_hint("tidemill runs list"),
        ),
        (Some(one), Some(other)) => Err(Problem::new(
            ErrorCode::InvalidInput,
            format!("several runs' ids begin with `{prefix}`"),
        )
        .with_hint(format!("{one} and {other}, for two; give more digits"))),
    }
}

fn short(id: &RunId) -> String {
    id.as_str().chars().take(ID_DIGITS_SHOWN).collect()
}

fn show_list(runs: &[RunSummary]) -> Result<(), Failure> {
    if runs.is_empty() {
        return line("there are no runs; `tidemill train MODEL` makes one");
    }
    let listed: Vec<&str> = METRICS_LISTED
        .into_iter()
        .filter(|name| runs.iter().any(|run| run.metrics.get(name).is_some()))
        .collect();
    let heads = ["run", "name", "status", "version", "started"]
        .into_iter()
        .chain(listed.iter().copied());
    let mut table = Table::new(heads);
    for run in runs {
        let mut row = vec![
            short(&run.id),
            run.name.clone(),
            status_text(run),
            run.version
                .map_or_else(|| "–".to_owned(), |version| version.to_string()),
            instant(run.started_at),
        ];
        row.extend(listed.iter().map(|name| metric(&run.metrics, name)));
        table.row(row);
    }
    line(table.to_string())
}

fn status_text(run: &RunSummary) -> String {
    serde_json::to_value(run.status)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

fn metric(metrics: &Metrics, name: &str) -> String {
    metrics.get(name).map(figure).unwrap_or_default()
}

fn show_run(run: &Run) -> Result<(), Failure> {
    let summary = &run.summary;
    let mut table = Table::new(["", &format!("run {}", summary.id)]);
    table.row(["name", &summary.name]);
    table.row(["experiment", summary.experiment.as_str()]);
    table.row(["status", &status_text(summary)]);
    if let Some(reason) = &run.failure {
        table.row(["reason", reason]);
    }
    table.row(["started", &summary.started_at.to_string()]);
    if let Some(at) = summary.finished_at {
        table.row(["finished", &at.to_string()]);
    }
    if let Some(version) = summary.version {
        table.row(["version", &version.to_string()]);
    }
    line(table.to_string())?;
    let mut params = Table::new(["parameter", "value"]);
    run.params.iter().for_each(|(name, value)| params.row([name, value]));
    line(params.to_string())?;
    let mut metrics = Table::new(["metric", "value"]);
    summary
        .metrics
        .0
        .iter()
        .for_each(|(name, value)| metrics.row([name.clone(), figure(*value)]));
    if !metrics.is_empty() {
        line(metrics.to_string())?;
    }
    if let Some(lineage) = &run.lineage {
        super::models::show_lineage_tables(lineage)?;
    }
    Ok(())
}

fn show_comparison(comparison: &RunComparison) -> Result<(), Failure> {
    let heads = [String::new()]
        .into_iter()
        .chain(comparison.runs.iter().map(|run| short(&run.id)));
    let mut table = Table::new(heads);
    let texts = |name: &str, values: Vec<String>| [name.to_owned()].into_iter().chain(values);
    table.row(texts(
        "name",
        comparison.runs.iter().map(|run| run.name.clone()).collect(),
    ));
    for metric in &comparison.metrics {
        table.row(texts(
            &metric.name,
            metric
                .values
                .iter()
                .map(|value| value.map(figure).unwrap_or_default())
                .collect(),
        ));
    }
    for param in comparison.params.iter().filter(|param| param.differs) {
        table.row(texts(
            &param.name,
            param
                .values
                .iter()
                .map(|value| value.clone().unwrap_or_default())
                .collect(),
        ));
    }
    line(table.to_string())?;
    line("parameters that are equal are left out; --json has them")
}
