//! Decoding alone, in rows per CPU second of one core: `cargo bench -p tidemill-ingest --bench decode`.
//!
//! The yardstick is arrow-json, message by message, in the same run. One message in a hundred that is broken may cost a tenth
//! of the speed; a batch stage that does nothing, nothing that can be measured.

mod events;

use std::fs;
use std::hint::black_box;

use arrow::json::ReaderBuilder;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use tidemill_ingest::measure::IntakeBench;
use tidemill_ingest::{BatchStage, HeldState, StagedBatch};
use tidemill_kafka::{BatchBuilder, PolledBatch};
use tidemill_project::Format;
use tidemill_types::{KafkaPartition, LastOffset, TopicName};

use events::{BROKEN_EVERY, avro, broken, payment, stream};

const ROWS: u64 = 4_096;

/// CPU time of this thread in nanoseconds: other work on the machine is not counted.
struct CpuTime;

fn cpu_nanos() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        cpu_nanos()
    }

    fn end(&self, start: u64) -> u64 {
        cpu_nanos().saturating_sub(start)
    }

    fn add(&self, left: &u64, right: &u64) -> u64 {
        left + right
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, value: &u64) -> f64 {
        // Criterion divides by what it measures.
        (*value).max(1) as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        const WALL: &WallTime = &WallTime;
        WALL.formatter()
    }
}

/// A stage that does nothing.
struct Idle;

impl BatchStage for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn see(&mut self, batch: &mut StagedBatch<'_>) {
        black_box(batch.rows.num_rows());
    }

    fn state(&self, _: KafkaPartition) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: KafkaPartition, _: HeldState<'_>) {}
}

fn batch(values: &[Vec<u8>]) -> PolledBatch {
    let topic = TopicName::new("payments").expect("a literal");
    let bytes = values.iter().map(Vec::len).sum();
    let mut builder = BatchBuilder::new(topic, KafkaPartition(0), 0, values.len(), bytes);
    for (offset, value) in values.iter().enumerate() {
        builder.push(LastOffset(offset as i64), 1_600_000_000_000, None, Some(value), &[]);
    }
    builder.finish()
}

fn decode(criterion: &mut Criterion<CpuTime>) {
    let good: Vec<Vec<u8>> = (0..ROWS).map(|number| payment(number).into_bytes()).collect();
    let with_broken: Vec<Vec<u8>> = (0..ROWS)
        .zip(&good)
        .map(|(number, message)| match number % BROKEN_EVERY {
            0 => broken(number, message),
            _ => message.clone(),
        })
        .collect();
    let binary: Vec<Vec<u8>> = (0..ROWS).map(avro).collect();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS));
    let cases: [(&str, Format, &[Vec<u8>], bool); 4] = [
        ("json", Format::Json, &good, false),
        ("json, 1 % broken", Format::Json, &with_broken, false),
        ("json, with a stage that does nothing", Format::Json, &good, true),
        ("avro", Format::Avro, &binary, false),
    ];
    for (name, format, values, staged) in cases {
        let stages: Vec<Box<dyn BatchStage>> = if staged { vec![Box::new(Idle)] } else { Vec::new() };
        let mut intake = IntakeBench::new(&stream("payments", format), stages).expect("one stage");
        let batch = batch(values);
        let (rows, dead) = intake.take(&batch).expect("columns of the schema");
        assert_eq!(rows + dead, ROWS, "{name}");
        assert_eq!(dead > 0, name.contains("broken"), "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| intake.take(black_box(&batch))));
    }
    let schema = stream("payments", Format::Json).schema.arrow();
    let mut theirs = ReaderBuilder::new(schema)
        .with_batch_size(ROWS as usize + 1)
        .build_decoder()
        .expect("types that arrow-json reads");
    group.bench_function("arrow-json, message by message", |bencher| {
        bencher.iter(|| {
            for message in &good {
                theirs.decode(message).expect("a good message");
            }
            theirs.flush().expect("good messages")
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).sample_size(20);
    targets = decode
}
criterion_main!(benches);
