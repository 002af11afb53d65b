//! From Kafka into a Delta table, and the limits on the way: consuming alone, consuming and decoding, all of it until the rows
//! are visible. In rows per second, and per CPU second of this process.
//!
//! Needs a broker in a process of its own: `benches/ingest/beside_peers.sh` starts Apache Kafka, fills a topic once, and runs
//! this and the tools that a user would take instead on the same topic. `KAFKA_BOOTSTRAP` names the broker, `TOPIC` the topic,
//! `ROWS` how many rows; with `PRODUCE=1` it fills the topic and ends.

mod events;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill_ingest::measure::IntakeBench;
use tidemill_ingest::{Ingest, IngestLimits, IngestWiring};
use tidemill_kafka::{
    Admin, Assignment, ClientSettings, ConsumerLimits, PolledConsumer, Producer, ProducerLimits, ProducerRecord,
};
use tidemill_lake::{Lake, LakeLocation};
use tidemill_project::{Format, Stream};
use tidemill_types::{KafkaPartition, Micros, NextOffset, PipelineName, SystemClock};

use events::{payment, stream};

const ROWS_DEFAULT: u64 = 1_000_000;
const PATIENCE: Duration = Duration::from_mins(10);
/// The kernel counts CPU time in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let Ok(bootstrap) = std::env::var("KAFKA_BOOTSTRAP") else {
        println!("skipped: KAFKA_BOOTSTRAP names no broker; benches/ingest/beside_peers.sh starts one");
        return Ok(());
    };
    let rows = match std::env::var("ROWS") {
        Ok(rows) => rows.parse()?,
        Err(_) => ROWS_DEFAULT,
    };
    let topic = std::env::var("TOPIC").unwrap_or_else(|_| "payments".to_owned());
    let stream = stream(&topic, Format::Json);
    let client = ClientSettings::new(bootstrap, "tidemill-bench");
    if std::env::var_os("PRODUCE").is_some() {
        return produce(&client, &stream, rows).await;
    }
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    println!("tidemill, {profile} profile, {rows} rows of `{topic}`");
    println!("{:<28} {:>10} {:>8} {:>14}", "", "rows/s", "CPU s", "rows/CPU s");
    report("consume", rows, consume(&client, &stream, rows, None)).await?;
    let intake = IntakeBench::new(&stream, Vec::new())?;
    report("consume, decode", rows, consume(&client, &stream, rows, Some(intake))).await?;
    report("consume, decode, write", rows, land(&client, &stream, rows)).await
}

async fn report(name: &str, rows: u64, work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    let (started, cpu_before) = (Instant::now(), cpu_seconds()?);
    work.await?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu_before);
    let rows = rows as f64;
    println!("{name:<28} {:>10.0} {cpu:>8.2} {:>14.0}", rows / seconds, rows / cpu);
    Ok(())
}

/// User and system time of this process.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the process is in parentheses and may hold anything.
    let fields = stat.rsplit_once(')').ok_or("no process statistics")?.1;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || -> Outcome<f64> { Ok(fields.next().ok_or("no CPU time")?.parse()?) };
    Ok((ticks()? + ticks()?) / TICKS_A_SECOND)
}

async fn produce(client: &ClientSettings, stream: &Stream, rows: u64) -> Outcome<()> {
    let admin = Admin::connect(client)?;
    admin.ensure_topic(&stream.topic, stream.partitions, &[].into()).await?;
    let producer = Producer::new(client, &ProducerLimits::default())?;
    for number in 0..rows {
        let value = payment(number);
        let record = ProducerRecord {
            topic: &stream.topic,
            partition: Some(KafkaPartition((number % stream.partitions as u64) as i32)),
            key: None,
            value: Some(value.as_bytes()),
            headers: &[],
            timestamp: Micros(1_522_540_800_000_000 + number as i64 * 1_000),
        };
        producer.send(record).await?;
    }
    producer.flush(PATIENCE).await?;
    println!(
        "{rows} rows of {} bytes are in `{}`",
        payment(rows / 2).len(),
        stream.topic
    );
    Ok(())
}

async fn consume(client: &ClientSettings, stream: &Stream, rows: u64, mut intake: Option<IntakeBench>) -> Outcome<()> {
    let assignments = (0..stream.partitions).map(|partition| Assignment {
        topic: stream.topic.clone(),
        partition: KafkaPartition(partition),
        start: NextOffset::ZERO,
    });
    let (consumer, mut batches) = PolledConsumer::spawn(client, assignments.collect(), ConsumerLimits::default())?;
    let mut seen = 0;
    while seen < rows {
        let batch = tokio::time::timeout(PATIENCE, batches.recv()).await?;
        let batch = batch.ok_or("the consumer ended")??;
        seen += batch.len() as u64;
        if let Some(mut at_work) = intake.take() {
            let decoded = tokio::task::spawn_blocking(move || {
                let counts = at_work.take(&batch);
                (at_work, counts)
            });
            let (back, counts) = decoded.await?;
            if counts?.1 > 0 {
                return Err("a good record was not decoded".into());
            }
            intake = Some(back);
        }
    }
    consumer.stop().await;
    Ok(())
}

/// Until every row is visible in the table.
async fn land(client: &ClientSettings, stream: &Stream, rows: u64) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let lake = Arc::new(Lake::open(LakeLocation::folder(folder.path())?).await?);
    let ingest = Ingest::start(IngestWiring {
        pipeline: PipelineName::new("bench")?,
        streams: vec![stream.clone()],
        client: client.clone(),
        cluster_id: None,
        schema_registry: None,
        stages: Vec::new(),
        lake,
        limits: IngestLimits::default(),
        clock: Arc::new(SystemClock),
    })?;
    ingest.wait_caught_up(PATIENCE).await?;
    let landed: u64 = ingest.status().iter().map(|status| status.rows).sum();
    ingest.shutdown().await;
    if landed == rows {
        Ok(())
    } else {
        Err(format!("{landed} rows landed of {rows}").into())
    }
}
