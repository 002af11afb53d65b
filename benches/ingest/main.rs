//! From Kafka into a Delta table, and the limits on the way: consuming alone, consuming and decoding, all of it until the rows
//! are visible. In rows per second, and per CPU second of this process.
//!
//! Needs a broker in a process of its own: `benches/ingest/beside_peers.sh` starts Apache Kafka, fills a topic once, and runs
//! this and the tools that a user would take instead on the same topic. `KAFKA_BOOTSTRAP` names the broker, `TOPIC` the topic,
//! `ROWS` how many rows, `FORMAT` how they are written: `json`, `broken` (JSON of which one in a hundred is broken), `avro`, or
//! `confluent`, which wants the address of a schema registry in `SCHEMA_REGISTRY_URL` and the schema's id in `SCHEMA_ID`. With
//! `PRODUCE=1` it fills the topic and ends, with `SCHEMA=1` it prints the Avro schema. Each figure is that of a process of its own;
//! `MEASURE` names one alone, or `seen`: how long a record takes until a batch stage sees it, in a topic of its own.

mod events;
mod seen;

use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use tidemill_ingest::measure::{IntakeBench, landed_spec};
use tidemill_ingest::{Ingest, IngestLimits, IngestWiring, SchemaRegistry, Sharing};
use tidemill_kafka::{
    Admin, Assignment, ClientSettings, ConsumerLimits, PolledBatch, PolledConsumer, Producer, ProducerLimits,
    ProducerRecord,
};
use tidemill_lake::{Append, Lake, LakeLocation, MaintenanceRules};
use tidemill_project::{Format, Place, SchemaRegistrySettings, Stream};
use tidemill_types::{KafkaPartition, Micros, NextOffset, PipelineName, SystemClock};

use tokio::task::JoinHandle;

use events::{BROKEN_EVERY, avro, broken, payment, stream};

const ROWS_DEFAULT: u64 = 2_000_000;
const PATIENCE: Duration = Duration::from_mins(10);
/// The kernel counts CPU time in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

/// What is measured, one after the other.
const MEASURES: [&str; 6] = ["consume", "decode", "write", "land", "commits", "compacted"];
/// How often it is looked whether there are enough small files to make one of.
const COMPACT_EVERY: Duration = Duration::from_millis(100);

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
    let writing = Writing::of_the_environment()?;
    let stream = stream(&topic, writing.format());
    if std::env::var_os("SCHEMA").is_some() {
        println!("{}", stream.schema.to_avsc());
        return Ok(());
    }
    let client = ClientSettings::new(bootstrap, "tidemill-bench");
    if std::env::var_os("PRODUCE").is_some() {
        return produce(&client, &stream, rows, writing).await;
    }
    let Ok(measure) = std::env::var("MEASURE") else {
        return each_in_its_own_process(&stream, rows);
    };
    // The same in fifty files, with and without another task that makes one of many meanwhile.
    let small = IngestLimits {
        flush_rows: rows.div_ceil(50),
        ..IngestLimits::default()
    };
    match measure.as_str() {
        "consume" => {
            let consumed = each_batch(&client, &stream, rows, async |_| Ok(()));
            report("consume", rows, consumed).await
        }
        "decode" => report("consume, decode", rows, decode(&client, &stream, rows, writing)).await,
        "write" => {
            let decoded = decoded(&client, &stream, rows, writing).await?;
            report("write", rows, write(&stream, decoded)).await
        }
        "land" => {
            let landed = land(&client, &stream, rows, writing, None);
            report("consume, decode, write", rows, landed).await?;
            Ok(())
        }
        "commits" => {
            let landed = land(&client, &stream, rows, writing, Some((small, false)));
            report("in fifty commits", rows, landed).await?;
            Ok(())
        }
        "compacted" => {
            let landed = land(&client, &stream, rows, writing, Some((small, true)));
            let compacting = report("  and compacted meanwhile", rows, landed).await?;
            let compactions = compacting.ok_or("no task compacts")?.await?;
            (compactions > 0)
                .then_some(())
                .ok_or_else(|| "nothing was compacted meanwhile".into())
        }
        "seen" => {
            // The first is not counted: a broker that has just started is still being compiled.
            for (place, rate) in [None, Some(1_000), Some(50_000), Some(300_000), None]
                .into_iter()
                .enumerate()
            {
                let folder = tempfile::tempdir()?;
                let lake = Arc::new(Lake::open(LakeLocation::folder(folder.path())?).await?);
                let topic = format!("seen-{place}-{}", std::process::id());
                let percentiles = seen::seen(&topic, rate, |stream| wiring(&client, &stream, writing, lake)).await?;
                if place > 0 {
                    println!("{percentiles}");
                }
            }
            Ok(())
        }
        other => Err(format!("MEASURE is {}, or seen, not {other}", MEASURES.join(", ")).into()),
    }
}

/// No figure is one of the memory that another has left behind.
fn each_in_its_own_process(stream: &Stream, rows: u64) -> Outcome<()> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    println!("tidemill, {profile} profile, {rows} rows of `{}`", stream.topic);
    println!(
        "{:<28} {:>10} {:>8} {:>14} {:>10}",
        "", "rows/s", "CPU s", "rows/CPU s", "peak MiB"
    );
    for measure in MEASURES {
        let mut measured = Command::new(std::env::current_exe()?);
        let ended = measured.env("MEASURE", measure).status()?;
        if !ended.success() {
            return Err(format!("`{measure}` ended with {ended}").into());
        }
    }
    Ok(())
}

/// How the records are written.
#[derive(Debug, Clone, Copy)]
enum Writing {
    Json,
    /// One in a hundred is broken.
    Broken,
    Avro,
    Confluent {
        id: u32,
    },
}

impl Writing {
    fn of_the_environment() -> Outcome<Writing> {
        let format = std::env::var("FORMAT");
        Ok(match format.as_deref().unwrap_or("json") {
            "json" => Writing::Json,
            "broken" => Writing::Broken,
            "avro" => Writing::Avro,
            "confluent" => Writing::Confluent {
                id: std::env::var("SCHEMA_ID").unwrap_or_else(|_| "1".to_owned()).parse()?,
            },
            other => return Err(format!("FORMAT is json, broken, avro or confluent, not {other}").into()),
        })
    }

    fn format(self) -> Format {
        match self {
            Writing::Json | Writing::Broken => Format::Json,
            Writing::Avro => Format::Avro,
            Writing::Confluent { .. } => Format::ConfluentAvro,
        }
    }

    fn record(self, number: u64) -> Vec<u8> {
        match self {
            Writing::Broken if number.is_multiple_of(BROKEN_EVERY) => broken(number, payment(number).as_bytes()),
            Writing::Json | Writing::Broken => payment(number).into_bytes(),
            Writing::Avro => avro(number),
            Writing::Confluent { id } => [&[0], id.to_be_bytes().as_slice(), &avro(number)].concat(),
        }
    }

    /// Those of so many that are no rows.
    fn dead(self, rows: u64) -> u64 {
        match self {
            Writing::Broken => rows.div_ceil(BROKEN_EVERY),
            _ => 0,
        }
    }
}

async fn report<T>(name: &str, rows: u64, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    // From here on the kernel counts the peak anew.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let (started, cpu_before) = (Instant::now(), cpu_seconds()?);
    let left = work.await?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu_before);
    let rows = rows as f64;
    let peak = peak_mebibytes()?;
    println!(
        "{name:<28} {:>10.0} {cpu:>8.2} {:>14.0} {peak:>10}",
        rows / seconds,
        rows / cpu
    );
    Ok(left)
}

fn peak_mebibytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = line
        .and_then(|line| line.split_ascii_whitespace().next())
        .ok_or("no peak of memory")?
        .parse()?;
    Ok(kibibytes / 1024)
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

async fn produce(client: &ClientSettings, stream: &Stream, rows: u64, writing: Writing) -> Outcome<()> {
    let admin = Admin::connect(client)?;
    admin.ensure_topic(&stream.topic, stream.partitions, &[].into()).await?;
    let producer = Producer::new(client, &ProducerLimits::default())?;
    for number in 0..rows {
        let value = writing.record(number);
        let record = ProducerRecord {
            topic: &stream.topic,
            partition: Some(KafkaPartition((number % stream.partitions as u64) as i32)),
            key: None,
            value: Some(&value),
            headers: &[],
            timestamp: Micros(1_522_540_800_000_000 + number as i64 * 1_000),
        };
        producer.send(record).await?;
    }
    producer.flush(PATIENCE).await?;
    println!(
        "{rows} rows of {} bytes are in `{}`",
        writing.record(rows / 2).len(),
        stream.topic
    );
    Ok(())
}

/// Gives each batch of the topic to `take`, until all rows have come.
async fn each_batch(
    client: &ClientSettings,
    stream: &Stream,
    rows: u64,
    mut take: impl AsyncFnMut(PolledBatch) -> Outcome<()>,
) -> Outcome<()> {
    let assignments = (0..stream.partitions).map(|partition| Assignment {
        topic: stream.topic.clone(),
        partition: KafkaPartition(partition),
        start: NextOffset::ZERO,
    });
    let (consumer, mut batches) = PolledConsumer::spawn(client, assignments.collect(), ConsumerLimits::default())?;
    let mut seen = 0;
    while seen < rows {
        let batch = tokio::time::timeout(PATIENCE, batches.recv()).await?;
        let batch = batch.ok_or("the consumer ended")??.batch();
        let batch = batch.ok_or("no group, no decisions of one")?;
        seen += batch.len() as u64;
        take(batch).await?;
    }
    consumer.stop().await;
    Ok(())
}

fn intake(stream: &Stream, writing: Writing) -> Outcome<IntakeBench> {
    let mut intake = IntakeBench::new(stream, Vec::new())?;
    if let Writing::Confluent { id } = writing {
        intake.learn(id, &stream.schema.to_avsc());
    }
    Ok(intake)
}

/// Consumes, and decodes as a session does it, on another thread.
async fn decode(client: &ClientSettings, stream: &Stream, rows: u64, writing: Writing) -> Outcome<()> {
    let mut intake = Some(intake(stream, writing)?);
    let (mut decoded_rows, mut dead_rows) = (0, 0);
    each_batch(client, stream, rows, async |batch| {
        let mut at_work = intake.take().ok_or("the decoder is away")?;
        let decoded = tokio::task::spawn_blocking(move || {
            let counts = at_work.take(&batch);
            (at_work, counts)
        });
        let (back, counts) = decoded.await?;
        let (good, dead) = counts?;
        (decoded_rows, dead_rows) = (decoded_rows + good, dead_rows + dead);
        intake = Some(back);
        Ok(())
    })
    .await?;
    let dead = writing.dead(rows);
    if (decoded_rows, dead_rows) == (rows - dead, dead) {
        Ok(())
    } else {
        Err(format!("{decoded_rows} rows and {dead_rows} dead letters of {rows} records").into())
    }
}

/// Everything that is consumed and decoded, held in memory.
async fn decoded(client: &ClientSettings, stream: &Stream, rows: u64, writing: Writing) -> Outcome<Vec<RecordBatch>> {
    let (mut intake, mut decoded) = (intake(stream, writing)?, Vec::new());
    each_batch(client, stream, rows, async |batch| {
        decoded.extend(intake.rows(&batch)?);
        Ok(())
    })
    .await?;
    Ok(decoded)
}

/// Rows into a table, in one commit.
async fn write(stream: &Stream, batches: Vec<RecordBatch>) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let lake = Lake::open(LakeLocation::folder(folder.path())?).await?;
    let table = lake.create(landed_spec(stream)).await?;
    let append = Append {
        batches,
        ..Append::default()
    };
    table.commit(append).await?;
    Ok(())
}

fn wiring(client: &ClientSettings, stream: &Stream, writing: Writing, lake: Arc<Lake>) -> Outcome<IngestWiring> {
    let registry = match (writing, std::env::var("SCHEMA_REGISTRY_URL")) {
        (Writing::Confluent { .. }, Ok(url)) => SchemaRegistry::new(&SchemaRegistrySettings {
            url: Some(Place::new(url)),
            ..SchemaRegistrySettings::default()
        })?,
        _ => None,
    };
    Ok(IngestWiring {
        pipeline: PipelineName::new("bench")?,
        streams: vec![stream.clone()],
        client: client.clone(),
        cluster_id: None,
        sharing: Sharing::Alone,
        schema_registry: registry,
        stages: Vec::new(),
        lake,
        limits: IngestLimits::default(),
        clock: Arc::new(SystemClock),
    })
}

/// Until every row is visible in the table. With limits of its own, and a task that compacts the table meanwhile, if so.
async fn land(
    client: &ClientSettings,
    stream: &Stream,
    rows: u64,
    writing: Writing,
    otherwise: Option<(IngestLimits, bool)>,
) -> Outcome<Option<JoinHandle<u64>>> {
    let folder = Arc::new(tempfile::tempdir()?);
    let lake = Arc::new(Lake::open(LakeLocation::folder(folder.path())?).await?);
    let table = lake.create(landed_spec(stream)).await?;
    let mut wiring = wiring(client, stream, writing, lake)?;
    let mut is_compacted = false;
    if let Some((limits, compacted)) = otherwise {
        (wiring.limits, is_compacted) = (limits, compacted);
    }
    let ingest = Ingest::start(wiring)?;
    let (over, mut is_over) = tokio::sync::watch::channel(false);
    // What it is at when all has landed it ends, with the folder that it works in, but nobody waits for it here.
    let held = Arc::clone(&folder);
    let compacting = is_compacted.then(|| {
        let rules = MaintenanceRules {
            small_files: 10,
            ..MaintenanceRules::default()
        };
        tokio::spawn(async move {
            let mut compactions = 0;
            while !*is_over.borrow_and_update() {
                tokio::time::sleep(COMPACT_EVERY).await;
                // A commit of rows may be faster; it is tried again at the next look.
                compactions += u64::from(matches!(table.optimize_if_due(&rules).await, Ok(Some(_))));
            }
            drop(held);
            compactions
        })
    });
    ingest.wait_caught_up(PATIENCE).await?;
    over.send_replace(true);
    let landed: u64 = ingest.status().iter().map(|status| status.rows).sum();
    ingest.shutdown().await;
    if landed == rows - writing.dead(rows) {
        Ok(compacting)
    } else {
        Err(format!("{landed} rows landed of {rows}").into())
    }
}
