//! Predictions that have landed, from the streams that models' predictions go to.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::{Map, Value};
use tidemill_api::{PREDICTIONS_LISTED, PREDICTIONS_LISTED_MAX, Prediction, PredictionSource, PredictionsRequest};
use tidemill_engine::Parameter;
use tidemill_project::Stream;
use tidemill_types::{DeploymentName, ErrorCode, Micros, ModelName, Problem, StreamName, VersionNumber};

use super::House;
use super::features::unknown;
use super::rows::text_or_all;

const NEWEST: &str = include_str!("../../sql/predictions_newest.sql");
const ONE: &str = include_str!("../../sql/prediction.sql");
/// The column that holds a JSON object in a text.
const FEATURES: &str = "features";

/// A row of a stream of predictions: the columns of the contract, and whatever else it has.
#[derive(Debug, Deserialize)]
struct PredictionRow {
    prediction_id: String,
    model: ModelName,
    model_version: VersionNumber,
    deployment: DeploymentName,
    score: f64,
    decision: i32,
    source: PredictionSource,
    scored_at: Micros,
    event_time: Micros,
    #[serde(flatten)]
    columns: Map<String, Value>,
}

impl House {
    pub(super) async fn list_predictions(&self, request: PredictionsRequest) -> Result<Vec<Prediction>, Problem> {
        if let Some(deployment) = &request.deployment {
            self.lifecycle.binding(deployment).map_err(super::convert::problem)?;
        }
        let limit = request.limit.unwrap_or(PREDICTIONS_LISTED).min(PREDICTIONS_LISTED_MAX) as usize;
        let mut predictions = Vec::new();
        for stream in self.prediction_streams(request.stream.as_ref())? {
            let statement = put_in(NEWEST, stream).replace("{limit}", &limit.to_string());
            let given = [
                text_or_all("deployment", request.deployment.as_ref()),
                text_or_all("source", request.source.as_ref()),
            ];
            let (rows, _) = self.first_rows::<PredictionRow>(&statement, given, limit).await?;
            predictions.extend(rows.into_iter().map(|row| prediction(stream, row)));
        }
        // Each stream's are in order; of several the newest of all are wanted.
        predictions.sort_by_key(|prediction| Reverse((prediction.scored_at, prediction.event_time)));
        predictions.truncate(limit);
        Ok(predictions)
    }

    pub(super) async fn show_prediction(&self, id: &str) -> Result<Prediction, Problem> {
        for stream in self.prediction_streams(None)? {
            let given = [("id", Parameter::Text(id.to_owned()))];
            let (rows, _) = self.first_rows::<PredictionRow>(&put_in(ONE, stream), given, 1).await?;
            if let Some(row) = rows.into_iter().next() {
                return Ok(prediction(stream, row));
            }
        }
        let what = format!("no prediction has the id `{}`", id.chars().take(80).collect::<String>());
        Err(Problem::new(ErrorCode::NotFound, what).with_hint("`tidemill predictions list` shows the newest"))
    }

    /// The streams that models' predictions go to, or the one that is asked for, which must be one of them.
    fn prediction_streams(&self, asked: Option<&StreamName>) -> Result<Vec<&Stream>, Problem> {
        let mut streams: Vec<&Stream> = Vec::new();
        for name in self
            .project
            .models
            .values()
            .filter_map(|model| model.predictions.as_ref())
        {
            let stream = self.project.streams.get(name);
            streams.extend(stream.filter(|stream| !streams.iter().any(|other| other.name == stream.name)));
        }
        match asked {
            None if streams.is_empty() => Err(Problem::new(ErrorCode::NotReady, "no model's predictions are kept")
                .with_hint("`predictions = \"STREAM\"` below `[models.NAME]` names the stream that they go to")),
            None => Ok(streams),
            Some(name) => {
                let chosen = streams.iter().find(|stream| stream.name == *name).copied();
                let names = streams.iter().map(|stream| &stream.name);
                chosen
                    .map(|stream| vec![stream])
                    .ok_or_else(|| unknown("stream of predictions", name.as_str(), names))
            }
        }
    }
}

/// The statement over this stream. Both names and columns were checked when the project was read.
fn put_in(statement: &str, stream: &Stream) -> String {
    let columns = stream.schema.fields.iter().map(|field| format!("\"{}\"", field.name));
    let columns: Vec<String> = columns.collect();
    statement
        .replace("{columns}", &columns.join(", "))
        .replace("{stream}", stream.name.as_str())
}

fn prediction(stream: &Stream, row: PredictionRow) -> Prediction {
    let mut columns = row.columns;
    if let Some(Value::String(text)) = columns.get(FEATURES)
        && let Ok(features @ Value::Object(_)) = serde_json::from_str(text)
    {
        columns.insert(FEATURES.to_owned(), features);
    }
    Prediction {
        id: row.prediction_id,
        stream: stream.name.clone(),
        model: row.model,
        version: row.model_version,
        deployment: row.deployment,
        source: row.source,
        score: row.score,
        decision: row.decision != 0,
        event_time: row.event_time,
        scored_at: row.scored_at,
        columns,
    }
}
