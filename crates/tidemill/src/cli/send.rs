//! `tidemill simulate` and `tidemill replay`: events into Kafka, and the wait until they have landed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidemill_api::{Operations, Status};
use tidemill_kafka::{Admin, ClientSettings, Producer};
use tidemill_project::Project;
use tidemill_sources::{
    Also, DriftSwitch, Replay, ReplayOptions, ReplayReport, SimulatorSettings, Source, StopFlag, WallSleeper,
    producer_limits,
};
use tidemill_types::{ColumnName, ErrorCode, Explain, KafkaPartition, NextOffset, Problem, StreamName};

use super::args::{ReplayArgs, SimulateArgs};
use super::context::{Context, Reached};
use super::failure::{Failure, json, line};
use crate::house::{Parts, client_settings};
use crate::render::{Progress, bytes, count};
use crate::signal::StopSignals;

/// Longest wait for what was sent to land.
const LANDING_WAIT_MAX: Duration = Duration::from_hours(1);
/// Between two looks at a running server's lag.
const LAG_POLL_INTERVAL: Duration = Duration::from_millis(200);
/// What a drift switch on the command line changes: amounts and habits, as a bad season would.
const DRIFT: DriftSwitch = DriftSwitch {
    from_day: 0,
    amount_factor: 1.5,
    rate_factor: 1.2,
    later_seconds: 7_200,
};
/// The columns of a simulated transaction's label.
const LABEL_COLUMNS: [&str; 3] = ["TRANSACTION_ID", "TX_FRAUD", "TX_FRAUD_SCENARIO"];

/// The first offset after the last, by stream and partition.
type LogEnds = BTreeMap<(StreamName, KafkaPartition), NextOffset>;

/// What is sent, and whether the command waits until it has landed.
struct Sending {
    command: &'static str,
    source: Source,
    options: ReplayOptions,
    wait: bool,
}

pub async fn simulate(context: &Context, args: SimulateArgs) -> Result<(), Failure> {
    let settings = SimulatorSettings {
        customers: args.customers,
        terminals: args.terminals,
        start: args.start,
        days: Some(args.days),
        seed: args.seed,
        drift: args.drift_day.map(|from_day| DriftSwitch {
            from_day,
            amount_factor: args.drift_amount,
            ..DRIFT
        }),
        ..SimulatorSettings::default()
    };
    let mut options = simulator_options(args.stream, args.labels, args.label_delay, args.speed)?;
    options.again = args.again;
    let sending = Sending {
        command: "simulate",
        source: Source::Simulator(settings),
        options,
        wait: !args.no_wait,
    };
    send(context, sending).await
}

pub async fn replay(context: &Context, args: ReplayArgs) -> Result<(), Failure> {
    let options = ReplayOptions {
        stream: args.stream,
        also: args.also,
        time: args.time,
        speed: args.speed,
        again: args.again,
    };
    let sending = Sending {
        command: "replay",
        source: Source::File(args.file),
        options,
        wait: !args.no_wait,
    };
    send(context, sending).await
}

/// Transactions to one stream, their labels later to another.
pub fn simulator_options(
    stream: StreamName,
    labels: StreamName,
    delay: tidemill_types::DurationText,
    speed: tidemill_sources::Speed,
) -> Result<ReplayOptions, Problem> {
    let columns = LABEL_COLUMNS
        .into_iter()
        .map(ColumnName::new)
        .collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
    Ok(ReplayOptions {
        stream,
        also: vec![Also {
            stream: labels,
            columns,
            delay,
        }],
        time: None,
        speed,
        again: false,
    })
}

async fn send(context: &Context, sending: Sending) -> Result<(), Failure> {
    let project = context.project()?;
    // Without a running server the command is the whole house: it runs the broker, lands what it sends, and stops.
    let reached = context.reach_with(sending.command, Parts::all()).await?;
    let done = send_to(context, &project, &reached, sending).await;
    reached.close().await?;
    done
}

async fn send_to(context: &Context, project: &Project, reached: &Reached, sending: Sending) -> Result<(), Failure> {
    let client = match reached {
        Reached::Here { house, .. } => house.kafka().map(|kafka| kafka.client().clone()),
        Reached::Server { client, .. } => Some(client_settings(project, &client.status().await?.kafka.bootstrap)?),
    };
    let client = client.ok_or_else(|| Problem::new(ErrorCode::Internal, "the house was opened without Kafka"))?;
    let stop = StopFlag::default();
    let heard = stop.clone();
    let mut signals = StopSignals::listen();
    let listener = tokio::spawn(async move {
        signals.heard().await;
        heard.stop();
    });
    let report = run_replay(
        context.global.quiet,
        project,
        &client,
        sending.source,
        sending.options,
        &stop,
    )
    .await;
    listener.abort();
    let report = report?;
    if sending.wait && !report.stopped {
        let mut signals = StopSignals::listen();
        tokio::select! {
            landed = wait_until_landed(context, project, &client, reached) => landed?,
            () = signals.heard() => {
                line("stopped; everything was sent, and lands when `tidemill up` runs")?;
                return Err(Failure::Interrupted);
            }
        }
    }
    if context.global.json {
        json(&report)?;
        return if report.stopped {
            Err(Failure::Interrupted)
        } else {
            Ok(())
        };
    }
    show(&report)
}

/// Plans a replay and runs it, with a bar of records.
pub async fn run_replay(
    quiet: bool,
    project: &Project,
    client: &ClientSettings,
    source: Source,
    options: ReplayOptions,
    stop: &StopFlag,
) -> Result<ReplayReport, Problem> {
    let streams = project.streams.clone();
    let planned = tokio::task::spawn_blocking(move || Replay::plan(&source, &streams, &options)).await;
    let replay = planned
        .map_err(|error| Problem::new(ErrorCode::Internal, format!("the plan broke off: {error}")))?
        .map_err(|error| error.problem())?;
    if !quiet && !replay.left_out().is_empty() {
        eprintln!(
            "columns that no stream has are left out: {}",
            replay.left_out().join(", ")
        );
    }
    let lanes = replay.lanes().len() as u64;
    let progress = match replay.rows() {
        Some(rows) => Progress::bar(quiet, replay.source_name(), "records", rows * lanes),
        None => Progress::spinner(quiet, replay.source_name()),
    };
    let admin = Admin::connect(client).map_err(|error| error.problem())?;
    let producer = Producer::new(client, &producer_limits()).map_err(|error| error.problem())?;
    let shown = Arc::new(Mutex::new(progress.clone()));
    let tell = move |at: &tidemill_sources::Progress| {
        let bar = shown.lock().unwrap_or_else(PoisonError::into_inner);
        bar.set(at.sent + at.skipped);
        if let Some(known) = at.known {
            bar.say(known.to_string());
        }
    };
    let report = replay
        .run(&producer, &admin, Box::new(WallSleeper::default()), tell, stop)
        .await;
    progress.finish();
    report.map_err(|error| error.problem())
}

/// Where the log of each partition of the project's topics ends now.
async fn log_ends(project: &Project, client: &ClientSettings) -> Result<LogEnds, Problem> {
    let admin = Admin::connect(client).map_err(|error| error.problem())?;
    let mut ends = LogEnds::new();
    for stream in project.streams.values() {
        for partition in admin.partitions(&stream.topic).await.map_err(|error| error.problem())? {
            let watermarks = admin.watermarks(&stream.topic, partition).await;
            let end = watermarks.map_err(|error| error.problem())?.high_watermark;
            ends.insert((stream.name.clone(), partition), end);
        }
    }
    Ok(ends)
}

/// Records below `ends` that have not landed yet. What a server says its lag is can be older than what was just sent.
fn records_to_land(status: &Status, ends: &LogEnds) -> u64 {
    let landed: BTreeMap<_, _> = status
        .streams
        .iter()
        .flat_map(|stream| {
            stream
                .partitions
                .iter()
                .map(|at| ((&stream.stream, at.partition), at.next))
        })
        .collect();
    ends.iter()
        .map(|((stream, partition), end)| {
            let next = landed.get(&(stream, *partition)).map_or(0, |next| next.0);
            (end.0 - next).max(0).unsigned_abs()
        })
        .sum()
}

async fn wait_until_landed(
    context: &Context,
    project: &Project,
    kafka: &ClientSettings,
    reached: &Reached,
) -> Result<(), Failure> {
    let progress = Progress::spinner(context.global.quiet, "landing");
    match reached {
        Reached::Here { house, .. } => {
            if let Some(kafka) = house.kafka() {
                kafka.wait_until_landed(LANDING_WAIT_MAX).await?;
            }
        }
        Reached::Server { client, .. } => {
            let ends = log_ends(project, kafka).await?;
            let landed = async {
                loop {
                    let status = client.status().await?;
                    let lag = records_to_land(&status, &ends);
                    let broken = status.streams.iter().find_map(|stream| stream.problem.clone());
                    if let Some(problem) = broken {
                        return Err(problem);
                    }
                    if lag == 0 {
                        return Ok(());
                    }
                    progress.say(format!("landing: {} records to go", count(lag)));
                    tokio::time::sleep(LAG_POLL_INTERVAL).await;
                }
            };
            tokio::time::timeout(LANDING_WAIT_MAX, landed).await.map_err(|_| {
                Problem::new(ErrorCode::TimedOut, "what was sent did not land in an hour").with_hint("tidemill status")
            })??;
        }
    }
    progress.finish();
    Ok(())
}

fn show(report: &ReplayReport) -> Result<(), Failure> {
    for stream in &report.streams {
        let before = match stream.skipped {
            0 => String::new(),
            skipped => format!(", {} were there before", count(skipped)),
        };
        line(format!(
            "{}: {} records, {}, to topic {}{before}",
            stream.stream,
            count(stream.rows),
            bytes(stream.bytes),
            stream.topic
        ))?;
    }
    let rate = report.rows() as f64 / report.elapsed.as_secs_f64().max(1e-3);
    line(format!(
        "{:.1} s, {} records a second",
        report.elapsed.as_secs_f64(),
        count(rate as u64)
    ))?;
    if report.stopped {
        line("stopped; the same command goes on from here")?;
        Err(Failure::Interrupted)
    } else {
        Ok(())
    }
}
