//! Rows as people write them, made ready for a deployment.

use serde_json::{Map, Value};
use tidemill_serve::protocol::InferRequest;
use tidemill_types::{ErrorCode, Problem};

/// Rows by name as a request. Columns beside a full set of features tell whose rows they are and are not sent; where a
/// feature is missing everything that could be one is sent, so that a misspelt feature is told and not passed over.
pub fn infer_request(features: &[String], rows: &[Map<String, Value>]) -> Result<InferRequest, Problem> {
    let mut names: Vec<&String> = Vec::new();
    for row in rows {
        names.extend(row.keys().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    let complete = features.iter().all(|feature| names.contains(&feature));
    names.retain(|name| {
        let text = rows.iter().any(|row| row.get(*name).is_some_and(Value::is_string));
        features.contains(name) || (!complete && !text)
    });
    let mut columns = Vec::new();
    for name in names {
        let values = rows.iter().enumerate().map(|(position, row)| match row.get(name) {
            None | Some(Value::Null) => Ok(f64::NAN),
            Some(Value::Bool(truth)) => Ok(f64::from(u8::from(*truth))),
            Some(Value::Number(number)) => Ok(number.as_f64().unwrap_or(f64::NAN)),
            Some(other) => Err(Problem::new(
                ErrorCode::InvalidInput,
                format!("`{name}` of row {} is {other}, not a number", position + 1),
            )),
        });
        columns.push((name.clone(), values.collect::<Result<Vec<f64>, Problem>>()?));
    }
    Ok(InferRequest::from_columns(columns))
}
