//! A query's answer as bytes: an Arrow IPC stream, or JSON rows. CPU work: call it where blocking is allowed.

use std::collections::HashSet;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use serde::Serialize;
use tidemill_types::{ErrorCode, Problem};

use crate::{SqlAnswer, SqlColumn, SqlRows};

/// The media type of an Arrow IPC stream.
pub(crate) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// The schema and batches as an Arrow IPC stream.
pub(crate) fn to_ipc(answer: &SqlAnswer) -> Result<Vec<u8>, Problem> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let mut writer = StreamWriter::try_new(Vec::new(), &answer.schema)?;
        for batch in &answer.batches {
            writer.write(batch)?;
        }
        writer.into_inner()
    };
    write().map_err(|error| {
        Problem::new(
            ErrorCode::Internal,
            format!("failed to write the answer as Arrow: {error}"),
        )
    })
}

/// The answer whose schema and batches are in an Arrow IPC stream.
pub(crate) fn from_ipc(bytes: &[u8], truncated: bool, elapsed: Duration) -> Result<SqlAnswer, Problem> {
    let read = || -> Result<SqlAnswer, ArrowError> {
        let reader = StreamReader::try_new(bytes, None)?;
        Ok(SqlAnswer {
            schema: reader.schema(),
            batches: reader.collect::<Result<Vec<RecordBatch>, ArrowError>>()?,
            truncated,
            elapsed,
        })
    };
    read().map_err(|error| {
        Problem::new(
            ErrorCode::Unavailable,
            format!("failed to read the server's answer: {error}"),
        )
    })
}

/// What stands around the rows.
#[derive(Serialize)]
struct Frame {
    columns: Vec<SqlColumn>,
    row_count: usize,
    truncated: bool,
    elapsed_ms: u64,
}

/// The JSON of [`SqlRows`].
///
/// Errors when two columns have one name (an object would lose one), and on types that JSON cannot show.
pub(crate) fn to_json(answer: &SqlAnswer) -> Result<Vec<u8>, Problem> {
    let mut seen = HashSet::new();
    for field in answer.schema.fields() {
        if !seen.insert(field.name()) {
            let message = format!("two columns of the answer are called `{}`", field.name());
            let hint = format!("name one with `as`, or ask for {ARROW_STREAM}");
            return Err(Problem::new(ErrorCode::InvalidInput, message).with_hint(hint));
        }
    }
    let unwritable = |error: String| {
        let message = format!("failed to write the answer as JSON: {error}");
        Problem::new(ErrorCode::InvalidInput, message).with_hint(format!("cast the column, or ask for {ARROW_STREAM}"))
    };
    let columns = answer.schema.fields().iter().map(|field| SqlColumn {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
        nullable: field.is_nullable(),
    });
    let frame = Frame {
        columns: columns.collect(),
        row_count: answer.rows(),
        truncated: answer.truncated,
        elapsed_ms: answer.elapsed.as_millis() as u64,
    };
    let frame = serde_json::to_vec(&frame).map_err(|error| unwritable(error.to_string()))?;
    let write = || -> Result<Vec<u8>, ArrowError> {
        let mut bytes = br#"{"rows":"#.to_vec();
        if answer.rows() == 0 {
            bytes.extend_from_slice(b"[]");
        } else {
            let mut writer = WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, JsonArray>(&mut bytes);
            for batch in &answer.batches {
                writer.write(batch)?;
            }
            writer.finish()?;
        }
        Ok(bytes)
    };
    let mut bytes = write().map_err(|error| unwritable(error.to_string()))?;
    bytes.push(b',');
    // The frame is an object with fields: what follows its brace closes ours.
    bytes.extend_from_slice(&frame[1..]);
    Ok(bytes)
}

impl TryFrom<&SqlAnswer> for SqlRows {
    type Error = Problem;

    /// The rows as JSON values. Errors as the JSON answer does: see the server's `POST /api/v1/sql`.
    fn try_from(answer: &SqlAnswer) -> Result<SqlRows, Problem> {
        let bytes = to_json(answer)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Problem::new(ErrorCode::Internal, format!("failed to read our own JSON: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};
    use expect_test::expect;

    use super::*;

    fn answer(columns: Vec<(&str, ArrayRef)>) -> SqlAnswer {
        let fields = columns
            .iter()
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        SqlAnswer {
            batches: vec![RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap()],
            schema,
            truncated: false,
            elapsed: Duration::from_millis(7),
        }
    }

    fn mixed() -> SqlAnswer {
        let times = TimestampMicrosecondArray::from(vec![Some(1_532_520_000_123_456), None]).with_timezone("UTC");
        answer(vec![
            ("id", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
            ("amount", Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN)]))),
            ("text", Arc::new(StringArray::from(vec![Some("a\"b"), None]))),
            ("raw", Arc::new(BinaryArray::from(vec![Some(&[0_u8, 255][..]), None]))),
            ("at", Arc::new(times)),
        ])
    }

    #[test]
    fn rows_are_json_objects() {
        let json = crate::tests::in_order(serde_json::from_slice(&to_json(&mixed()).unwrap()).unwrap());
        expect![[r#"
            [
              {
                "amount": 0.1,
                "at": "2018-07-25T12:00:00.123456Z",
                "id": 9223372036854775807,
                "raw": "00ff",
                "text": "a\"b"
              },
              {
                "amount": null,
                "at": null,
                "id": null,
                "raw": null,
                "text": null
              }
            ]"#]]
        .assert_eq(&serde_json::to_string_pretty(&json["rows"]).unwrap());
        expect![[r#"[{"data_type":"Int64","name":"id","nullable":true},{"data_type":"Float64","name":"amount","nullable":true},{"data_type":"Utf8","name":"text","nullable":true},{"data_type":"Binary","name":"raw","nullable":true},{"data_type":"Timestamp(µs, \"UTC\")","name":"at","nullable":true}]"#]].assert_eq(&serde_json::to_string(&json["columns"]).unwrap());
        assert_eq!(SqlRows::try_from(&mixed()).unwrap().row_count, 2);
    }

    #[test]
    fn an_answer_without_rows_has_columns() {
        let mut empty = mixed();
        empty.batches.clear();
        let rows = SqlRows::try_from(&empty).unwrap();
        assert_eq!((rows.columns.len(), rows.rows.len()), (5, 0));
        let bytes = to_ipc(&empty).unwrap();
        assert_eq!(from_ipc(&bytes, false, empty.elapsed).unwrap(), empty);
    }

    #[test]
    fn two_columns_of_one_name_are_refused_as_json_only() {
        let column = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let twice = answer(vec![("n", column()), ("n", column())]);
        expect!["two columns of the answer are called `n`"].assert_eq(&to_json(&twice).unwrap_err().message);
        let bytes = to_ipc(&twice).unwrap();
        assert_eq!(from_ipc(&bytes, false, twice.elapsed).unwrap(), twice);
    }

    #[test]
    fn a_broken_stream_is_no_answer() {
        let bytes = to_ipc(&mixed()).unwrap();
        assert!(from_ipc(&bytes[..bytes.len() / 2], false, Duration::ZERO).is_err());
        assert!(from_ipc(b"{}", false, Duration::ZERO).is_err());
    }
}
