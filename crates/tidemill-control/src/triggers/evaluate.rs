//! Looking at a trigger: its query as of a time, and the rows that are kept as evidence.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::json::writer::{JsonArray, WriterBuilder};
use serde_json::{Value, json};
use tidemill_engine::{Engine, EngineError, Parameter, Scope};
use tidemill_project::Trigger;
use tidemill_types::{Micros, TableName, VersionNumber};

use crate::ControlError;

/// How many labels became known after `$since`.
const NEW_LABELS: &str = include_str!("../../sql/new_labels.sql");
/// Rows of evidence that are kept.
const EVIDENCE_ROWS_MAX: usize = 20;
/// The longest evidence that is kept, in bytes of JSON; rows beyond it are counted only.
const EVIDENCE_BYTES_MAX: usize = 8_000;

/// What a trigger's query is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TriggerView {
    /// The time that it is looked at for; what was known then is read.
    pub at: Micros,
    /// The version that serves.
    pub champion: Option<VersionNumber>,
    /// Where the training window of that version ended.
    pub trained_to: Option<Micros>,
    /// The last firing.
    pub last_fired: Option<Micros>,
}

/// What the query returned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluated {
    pub rows: u64,
    /// The rows as they are kept, an object each; where not all are, the last one counts the rest: `{"more_rows": 7}`.
    pub evidence: Value,
}

pub(crate) async fn evaluate(engine: &Engine, trigger: &Trigger, view: TriggerView) -> Result<Evaluated, ControlError> {
    let epoch = Micros(0);
    let time = |at: Option<Micros>| Parameter::Time(at.unwrap_or(epoch));
    let scope = Scope {
        known_before: Some(view.at),
        parameters: [
            ("now".to_owned(), Parameter::Time(view.at)),
            ("trained_to".to_owned(), time(view.trained_to)),
            ("last_fired".to_owned(), time(view.last_fired)),
            (
                "champion".to_owned(),
                Parameter::Integer(view.champion.map_or(0, |version| i64::from(version.0))),
            ),
        ]
        .into(),
        ..Scope::default()
    };
    let refused = |source: EngineError| {
        let line = source
            .position()
            .map_or(trigger.header_lines as u64 + 1, |position| position.line);
        ControlError::Trigger {
            trigger: trigger.name.clone(),
            place: format!("{}:{line}", trigger.file.display()),
            source: Box::new(source),
        }
    };
    let session = engine.scope(scope).await.map_err(refused)?;
    let rows = session.query(&trigger.sql).await.map_err(refused)?;
    let batch = rows.concat().map_err(refused)?;
    Ok(Evaluated {
        rows: batch.num_rows() as u64,
        evidence: evidence(&batch),
    })
}

/// How many labels of a table became known after a time, as known at `at`.
pub(crate) async fn new_labels(
    engine: &Engine,
    table: &TableName,
    since: Micros,
    at: Micros,
) -> Result<u64, EngineError> {
    let scope = Scope {
        known_before: Some(at),
        parameters: [("since".to_owned(), Parameter::Time(since))].into(),
        ..Scope::default()
    };
    let session = engine.scope(scope).await?;
    let batch = session
        .query(&NEW_LABELS.replace("{table}", table.as_str()))
        .await?
        .concat()?;
    let counts = batch.column(0).as_primitive::<Int64Type>();
    let counted = batch.num_rows() == 1 && counts.is_valid(0);
    Ok(if counted { counts.value(0).unsigned_abs() } else { 0 })
}

/// The first rows as JSON, as many as fit. Rows that cannot be written as JSON are counted.
fn evidence(batch: &RecordBatch) -> Value {
    let mut kept = Vec::new();
    let mut bytes = 0;
    for row in 0..batch.num_rows().min(EVIDENCE_ROWS_MAX) {
        let Some(value) = row_as_json(&batch.slice(row, 1)) else {
            break;
        };
        bytes += value.to_string().len();
        if bytes > EVIDENCE_BYTES_MAX {
            break;
        }
        kept.push(value);
    }
    let more = batch.num_rows() - kept.len();
    if more > 0 {
        kept.push(json!({ "more_rows": more }));
    }
    Value::Array(kept)
}

fn row_as_json(row: &RecordBatch) -> Option<Value> {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(&mut text);
    writer.write(row).ok()?;
    writer.finish().ok()?;
    drop(writer);
    let rows: Vec<Value> = serde_json::from_slice(&text).ok()?;
    rows.into_iter().next()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn evidence_is_bounded() {
        let batch = |rows: usize, text: &str| {
            let schema = Schema::new(vec![
                Field::new("n", DataType::Int64, false),
                Field::new("text", DataType::Utf8, false),
            ]);
            let numbers = Int64Array::from_iter_values(0..rows as i64);
            let texts = StringArray::from_iter_values((0..rows).map(|_| text));
            RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
        };
        let few = evidence(&batch(2, "x"));
        assert_eq!(few.to_string(), r#"[{"n":0,"text":"x"},{"n":1,"text":"x"}]"#);
        assert_eq!(evidence(&batch(30, "x"))[20], json!({ "more_rows": 10 }));
        let wide = evidence(&batch(30, &"x".repeat(3_000)));
        assert_eq!(wide.as_array().unwrap().len(), 3);
        assert_eq!(wide[2], json!({ "more_rows": 28 }));
    }
}
