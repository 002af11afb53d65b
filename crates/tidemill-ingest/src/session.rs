//! One run of a stream, from looking up its fences to the first thing that goes wrong, a pause or the end.
//!
//! A session never repairs itself: whatever fails, it ends, what it had taken and not landed is forgotten, and the next
//! session starts from what the tables hold. So there is one way to recover, and it runs at every start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidemill_kafka::{Assignment, ConsumerHandle, KafkaError, PolledBatch, PolledBatches, PolledConsumer};
use tidemill_lake::Append;
use tidemill_types::{KafkaPartition, Micros};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use crate::IngestError;
use crate::budget::Held;
use crate::buffer::Buffer;
use crate::commit_state::{CommitState, PartitionCommit};
use crate::context::StreamContext;
use crate::dead_share::DeadShare;
use crate::fences::dead_commits_update;
use crate::flush::{FlushFacts, FlushReason, flush_reason};
use crate::intake::{Counts, Intake};
use crate::landing::{Flight, Flush, land};
use crate::opening::Opened;
use crate::status::{PartitionProgress, StreamState, StreamStatus};
use crate::waiters::{Command, Reached, Waiters};
use crate::watermark::{PartitionClock, watermark};

/// How often a session looks at what no event tells it: ends of partitions, the budget, the time.
const TICK: Duration = Duration::from_millis(200);

/// How a session ended without an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It was asked to; all it had taken has landed.
    Shutdown,
    /// Somebody has to look at the stream.
    Paused(String),
}

/// What outlives a session.
pub(crate) struct Lifeline {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) shutdown: watch::Receiver<bool>,
    pub(crate) status: watch::Sender<StreamStatus>,
    pub(crate) waiters: Waiters,
}

/// A stream while it runs.
pub(crate) struct Session<'a> {
    context: &'a StreamContext,
    lifeline: &'a mut Lifeline,
    opened: Opened,
    /// None while a batch is being decoded on another thread.
    intake: Option<Intake>,
    consumer: ConsumerHandle,
    batches: PolledBatches,
    buffer: Buffer,
    held: Held,
    flight: Option<Flight>,
    totals: Counts,
    landed_watermark: Option<Micros>,
    dead_share: DeadShare,
    /// Asked to flush once, whatever is there.
    asked: bool,
    discovered_at: Instant,
}

impl<'a> Session<'a> {
    /// Starts to read where the stream stands.
    pub(crate) fn start(
        context: &'a StreamContext,
        lifeline: &'a mut Lifeline,
        opened: Opened,
    ) -> Result<Session<'a>, IngestError> {
        let mut intake = Intake::new(&context.stream);
        let state = opened.held.as_ref().map(|(_, state)| state);
        intake.restore(state.map(|state| &state.stages));
        let totals = state.map_or(Counts::default(), |state| state.totals);
        let landed_watermark = state.and_then(|state| state.watermark);
        let version = opened.held.as_ref().map(|(commit, _)| commit.version);
        let assignments = assignments(context, &opened, opened.parts.keys());
        let spawned = PolledConsumer::spawn(&context.client, assignments, context.limits.consumer.clone());
        let (consumer, batches) = context.kafka(spawned)?;
        lifeline.status.send_modify(|status| {
            status.state = StreamState::Running;
            status.version = version;
        });
        let mut session = Session {
            context,
            lifeline,
            opened,
            intake: Some(intake),
            consumer,
            batches,
            buffer: Buffer::default(),
            held: context.budget.hold(),
            flight: None,
            totals,
            landed_watermark,
            dead_share: DeadShare::new(context.limits.dead_share_rows),
            asked: false,
            discovered_at: Instant::now(),
        };
        session.look_around();
        Ok(session)
    }

    /// Reads and lands until something ends it.
    pub(crate) async fn run(&mut self) -> Result<End, IngestError> {
        loop {
            let blocked = self.flush_if_due();
            if let Some(reason) = self.too_many_dead() {
                self.land_all().await?;
                return Ok(End::Paused(reason));
            }
            if *self.lifeline.shutdown.borrow() {
                self.land_all().await?;
                return Ok(End::Shutdown);
            }
            tokio::select! {
                biased;
                // Whoever asked for a shutdown is heard at the top of the loop; so is one who is no longer there.
                _ = self.lifeline.shutdown.changed() => (),
                landed = landing(&mut self.flight) => self.landed(landed)?,
                command = self.lifeline.commands.recv() => match command {
                    Some(command) => self.obey(command).await?,
                    None => {
                        self.land_all().await?;
                        return Ok(End::Shutdown);
                    }
                },
                batch = self.batches.recv(), if !blocked => self.receive(batch).await?,
                () = tokio::time::sleep(TICK) => self.tick().await?,
            }
        }
    }

    /// Stops reading and waits for the client to close.
    pub(crate) async fn stop(self) {
        self.consumer.stop().await;
    }

    async fn receive(&mut self, batch: Option<Result<PolledBatch, KafkaError>>) -> Result<(), IngestError> {
        match batch {
            Some(Ok(batch)) => self.take(batch).await,
            // The client goes on by itself.
            Some(Err(error)) if error.is_transient() => {
                warn!(stream = %self.context.stream.name, error = %error, "reading `{}` is interrupted", self.context.stream.topic);
                Ok(())
            }
            Some(Err(error)) => self.context.kafka(Err(error)),
            None => self.context.kafka(Err(KafkaError::Stopped)),
        }
    }

    /// Decodes a batch on another thread and buffers what came of it.
    async fn take(&mut self, batch: PolledBatch) -> Result<(), IngestError> {
        let Some(part) = self.opened.parts.get(&batch.partition) else {
            return Ok(());
        };
        let (position, dead_known) = (part.position, part.fences.dead_known.clone());
        let Some(mut intake) = self.intake.take() else {
            return Err(self.internal("the decoder is away"));
        };
        let decoding = tokio::task::spawn_blocking(move || {
            let taken = intake.take(&batch, position, &dead_known);
            (intake, taken)
        });
        let (intake, taken) = decoding.await.map_err(|e| self.internal(&e.to_string()))?;
        self.intake = Some(intake);
        let taken = taken.map_err(|e| self.internal(&e.to_string()))?;
        if let Some(part) = self.opened.parts.get_mut(&taken.partition) {
            part.position = part.position.max(taken.next);
            part.last = taken.last.or(part.last);
        }
        self.dead_share.add(taken.counts.records, taken.counts.dead);
        let bytes = self.buffer.add(taken, Instant::now());
        self.held.add(bytes);
        Ok(())
    }

    /// Starts a flush where one is due and none is on its way. Returns whether reading has to wait for it.
    fn flush_if_due(&mut self) -> bool {
        let reached = self.reached();
        if self.flight.is_none() {
            // With nothing on its way, what was read and is not buffered has landed.
            self.lifeline.waiters.answer(&reached);
        }
        let watermark = self.watermark();
        let day = |time: Option<Micros>| time.map(Micros::day);
        let facts = FlushFacts {
            records: self.buffer.counts.records,
            rows: self.buffer.counts.rows + self.buffer.counts.dead,
            bytes: self.buffer.bytes,
            waited: self.buffer.waited(Instant::now()),
            day_passed: day(watermark) > day(self.landed_watermark),
            asked: self.asked || self.lifeline.waiters.want_flush(&reached),
            over_budget: self.context.budget.exceeded(),
        };
        let Some(reason) = flush_reason(&self.context.limits, &facts) else {
            self.asked &= self.buffer.counts.records > 0;
            return facts.over_budget && self.flight.is_some();
        };
        if self.flight.is_some() {
            return matches!(reason, FlushReason::Rows | FlushReason::Bytes | FlushReason::Budget);
        }
        debug!(stream = %self.context.stream.name, reason = %reason, rows = facts.rows, "flushing `{}`: {reason}", self.context.stream.name);
        self.asked = false;
        self.flight = Some(self.depart(watermark));
        false
    }

    /// Sends everything that is buffered to the tables.
    fn depart(&mut self, watermark: Option<Micros>) -> Flight {
        let buffer = std::mem::take(&mut self.buffer);
        let held = std::mem::replace(&mut self.held, self.context.budget.hold());
        let mut totals = self.totals;
        totals.add(&buffer.counts);
        let watermark = watermark.max(self.landed_watermark);
        let partitions = self.opened.parts.iter().map(|(partition, part)| PartitionCommit {
            partition: *partition,
            start: part.landed,
            next: buffer.next.get(partition).copied().unwrap_or(part.landed),
            last: part.last,
        });
        let state = CommitState {
            pipeline: self.context.pipeline.clone(),
            cluster: self.opened.cluster.clone(),
            topic: self.context.stream.topic.clone(),
            counts: buffer.counts,
            totals,
            watermark,
            partitions: partitions.collect(),
            stages: self.intake.as_ref().map(Intake::stages_state).unwrap_or_default(),
        };
        let info = state.to_info();
        let moved = buffer.next.iter();
        let moved = moved.filter_map(|(partition, next)| Some((self.opened.parts.get(partition)?, *next)));
        let dead = (!buffer.dead.is_empty()).then(|| Append {
            batches: buffer.dead,
            fences: moved
                .clone()
                .map(|(part, next)| part.fences.dead_update(&part.app_id, next))
                .collect(),
            info: info.clone(),
        });
        let main = Append {
            batches: buffer.rows,
            fences: moved
                .map(|(part, next)| part.fences.main_update(&part.app_id, next))
                .collect(),
            info,
        };
        let flush = Flush {
            dead,
            main,
            next: buffer.next.clone(),
        };
        Flight {
            task: tokio::spawn(land(self.context.clone(), self.opened.tables.clone(), flush)),
            next: buffer.next,
            counts: buffer.counts,
            watermark,
            _held: held,
        }
    }

    /// Takes in how the flush on its way ended.
    fn landed(&mut self, outcome: Landed) -> Result<(), IngestError> {
        let Some(flight) = self.flight.take() else {
            return Ok(());
        };
        let committed = outcome.map_err(|e| self.internal(&e.to_string()))??;
        for (partition, next) in &flight.next {
            if let Some(part) = self.opened.parts.get_mut(partition) {
                part.fences.landed(*next, flight.counts.dead > 0);
                part.landed = *next;
            }
        }
        if flight.counts.dead > 0 {
            self.opened.dead_commits = Some(self.opened.dead_commits.unwrap_or(0) + 1);
        }
        self.totals.add(&flight.counts);
        self.landed_watermark = flight.watermark;
        let now = self.context.clock.now();
        self.lifeline.status.send_modify(|status| {
            status.version = Some(committed.version);
            status.committed_at = Some(now);
            status.restarts = 0;
        });
        let stream = &self.context.stream.name;
        debug!(stream = %stream, version = committed.version, rows = committed.rows, "landed {} rows of `{stream}`", committed.rows);
        self.show();
        Ok(())
    }

    /// Lands what is on its way and what is buffered.
    async fn land_all(&mut self) -> Result<(), IngestError> {
        loop {
            if self.flight.is_some() {
                let outcome = landing(&mut self.flight).await;
                self.landed(outcome)?;
            }
            if self.buffer.counts.records == 0 {
                return Ok(());
            }
            self.flight = Some(self.depart(self.watermark()));
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), IngestError> {
        match command {
            Command::CatchUp { targets, reply } => {
                let unknown = targets
                    .keys()
                    .any(|partition| !self.opened.parts.contains_key(partition));
                self.lifeline.waiters.add(targets, reply);
                if unknown {
                    self.discover().await?;
                }
            }
            Command::Flush { reply } => {
                let taken = self
                    .opened
                    .parts
                    .iter()
                    .map(|(partition, part)| (*partition, part.position));
                self.lifeline.waiters.add(taken.collect(), reply);
                self.asked = true;
            }
            Command::Resume => (),
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), IngestError> {
        self.look_around();
        if self.discovered_at.elapsed() >= self.context.limits.discovery_interval {
            self.discover().await?;
        }
        Ok(())
    }

    /// Looks for Kafka partitions that are new and reads them from their beginning.
    async fn discover(&mut self) -> Result<(), IngestError> {
        self.discovered_at = Instant::now();
        let partitions = match self.context.admin.partitions(&self.context.stream.topic).await {
            Ok(partitions) => partitions,
            // The next look will do.
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return self.context.kafka(Err(error)),
        };
        let new = self.context.open_parts(&mut self.opened, &partitions).await?;
        if new.is_empty() {
            return Ok(());
        }
        let added = self.consumer.add(assignments(self.context, &self.opened, new.iter()));
        self.context.kafka(added)
    }

    /// Takes in what the client says of the ends of partitions.
    fn look_around(&mut self) {
        let now = Instant::now();
        for status in self.consumer.status() {
            if let Some(part) = self.opened.parts.get_mut(&status.partition) {
                if status.at_end {
                    part.at_end_since.get_or_insert(now);
                } else {
                    part.at_end_since = None;
                }
            }
        }
        self.show();
    }

    fn watermark(&self) -> Option<Micros> {
        let now = Instant::now();
        let intake = self.intake.as_ref()?;
        let idle_after = self.context.limits.idle_after;
        let clocks = self.opened.parts.iter().map(|(partition, part)| PartitionClock {
            newest: intake.newest_event(*partition),
            idle: part
                .at_end_since
                .is_some_and(|since| now.saturating_duration_since(since) >= idle_after),
        });
        watermark(&clocks.collect::<Vec<_>>(), self.context.stream.lateness.as_micros())
    }

    fn reached(&self) -> BTreeMap<KafkaPartition, Reached> {
        if self.lifeline.waiters.is_empty() {
            return BTreeMap::new();
        }
        let statuses = self.consumer.status();
        let at = |partition: KafkaPartition, part: &crate::opening::Part| {
            let status = statuses.iter().find(|status| status.partition == partition);
            // At the end only counts once what the client handed over has been taken from the channel.
            let status = status.filter(|status| status.at_end && status.position <= part.position);
            Reached {
                landed: part.landed,
                position: part.position,
                read_to: status.and_then(|status| status.end),
            }
        };
        let parts = self.opened.parts.iter();
        parts
            .map(|(partition, part)| (*partition, at(*partition, part)))
            .collect()
    }

    fn too_many_dead(&self) -> Option<String> {
        let (dead, records) = self.dead_share.exceeds(self.context.limits.dead_share_max)?;
        Some(format!(
            "{dead} of the newest {records} records could not be decoded, more than {} %; the dead-letter table says why",
            self.context.limits.dead_share_max * 100.0
        ))
    }

    /// Publishes how the stream is doing.
    fn show(&self) {
        let statuses = self.consumer.status();
        let progress = self.opened.parts.iter().map(|(partition, part)| {
            let status = statuses.iter().find(|status| status.partition == *partition);
            let end = status.and_then(|status| status.end);
            let all_landed = status.is_some_and(|status| status.at_end) && part.landed >= part.position;
            PartitionProgress {
                partition: *partition,
                landed: part.landed,
                taken: part.position,
                end,
                lag: if all_landed {
                    Some(0)
                } else {
                    end.map(|end| part.landed.lag(end))
                },
            }
        });
        let partitions: Vec<PartitionProgress> = progress.collect();
        let in_flight = self.flight.as_ref().map_or(0, |flight| flight.counts.rows);
        self.lifeline.status.send_if_modified(|status| {
            let before = status.clone();
            status.lag_rows = partitions.iter().map(|partition| partition.lag).sum();
            status.partitions = partitions;
            status.rows = self.totals.rows;
            status.dead = self.totals.dead;
            status.tombstones = self.totals.tombstones;
            status.late = self.totals.late;
            status.unknown_fields = self.totals.unknown_fields;
            status.buffered_rows = self.buffer.counts.rows + in_flight;
            status.watermark = self.landed_watermark;
            *status != before
        });
    }

    fn internal(&self, reason: &str) -> IngestError {
        IngestError::Internal {
            stream: self.context.stream.name.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// How a flush ended: its task may have been cut off.
type Landed = Result<Result<tidemill_lake::Committed, IngestError>, tokio::task::JoinError>;

/// Waits for the flush on its way; for ever where there is none.
async fn landing(flight: &mut Option<Flight>) -> Landed {
    match flight {
        Some(flight) => (&mut flight.task).await,
        None => std::future::pending().await,
    }
}

fn assignments<'p>(
    context: &StreamContext,
    opened: &Opened,
    partitions: impl Iterator<Item = &'p KafkaPartition>,
) -> Vec<Assignment> {
    let start_of = |partition: &KafkaPartition| {
        let part = opened.parts.get(partition)?;
        Some(Assignment {
            topic: context.stream.topic.clone(),
            partition: *partition,
            start: part.position,
        })
    };
    partitions.filter_map(start_of).collect()
}
