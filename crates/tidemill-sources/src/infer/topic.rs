//! A sample of a topic's records, if they are JSON objects.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use arrow::json::reader::infer_json_schema_from_iterator;
use serde_json::Value;
use tidemill_kafka::{Admin, Record};
use tidemill_types::TopicName;

use super::{Inferred, SAMPLE_ROWS_MAX, infer};
use crate::SourceError;
use crate::rows::in_order_of;

/// Records that are read from a topic, at most, over all its partitions: each is kept in memory as JSON.
const RECORDS_MAX: u64 = if SAMPLE_ROWS_MAX < 20_000 {
    SAMPLE_ROWS_MAX
} else {
    20_000
};

/// Reads the first records of each partition. Records that are no JSON object are counted as left out.
pub async fn infer_topic(admin: &Admin, topic: &TopicName) -> Result<Inferred, SourceError> {
    let look = |source| SourceError::Look {
        topic: topic.clone(),
        source,
    };
    let partitions = admin.partitions(topic).await.map_err(look)?;
    let of_each = (RECORDS_MAX as usize).div_ceil(partitions.len().max(1));
    let mut records = Vec::new();
    for partition in partitions {
        records.extend(admin.first_records(topic, partition, of_each).await.map_err(look)?);
    }
    // Partitions are merged in the order in which their records were known, as they would be read.
    records.sort_by_key(|record| record.kafka_time);
    let name = topic.clone();
    let inferred = tokio::task::spawn_blocking(move || infer_records(&name, &records)).await;
    inferred.unwrap_or(Err(SourceError::Ended))
}

pub(super) fn infer_records(topic: &TopicName, records: &[Record]) -> Result<Inferred, SourceError> {
    let what = format!("topic {topic}");
    let (objects, others) = objects(records);
    if objects.is_empty() {
        return Err(SourceError::Empty {
            what: format!("{what} (as JSON objects; {others} records are something else)"),
        });
    }
    let arrow = |source| SourceError::Arrow {
        what: format!("the records of {what}"),
        source,
    };
    let schema = infer_json_schema_from_iterator(objects.iter().map(Ok)).map_err(arrow)?;
    let first = records
        .iter()
        .find_map(|record| record.value.as_deref().filter(|value| value.starts_with(b"{")));
    let schema = Arc::new(in_order_of(first.unwrap_or_default(), &schema));
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
        .with_batch_size(objects.len())
        .build_decoder()
        .map_err(arrow)?;
    decoder.serialize(&objects).map_err(arrow)?;
    let batch = decoder.flush().map_err(arrow)?;
    let batches: Vec<Result<RecordBatch, SourceError>> = batch.into_iter().map(Ok).collect();
    let mut inferred = infer(topic.as_str(), &what, &schema, Box::new(batches.into_iter()))?;
    if others > 0 {
        let reason = "no JSON objects".to_owned();
        inferred.left_out.push((format!("{others} records"), reason));
    }
    Ok(inferred)
}

/// The records that are JSON objects, and the number of those that are not.
fn objects(records: &[Record]) -> (Vec<Value>, usize) {
    let values = records.iter().filter_map(|record| record.value.as_deref());
    let objects: Vec<Value> = values
        .filter_map(|value| serde_json::from_slice(value).ok())
        .filter(Value::is_object)
        .collect();
    let others = records.len() - objects.len();
    (objects, others)
}
