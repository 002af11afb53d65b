//! Dead letters, read from their tables.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use futures::StreamExt;
use tidemill_api::{
    DEAD_LETTERS_LISTED, DEAD_LETTERS_LISTED_MAX, DeadLetter, DeadLetterId, DeadLetterSummary, DeadLettersRequest,
    RawBytes, RawHeader,
};
use tidemill_engine::{Parameter, Scope};
use tidemill_types::{ErrorCode, KafkaPartition, LastOffset, Micros, Problem, StreamName, TopicName};

use super::House;
use super::convert::problem;
use super::features::unknown;

const NEWEST: &str = include_str!("../../sql/dead_letters_newest.sql");
const ONE: &str = include_str!("../../sql/dead_letter.sql");

impl House {
    pub(super) async fn list_dead_letters(
        &self,
        request: DeadLettersRequest,
    ) -> Result<Vec<DeadLetterSummary>, Problem> {
        if let Some(stream) = &request.stream {
            self.known_stream(stream)?;
        }
        let limit = request
            .limit
            .unwrap_or(DEAD_LETTERS_LISTED)
            .min(DEAD_LETTERS_LISTED_MAX) as usize;
        let stream = request.stream.map(|stream| stream.to_string()).unwrap_or_default();
        let scope = Scope {
            parameters: [("stream".to_owned(), Parameter::Text(stream))].into(),
            ..Scope::default()
        };
        let session = self.engine.scope(scope).await.map_err(problem)?;
        let mut batches = session.stream(NEWEST).await.map_err(problem)?;
        let mut letters = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(problem)?;
            for row in 0..batch.num_rows().min(limit - letters.len()) {
                letters.push(summary(&batch, row)?);
            }
            if letters.len() == limit {
                break;
            }
        }
        Ok(letters)
    }

    pub(super) async fn show_dead_letter(&self, id: &DeadLetterId) -> Result<DeadLetter, Problem> {
        self.known_stream(&id.stream)?;
        let parameters = [
            ("stream".to_owned(), Parameter::Text(id.stream.to_string())),
            ("partition".to_owned(), Parameter::Integer(i64::from(id.partition.0))),
            ("offset".to_owned(), Parameter::Integer(id.offset.0)),
        ];
        let scope = Scope {
            parameters: parameters.into(),
            ..Scope::default()
        };
        let session = self.engine.scope(scope).await.map_err(problem)?;
        let batch = session.query(ONE).await.map_err(problem)?.concat().map_err(problem)?;
        if batch.num_rows() == 0 {
            let what = format!(
                "`{}` has no dead letter at offset {} of partition {}",
                id.stream, id.offset, id.partition
            );
            return Err(Problem::new(ErrorCode::NotFound, what).with_hint("tidemill dead-letters list"));
        }
        let raw = |name: &str| -> Result<Option<RawBytes>, Problem> {
            let column = column(&batch, name)?.as_binary::<i32>();
            Ok(column.is_valid(0).then(|| RawBytes::from(column.value(0))))
        };
        let headers = column(&batch, "headers")?.as_string::<i32>();
        let headers = if headers.is_valid(0) {
            parse_headers(headers.value(0))
        } else {
            Vec::new()
        };
        Ok(DeadLetter {
            summary: summary(&batch, 0)?,
            key: raw("key")?,
            value: raw("value")?,
            headers,
        })
    }

    fn known_stream(&self, stream: &StreamName) -> Result<(), Problem> {
        match self.project.streams.contains_key(stream) {
            true => Ok(()),
            false => Err(unknown("stream", stream.as_str(), self.project.streams.keys())),
        }
    }
}

fn summary(batch: &RecordBatch, row: usize) -> Result<DeadLetterSummary, Problem> {
    let text = |name: &str| -> Result<String, Problem> {
        let column =
            arrow::compute::cast(column(batch, name)?, &arrow::datatypes::DataType::Utf8).map_err(unreadable)?;
        Ok(column.as_string::<i32>().value(row).to_owned())
    };
    let invalid = |error: tidemill_types::InvalidName| Problem::new(ErrorCode::Corrupt, error.to_string());
    let bytes =
        arrow::compute::cast(column(batch, "value_bytes")?, &arrow::datatypes::DataType::Int64).map_err(unreadable)?;
    let bytes = bytes.as_primitive::<Int64Type>();
    Ok(DeadLetterSummary {
        id: DeadLetterId {
            stream: StreamName::new(text("stream")?).map_err(invalid)?,
            partition: KafkaPartition(column(batch, "_tm_partition")?.as_primitive::<Int32Type>().value(row)),
            offset: LastOffset(column(batch, "_tm_offset")?.as_primitive::<Int64Type>().value(row)),
        },
        topic: TopicName::new(text("_tm_topic")?).map_err(invalid)?,
        kafka_time: Micros(
            column(batch, "_tm_kafka_time")?
                .as_primitive::<TimestampMicrosecondType>()
                .value(row),
        ),
        stage: text("stage")?,
        code: text("code")?,
        error: text("error")?,
        value_bytes: bytes.is_valid(row).then(|| bytes.value(row).unsigned_abs()),
    })
}

/// Headers as ingest writes them: a JSON array of `{"name", "value"}`, in order.
pub(super) fn parse_headers(text: &str) -> Vec<RawHeader> {
    #[derive(serde::Deserialize)]
    struct Header {
        name: String,
        value: Option<String>,
    }
    let headers: Vec<Header> = serde_json::from_str(text).unwrap_or_default();
    let header = |header: Header| RawHeader {
        key: header.name,
        value: RawBytes::Text(header.value.unwrap_or_default()),
    };
    headers.into_iter().map(header).collect()
}

pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, Problem> {
    let found = batch.column_by_name(name).map(AsRef::as_ref);
    found.ok_or_else(|| {
        Problem::new(
            ErrorCode::Corrupt,
            format!("the dead-letter table has no column `{name}`"),
        )
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn unreadable(error: arrow::error::ArrowError) -> Problem {
    Problem::new(
        ErrorCode::Corrupt,
        format!("the dead-letter table cannot be read: {error}"),
    )
}
