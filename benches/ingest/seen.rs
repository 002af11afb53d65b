//! How long it takes from a record's timestamp, set when it is sent, until a batch stage sees its row.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tidemill_ingest::{BatchStage, HeldState, Ingest, IngestWiring, StagedBatch};
use tidemill_kafka::{Admin, Producer, ProducerLimits, ProducerRecord};
use tidemill_types::{KafkaPartition, Micros, StreamName};

use crate::events::{payment, stream};
use crate::{Outcome, PATIENCE};
use tidemill_project::Format;

/// How long records are sent.
const LENGTH: Duration = Duration::from_secs(10);
/// Records of the first seconds are not counted: clients connect and buffers grow.
const WARM_UP_MICROS: i64 = 2_000_000;
/// How long a record waits at the producer for others, as librdkafka has it by default.
const LINGER: Duration = Duration::from_millis(5);
/// Records that wait at the producer or are on their way, at most: one that sends faster than the broker takes them waits.
const RECORDS_IN_FLIGHT: u32 = 16_384;
/// How often the paced producer looks at the clock.
const TICK: Duration = Duration::from_millis(1);

/// Notes how old each row is when it comes by.
struct Ages {
    since_micros: i64,
    seen: Arc<Mutex<Vec<u32>>>,
}

impl BatchStage for Ages {
    fn name(&self) -> &'static str {
        "ages"
    }

    fn see(&mut self, batch: &mut StagedBatch<'_>) {
        let now = now_micros();
        let counted = batch.known_micros.iter().filter(|known| **known >= self.since_micros);
        let ages = counted.map(|known| u32::try_from((now - known).max(0)).unwrap_or(u32::MAX));
        self.seen.lock().expect("no panic while it is held").extend(ages);
    }

    fn state(&self, _: KafkaPartition) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: KafkaPartition, _: HeldState<'_>) {}
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Sends at `rate` records a second, or as fast as they are taken, and says percentiles of their ages.
pub async fn seen(
    topic: &str,
    rate: Option<u64>,
    wiring: impl FnOnce(tidemill_project::Stream) -> Outcome<IngestWiring>,
) -> Outcome<String> {
    let stream = stream(topic, Format::Json);
    let mut wiring = wiring(stream.clone())?;
    let client = wiring.client.clone();
    let admin = Admin::connect(&client)?;
    admin.ensure_topic(&stream.topic, stream.partitions, &[].into()).await?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let ages = Ages {
        since_micros: now_micros() + WARM_UP_MICROS,
        seen: Arc::clone(&seen),
    };
    wiring.stages = vec![(StreamName::new(stream.name.as_str())?, Box::new(ages))];
    let ingest = Ingest::start(wiring)?;
    let limits = ProducerLimits {
        linger: LINGER,
        records_in_flight: RECORDS_IN_FLIGHT,
        ..ProducerLimits::default()
    };
    let producer = Producer::new(&client, &limits)?;
    let started = tokio::time::Instant::now();
    let mut sent = 0_u64;
    while started.elapsed() < LENGTH {
        let due = match rate {
            Some(rate) => (started.elapsed().as_secs_f64() * rate as f64) as u64,
            None => sent + 1_000,
        };
        while sent < due {
            let value = payment(sent);
            let record = ProducerRecord {
                topic: &stream.topic,
                partition: Some(KafkaPartition((sent % stream.partitions as u64) as i32)),
                key: None,
                value: Some(value.as_bytes()),
                headers: &[],
                timestamp: Micros(now_micros()),
            };
            producer.send(record).await?;
            sent += 1;
        }
        if rate.is_some() {
            tokio::time::sleep(TICK).await;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    producer.flush(PATIENCE).await?;
    ingest.wait_caught_up(PATIENCE).await?;
    ingest.shutdown().await;
    let mut ages = std::mem::take(&mut *seen.lock().map_err(|e| Box::<dyn Error>::from(e.to_string()))?);
    ages.sort_unstable();
    let at = |share: f64| -> Outcome<f64> {
        let place = ((ages.len() as f64 * share) as usize).min(ages.len().saturating_sub(1));
        Ok(f64::from(*ages.get(place).ok_or("no rows were seen")?) / 1_000.0)
    };
    Ok(format!(
        "{:<28} {:>10.0} rows/s, seen after {:.0} ms (half), {:.0} ms (99 of 100), {:.0} ms (all)",
        rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate} a second")),
        sent as f64 / seconds,
        at(0.5)?,
        at(0.99)?,
        at(1.0)?
    ))
}
