//! `tidemill drift`.

use std::cmp::Reverse;

use tidemill_api::{DriftPoint, DriftRequest, DriftSeries};

use super::args::DriftArgs;
use super::context::Context;
use super::failure::{Failure, json, line, print};
use crate::render::{Chart, Glyphs, Scale, Table, count, counted, figure, moment, sparkline, terminal_width};

/// Characters of the line over time.
const LINE_WIDTH: usize = 32;

pub async fn run(context: &Context, args: DriftArgs) -> Result<(), Failure> {
    args.window.check()?;
    let request = DriftRequest {
        monitor: args.monitor,
        model: args.model,
        column: args.column,
        from: args.window.from,
        to: args.window.to,
        points: Some(args.points),
    };
    let one_column = request.column.is_some();
    let reached = context.reach("drift").await?;
    let drift = reached.operations().drift(request).await;
    reached.close().await?;
    let drift = drift?;
    if context.global.json {
        return json(&drift);
    }
    if drift.is_empty() {
        return line("no drift was measured; `tidemill monitors list` shows what is, and when");
    }
    let glyphs = Glyphs::of_the_terminal();
    match one_column {
        true => drift.iter().try_for_each(|series| chart(series, glyphs)),
        false => line(table(drift, Some(glyphs)).to_string()),
    }
}

/// The newest figure of each column, those that need a person first; with glyphs also the figures before it.
pub fn table(mut drift: Vec<DriftSeries>, glyphs: Option<Glyphs>) -> Table {
    let newest = |series: &DriftSeries| series.points.last().map(|point| (point.status, point.value));
    drift.sort_by(|one, other| {
        let (one, other) = (newest(one), newest(other));
        let status = other.map(|(status, _)| status).cmp(&one.map(|(status, _)| status));
        let value = |point: Option<(_, Option<f64>)>| point.and_then(|(_, value)| value).unwrap_or(f64::NEG_INFINITY);
        status.then(value(other).total_cmp(&value(one)))
    });
    let over_time = glyphs.map_or(&[][..], |_| &["over time", "at", "monitor"]);
    let heads = ["column", "value", "status", "rows", "measure", "against"].into_iter();
    let mut table = Table::new(heads.chain(over_time.iter().copied()));
    for series in &drift {
        let Some(point) = series.points.last() else { continue };
        let mut cells = vec![
            series.column.to_string(),
            value(point),
            point.status.to_string(),
            count(point.rows),
            series.measure.clone(),
            point
                .reference_version
                .map(|version| version.to_string())
                .unwrap_or_default(),
        ];
        if let Some(glyphs) = glyphs {
            let values: Vec<Option<f64>> = series.points.iter().map(|point| point.value).collect();
            cells.push(sparkline(&values, scale(series), LINE_WIDTH, glyphs));
            cells.extend([moment(point.at), series.monitor.to_string()]);
        }
        table.row(cells);
    }
    table
}

/// One column over time, with its thresholds.
fn chart(series: &DriftSeries, glyphs: Glyphs) -> Result<(), Failure> {
    let Some(newest) = series.points.last() else {
        return Ok(());
    };
    line(format!(
        "{} of `{}` at {}: {}, {} ({}, {})",
        series.measure,
        series.column,
        moment(newest.at),
        value(newest),
        newest.status,
        window(newest),
        series.monitor
    ))?;
    let points: Vec<_> = series.points.iter().map(|point| (point.at, point.value)).collect();
    let thresholds = [(series.warn, "warn"), (series.drift, "drift")];
    let lines: Vec<(f64, &str)> = thresholds
        .into_iter()
        .filter_map(|(value, name)| Some((value?, name)))
        .collect();
    let chart = Chart {
        points: &points,
        lines: &lines,
        scale: scale(series),
        width: terminal_width(),
        glyphs,
    };
    print(&chart.draw())?;
    line(format!("{}; {}", counted(points.len(), "tick"), worst(series)))
}

/// The highest figure and when it was.
fn worst(series: &DriftSeries) -> String {
    let highest = series.points.iter().filter(|point| point.value.is_some());
    let highest = highest.max_by(|one, other| {
        let value = |point: &DriftPoint| point.value.unwrap_or(f64::NEG_INFINITY);
        value(one)
            .total_cmp(&value(other))
            .then(Reverse(one.at).cmp(&Reverse(other.at)))
    });
    match highest {
        Some(point) => format!("highest {} at {}", value(point), moment(point.at)),
        None => "there were too few rows at each".to_owned(),
    }
}

fn scale(series: &DriftSeries) -> Scale {
    let values = series.points.iter().filter_map(|point| point.value);
    Scale::from_zero(values, series.drift.or(series.warn).unwrap_or(0.0))
}

fn value(point: &DriftPoint) -> String {
    point.value.map_or_else(|| "–".to_owned(), figure)
}

fn window(point: &DriftPoint) -> String {
    let rows = usize::try_from(point.rows).unwrap_or(usize::MAX);
    counted(rows, "row")
}
