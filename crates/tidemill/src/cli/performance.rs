//! `tidemill performance`.

use tidemill_api::{PerformancePoint, PerformanceRequest, PerformanceSeries};

use super::args::PerformanceArgs;
use super::context::Context;
use super::failure::{Failure, json, line, print};
use crate::render::{Chart, Glyphs, Scale, Table, count, counted, figure, moment, share, sparkline, terminal_width};

/// Characters of the line over time.
const LINE_WIDTH: usize = 32;

pub async fn run(context: &Context, args: PerformanceArgs) -> Result<(), Failure> {
    args.window.check()?;
    let request = PerformanceRequest {
        monitor: args.monitor,
        model: args.model,
        metric: args.metric,
        segment: args.segment,
        from: args.window.from,
        to: args.window.to,
        points: Some(args.points),
    };
    let one_metric = request.metric.is_some();
    let reached = context.reach("performance").await?;
    let performance = reached.operations().performance(request).await;
    reached.close().await?;
    let performance = performance?;
    if context.global.json {
        return json(&performance);
    }
    if performance.is_empty() {
        return line("no performance was measured; `tidemill monitors list` shows what is, and when");
    }
    let glyphs = Glyphs::of_the_terminal();
    match one_metric {
        true => performance.iter().try_for_each(|series| chart(series, glyphs)),
        false => line(table(&performance, Some(glyphs)).to_string()),
    }
}

/// The newest figure of each metric; with glyphs also the figures before it.
pub fn table(performance: &[PerformanceSeries], glyphs: Option<Glyphs>) -> Table {
    let over_time = glyphs.map_or(&[][..], |_| &["over time", "at", "monitor"]);
    let heads = ["metric", "segment", "value", "status", "labelled", "of rows", "version"].into_iter();
    let mut table = Table::new(heads.chain(over_time.iter().copied()));
    for series in performance {
        let Some(point) = series.points.last() else { continue };
        let mut cells = vec![
            series.metric.clone(),
            series.segment.clone().unwrap_or_else(|| "all".to_owned()),
            value(point),
            point.status.replace('_', " "),
            count(point.labelled),
            point.maturity.map(share).unwrap_or_default(),
            point.version.map(|version| version.to_string()).unwrap_or_default(),
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

/// One metric over time.
fn chart(series: &PerformanceSeries, glyphs: Glyphs) -> Result<(), Failure> {
    let Some(newest) = series.points.last() else {
        return Ok(());
    };
    let segment = series
        .segment
        .as_ref()
        .map(|segment| format!(" of `{segment}`"))
        .unwrap_or_default();
    line(format!(
        "{}{segment}: {} at {}, {} labels of {} predictions ({})",
        series.metric,
        value(newest),
        moment(newest.at),
        count(newest.labelled),
        count(newest.rows),
        series.monitor
    ))?;
    let points: Vec<_> = series.points.iter().map(|point| (point.at, point.value)).collect();
    let chart = Chart {
        points: &points,
        lines: &[],
        scale: scale(series),
        width: terminal_width(),
        glyphs,
    };
    print(&chart.draw())?;
    line(counted(points.len(), "tick"))
}

fn scale(series: &PerformanceSeries) -> Scale {
    Scale::around(series.points.iter().filter_map(|point| point.value))
}

fn value(point: &PerformancePoint) -> String {
    point.value.map_or_else(|| "–".to_owned(), figure)
}
