//! `tidemill predictions`.

use serde_json::Value;
use tidemill_api::{Prediction, PredictionsRequest};

use super::args::PredictionsCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Table, figure, moment};

/// Most columns of the stream's own that a list shows; `show` and `--json` have all.
const OWN_COLUMNS_MAX: usize = 3;
/// Columns that say how a row was scored, and not whose it is.
const NOT_WHOSE: [&str; 3] = ["features", "feature_hash", "feature_age_ms"];

pub async fn run(context: &Context, command: PredictionsCommand) -> Result<(), Failure> {
    let reached = context.reach("predictions").await?;
    let done = match command {
        PredictionsCommand::List {
            deployment,
            source,
            stream,
            limit,
        } => {
            let request = PredictionsRequest {
                stream,
                deployment,
                source: source.map(Into::into),
                limit: Some(limit),
            };
            match reached.operations().predictions(request).await {
                Err(problem) => Err(problem.into()),
                Ok(predictions) if context.global.json => json(&predictions),
                Ok(predictions) if predictions.is_empty() => line("no prediction has landed yet"),
                Ok(predictions) => list(&predictions),
            }
        }
        PredictionsCommand::Show { id } => match reached.operations().prediction(&id).await {
            Err(problem) => Err(problem.into()),
            Ok(prediction) if context.global.json => json(&prediction),
            Ok(prediction) => show(&prediction),
        },
    };
    reached.close().await?;
    done
}

fn list(predictions: &[Prediction]) -> Result<(), Failure> {
    let own: Vec<&String> = predictions
        .first()
        .into_iter()
        .flat_map(|prediction| prediction.columns.keys())
        .filter(|name| !NOT_WHOSE.contains(&name.as_str()))
        .take(OWN_COLUMNS_MAX)
        .collect();
    let heads = ["event time"].into_iter().chain(own.iter().map(|name| name.as_str()));
    let mut table = Table::new(heads.chain(["score", "decision", "by", "source", "scored", "id"]));
    for prediction in predictions {
        let mut cells = vec![moment(prediction.event_time)];
        cells.extend(
            own.iter()
                .map(|name| prediction.columns.get(*name).map(plain).unwrap_or_default()),
        );
        cells.extend([
            figure(prediction.score),
            decision(prediction).to_owned(),
            format!("{} {}", prediction.deployment, prediction.version),
            prediction.source.to_string(),
            moment(prediction.scored_at),
            prediction.id.clone(),
        ]);
        table.row(cells);
    }
    line(table.to_string())
}

fn show(prediction: &Prediction) -> Result<(), Failure> {
    let mut table = Table::new(["", &prediction.id]);
    table.row(["score", &prediction.score.to_string()]);
    table.row(["decision", decision(prediction)]);
    table.row(["model", &format!("{} {}", prediction.model, prediction.version)]);
    table.row(["deployment", prediction.deployment.as_str()]);
    table.row(["source", &prediction.source.to_string()]);
    table.row(["event time", &prediction.event_time.to_string()]);
    table.row(["scored at", &prediction.scored_at.to_string()]);
    table.row(["stream", prediction.stream.as_str()]);
    for (name, value) in &prediction.columns {
        match value {
            Value::Object(features) => {
                for (feature, value) in features {
                    table.row([format!("{name} {feature}"), plain(value)]);
                }
            }
            value => table.row([name.clone(), plain(value)]),
        }
    }
    line(table.to_string())
}

fn decision(prediction: &Prediction) -> &'static str {
    if prediction.decision { "yes" } else { "no" }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
