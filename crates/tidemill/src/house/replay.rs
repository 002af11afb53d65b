//! Dead letters back to their topic, as they came or repaired.
//!
//! Two commits to `dead_letter_replays` stand around the sending: what is about to be sent, with its bytes, and that it was
//! acknowledged. A replay that died in between left letters of which nobody knows whether they were sent; the next one
//! leaves them alone and says so. A fence numbers the replays of a stream, so that two at once do not send the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use futures::StreamExt;
use tidemill_api::{DeadLetterId, RawHeader, ReplayLetter, ReplayReport, ReplayRequest};
use tidemill_engine::{Parameter, Scope};
use tidemill_kafka::{Producer, ProducerLimits, ProducerRecord};
use tidemill_lake::{Append, FenceUpdate, LakeTable, TableSpec};
use tidemill_project::Stream;
use tidemill_types::{ErrorCode, KafkaPartition, LastOffset, Micros, Problem, StreamName, TableName};

use super::House;
use super::convert::problem;
use super::dead_letters::{column, parse_headers, unreadable};
use super::features::unknown;

const OF_STREAM: &str = include_str!("../../sql/dead_letters_of_stream.sql");
const REPLAYS: &str = include_str!("../../sql/dead_letter_replays.sql");
/// The table of what was sent.
const REPLAYS_TABLE: &str = "dead_letter_replays";
/// Most letters of one replay.
const LETTERS_MAX: usize = 100_000;
/// Longest wait for the broker to acknowledge all of them.
const SEND_TIMEOUT: Duration = Duration::from_mins(2);
/// The header that holds where a letter stood: topic, partition and offset.
const OF_HEADER: &str = "tm_replay_of";
/// The header that holds the number of the replay.
const NUMBER_HEADER: &str = "tm_replay";

type Position = (i32, i64);

/// A letter on its way back.
struct Letter {
    position: Position,
    known: Micros,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<RawHeader>,
    repaired: bool,
}

impl House {
    pub(super) async fn replay(&self, name: &StreamName, request: ReplayRequest) -> Result<ReplayReport, Problem> {
        let stream = self.project.streams.get(name);
        let stream = stream.ok_or_else(|| unknown("stream", name.as_str(), self.project.streams.keys()))?;
        let Some(kafka) = &self.kafka else {
            return Err(Problem::new(
                ErrorCode::NotReady,
                "nothing is sent again without a broker",
            ));
        };
        let table = self.lake.create(replays_spec()?).await.map_err(problem)?;
        let app_id = format!("tidemill/replay/{name}");
        let before = table.fence(&app_id).await.map_err(problem)?;
        let earlier = if before.is_some() {
            self.replayed(name).await?
        } else {
            BTreeMap::new()
        };
        let mut report = ReplayReport {
            stream: name.clone(),
            replay: None,
            sent: 0,
            repaired: 0,
            sent_before: 0,
            unsure: Vec::new(),
        };
        let mut letters = self.letters(stream, &request.letters).await?;
        if !request.again {
            letters.retain(|letter| match earlier.get(&letter.position) {
                None => true,
                Some(true) => {
                    report.sent_before += 1;
                    false
                }
                Some(false) => {
                    report.unsure.push(DeadLetterId {
                        stream: name.clone(),
                        partition: KafkaPartition(letter.position.0),
                        offset: LastOffset(letter.position.1),
                    });
                    false
                }
            });
        }
        if letters.is_empty() {
            return Ok(report);
        }
        let number = before.unwrap_or(0) + 1;
        let keep = Kept {
            table: &table,
            stream,
            number,
            at: self.clock.now(),
        };
        let fence = FenceUpdate {
            app_id,
            expected: before,
            next: number,
        };
        keep.commit("sending", &letters, vec![fence]).await?;
        send(kafka.client(), stream, number, &letters).await?;
        keep.commit("sent", &letters, Vec::new()).await?;
        report.replay = Some(number);
        report.sent = letters.len() as u64;
        report.repaired = letters.iter().filter(|letter| letter.repaired).count() as u64;
        Ok(report)
    }

    /// How far earlier replays came with each letter.
    async fn replayed(&self, stream: &StreamName) -> Result<BTreeMap<Position, bool>, Problem> {
        let session = self.engine.scope(of_stream(stream)).await.map_err(problem)?;
        let batch = session
            .query(REPLAYS)
            .await
            .map_err(problem)?
            .concat()
            .map_err(problem)?;
        let partitions = column(&batch, "letter_partition")?.as_primitive::<Int32Type>();
        let offsets = column(&batch, "letter_offset")?.as_primitive::<Int64Type>();
        let sent = column(&batch, "sent")?.as_boolean();
        let rows = 0..batch.num_rows();
        Ok(rows
            .map(|row| ((partitions.value(row), offsets.value(row)), sent.value(row)))
            .collect())
    }

    /// The letters that are wanted, in the order in which they stood; all of them when none is named.
    async fn letters(&self, stream: &Stream, wanted: &[ReplayLetter]) -> Result<Vec<Letter>, Problem> {
        let mut named: BTreeMap<Position, &ReplayLetter> = BTreeMap::new();
        for letter in wanted {
            named.insert((letter.partition.0, letter.offset.0), letter);
        }
        let all = named.is_empty();
        let session = self.engine.scope(of_stream(&stream.name)).await.map_err(problem)?;
        let mut batches = session.stream(OF_STREAM).await.map_err(problem)?;
        let mut letters = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(problem)?;
            for row in 0..batch.num_rows() {
                let mut letter = letter(&batch, row)?;
                match named.remove(&letter.position) {
                    None if all => (),
                    None => continue,
                    Some(wanted) => {
                        if let Some(value) = &wanted.value {
                            letter.value = Some(value.bytes()?);
                            letter.repaired = true;
                        }
                    }
                }
                letters.push(letter);
                if letters.len() > LETTERS_MAX {
                    let what = format!(
                        "`{}` has more than {LETTERS_MAX} dead letters to send again",
                        stream.name
                    );
                    return Err(Problem::new(ErrorCode::LimitReached, what).with_hint("name them, fewer at a time"));
                }
            }
        }
        match named.keys().next() {
            None => Ok(letters),
            Some((partition, offset)) => {
                let what = format!(
                    "`{}` has no dead letter at offset {offset} of partition {partition}",
                    stream.name
                );
                Err(Problem::new(ErrorCode::NotFound, what).with_hint("tidemill dead-letters list"))
            }
        }
    }
}

fn of_stream(stream: &StreamName) -> Scope {
    Scope {
        parameters: [("stream".to_owned(), Parameter::Text(stream.to_string()))].into(),
        ..Scope::default()
    }
}

fn letter(batch: &RecordBatch, row: usize) -> Result<Letter, Problem> {
    let bytes = |name: &str| -> Result<Option<Vec<u8>>, Problem> {
        let column = arrow::compute::cast(column(batch, name)?, &DataType::Binary).map_err(unreadable)?;
        let column = column.as_binary::<i32>();
        Ok(column.is_valid(row).then(|| column.value(row).to_vec()))
    };
    let headers = arrow::compute::cast(column(batch, "headers")?, &DataType::Utf8).map_err(unreadable)?;
    let headers = headers.as_string::<i32>();
    Ok(Letter {
        position: (
            column(batch, "_tm_partition")?.as_primitive::<Int32Type>().value(row),
            column(batch, "_tm_offset")?.as_primitive::<Int64Type>().value(row),
        ),
        known: Micros(
            column(batch, "_tm_kafka_time")?
                .as_primitive::<TimestampMicrosecondType>()
                .value(row),
        ),
        key: bytes("key")?,
        value: bytes("value")?,
        headers: if headers.is_valid(row) {
            parse_headers(headers.value(row))
        } else {
            Vec::new()
        },
        repaired: false,
    })
}

/// Sends them, each with the key, headers and time that it came with, and where it stood.
async fn send(
    client: &tidemill_kafka::ClientSettings,
    stream: &Stream,
    number: i64,
    letters: &[Letter],
) -> Result<(), Problem> {
    let producer = Producer::new(client, &ProducerLimits::default()).map_err(problem)?;
    let number = number.to_string();
    for letter in letters {
        let (partition, offset) = letter.position;
        let of = format!("{}/{partition}/{offset}", stream.topic);
        let mut headers: Vec<(&str, Vec<u8>)> = Vec::new();
        for header in &letter.headers {
            headers.push((&header.key, header.value.bytes()?));
        }
        // A letter that died again after a replay says where it stood last.
        headers.retain(|(name, _)| ![OF_HEADER, NUMBER_HEADER].contains(name));
        headers.push((OF_HEADER, of.into_bytes()));
        headers.push((NUMBER_HEADER, number.clone().into_bytes()));
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let record = ProducerRecord {
            topic: &stream.topic,
            // Behind where it stood: what else has its key is there as well.
            partition: Some(KafkaPartition(partition)),
            key: letter.key.as_deref(),
            value: letter.value.as_deref(),
            headers: &headers,
            timestamp: letter.known,
        };
        producer.send(record).await.map_err(problem)?;
    }
    producer.flush(SEND_TIMEOUT).await.map_err(problem)?;
    Ok(())
}

/// What of a replay is kept.
struct Kept<'a> {
    table: &'a LakeTable,
    stream: &'a Stream,
    number: i64,
    at: Micros,
}

impl Kept<'_> {
    async fn commit(&self, state: &str, letters: &[Letter], fences: Vec<FenceUpdate>) -> Result<(), Problem> {
        let batch = self.batch(state, letters).map_err(unreadable)?;
        let append = Append {
            batches: vec![batch],
            fences,
            ..Append::default()
        };
        self.table.commit(append).await.map_err(problem)?;
        Ok(())
    }

    fn batch(&self, state: &str, letters: &[Letter]) -> Result<RecordBatch, arrow::error::ArrowError> {
        let rows = letters.len();
        let same =
            |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) };
        let headers = letters.iter().map(|letter| {
            let headers = letter
                .headers
                .iter()
                .map(|header| serde_json::json!({ "name": header.key, "value": header.value }));
            serde_json::Value::Array(headers.collect()).to_string()
        });
        let times =
            |values: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) };
        let columns: Vec<ArrayRef> = vec![
            same(self.stream.name.as_str()),
            Arc::new(Int64Array::from(vec![self.number; rows])),
            same(state),
            times(vec![self.at.0; rows]),
            Arc::new(Int32Array::from_iter_values(
                letters.iter().map(|letter| letter.position.0),
            )),
            Arc::new(Int64Array::from_iter_values(
                letters.iter().map(|letter| letter.position.1),
            )),
            Arc::new(
                letters
                    .iter()
                    .map(|letter| Some(letter.repaired))
                    .collect::<BooleanArray>(),
            ),
            times(letters.iter().map(|letter| letter.known.0).collect()),
            Arc::new(
                letters
                    .iter()
                    .map(|letter| letter.key.as_deref())
                    .collect::<BinaryArray>(),
            ),
            Arc::new(
                letters
                    .iter()
                    .map(|letter| letter.value.as_deref())
                    .collect::<BinaryArray>(),
            ),
            Arc::new(StringArray::from_iter_values(headers)),
        ];
        RecordBatch::try_new(replays_schema(), columns)
    }
}

fn replays_spec() -> Result<TableSpec, Problem> {
    let name = TableName::new(REPLAYS_TABLE);
    Ok(TableSpec {
        name: name.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?,
        schema: replays_schema(),
        comment: "dead letters that were sent to their topic again: before, and once acknowledged".to_owned(),
        partition_columns: Vec::new(),
    })
}

fn replays_schema() -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("stream", DataType::Utf8, false),
        Field::new("replay", DataType::Int64, false),
        Field::new("state", DataType::Utf8, false),
        Field::new("at", time(), false),
        Field::new("letter_partition", DataType::Int32, false),
        Field::new("letter_offset", DataType::Int64, false),
        Field::new("repaired", DataType::Boolean, false),
        Field::new("kafka_time", time(), false),
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        Field::new("headers", DataType::Utf8, false),
    ]))
}
