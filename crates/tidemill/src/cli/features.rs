//! `tidemill features`.

use tidemill_api::FeaturesRequest;

use super::args::FeaturesArgs;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Progress, Table, count, figure};

pub async fn run(context: &Context, args: FeaturesArgs) -> Result<(), Failure> {
    args.window.check()?;
    let request = FeaturesRequest {
        view: args.view,
        from: args.window.from,
        to: args.window.to,
    };
    let reached = context.reach("features").await?;
    let progress = Progress::spinner(context.global.quiet, "computing features");
    let views = reached.operations().features(request).await;
    progress.finish();
    reached.close().await?;
    let views = views?;
    if context.global.json {
        return json(&views);
    }
    for view in &views {
        line(format!(
            "{} of {}: {} rows, {} ({}, {:.1} s)",
            view.view,
            view.entity,
            count(view.rows),
            view.range,
            view.file,
            view.elapsed_ms as f64 / 1e3,
        ))?;
        let shown = |value: Option<f64>| value.map(figure).unwrap_or_default();
        let mut table = Table::new(["feature", "nulls", "mean", "std", "min", "median", "max"]);
        for column in &view.columns {
            table.row([
                column.name.clone(),
                count(column.nulls),
                shown(column.mean),
                shown(column.std),
                shown(column.min),
                shown(column.median),
                shown(column.max),
            ]);
        }
        line(table.to_string())?;
    }
    Ok(())
}
