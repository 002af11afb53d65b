//! Records per second and core, in and out of the broker: `cargo bench -p tidemill-broker`.
//!
//! The broker runs in a process of its own, so that its CPU time can be told from the client's: the client sends batches that
//! were encoded once and counts what comes back by the batches' headers, and costs next to nothing. Goal: a million records of
//! 238 bytes in and out per CPU second of the broker.
//!
//! `KAFKA_BOOTSTRAP` with `KAFKA_PID` does the same work on another broker; see `beside_kafka.sh`.

mod client;
mod process;

use std::error::Error;
use std::time::Instant;

use client::{Client, batch_of};
use process::{BrokerProcess, cpu_seconds};

/// Records of one round, by `RECORDS` in the environment.
const RECORDS_DEFAULT: usize = 4_000_000;
const VALUE_BYTES: usize = 238;
const PARTITIONS: i32 = 4;
/// Requests that are sent before their answers are awaited, as by the usual clients.
const IN_FLIGHT: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    if process::serve_if_asked()? {
        return Ok(());
    }
    // `cargo test --benches` only asks whether it runs.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let records = match std::env::var("RECORDS") {
        Ok(records) => records.parse()?,
        Err(_) if is_test => 20_000,
        Err(_) => RECORDS_DEFAULT,
    };
    let broker = BrokerProcess::start()?;
    println!("{records} records of {VALUE_BYTES} bytes, {PARTITIONS} partitions, one connection");
    println!("{:<34} {:>12} {:>10} {:>16}", "", "records/s", "CPU s", "records/CPU s");
    for batch_records in [100, 1_000, 4_000] {
        round(&broker, records, batch_records)?;
    }
    Ok(())
}

/// Sends all records in batches of one size to a new topic, and reads them back.
fn round(broker: &BrokerProcess, records: usize, batch_records: usize) -> Result<(), Box<dyn Error>> {
    let topic = format!("bench-{}-{batch_records}", std::process::id());
    let batch = batch_of(batch_records, VALUE_BYTES)?;
    let batches = records / batch_records;
    let mut client = Client::connect(broker.address())?;
    client.create_topic(&topic, PARTITIONS)?;
    report(
        &format!("in, batches of {batch_records}"),
        broker,
        batches * batch_records,
        || client.produce(&topic, PARTITIONS, &batch, batches, IN_FLIGHT),
    )?;
    report(
        &format!("out, batches of {batch_records}"),
        broker,
        batches * batch_records,
        || {
            let read = client.consume(&topic, PARTITIONS, batches * batch_records)?;
            if read == batches * batch_records {
                Ok(())
            } else {
                Err(format!("{read} records came back of {}", batches * batch_records).into())
            }
        },
    )
}

fn report(
    what: &str,
    broker: &BrokerProcess,
    records: usize,
    work: impl FnOnce() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let (started, cpu_before) = (Instant::now(), cpu_seconds(broker.pid())?);
    work()?;
    let wall_seconds = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds(broker.pid())? - cpu_before;
    let (per_second, per_cpu_second) = (records as f64 / wall_seconds, records as f64 / cpu.max(0.01));
    println!("{what:<34} {per_second:>12.0} {cpu:>10.2} {per_cpu_second:>16.0}");
    Ok(())
}
