//! One run of a stream, from looking up its fences to the first thing that goes wrong, a pause or the end.
//!
//! A session never repairs itself: whatever fails, it ends, what it had taken and not landed is forgotten, and the next
//! session starts from what the tables hold. So there is one way to recover, and it runs at every start.

mod flushing;
mod learning;
mod sharing;
mod view;

use std::time::{Duration, Instant};

use tidemill_kafka::{Assignment, ConsumerHandle, KafkaError, Polled, PolledBatch, PolledBatches, PolledConsumer};
use tidemill_types::{KafkaPartition, Micros};
use tokio::sync::{mpsc, watch};
use tracing::warn;

use self::flushing::landing;
use crate::IngestError;
use crate::budget::Held;
use crate::buffer::Buffer;
use crate::context::StreamContext;
use crate::dead_share::DeadShare;
use crate::intake::Intake;
use crate::landing::Flight;
use crate::late::LATE;
use crate::opening::Opened;
use crate::stage::{BatchStage, HeldState, StageFault, Stages};
use crate::status::{StreamState, StreamStatus};
use crate::waiters::{Command, Waiters};

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
    /// What its user added.
    pub(crate) stages: Stages,
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
    landed_watermark: Option<Micros>,
    dead_share: DeadShare,
    /// Asked to flush once, whatever is there.
    asked: bool,
    discovered_at: Instant,
    looked_at_others: Instant,
}

impl<'a> Session<'a> {
    /// Starts to read where the stream stands.
    pub(crate) fn start(
        context: &'a StreamContext,
        lifeline: &'a mut Lifeline,
        opened: Opened,
    ) -> Result<Session<'a>, IngestError> {
        let mut intake = Intake::new(&context.stream, context.decode_limits(), lifeline.stages.clone());
        for (partition, part) in &opened.parts {
            intake.restore(*partition, opened.stages_of(*partition), part.position);
        }
        let landed_watermark = opened.known.watermark;
        let version = opened.held_version;
        let limits = context.limits.consumer.clone();
        let started = match &context.membership {
            Some(membership) => PolledConsumer::join(&context.client, membership, limits),
            None => {
                let assignments = assignments(context, &opened, opened.parts.keys());
                PolledConsumer::spawn(&context.client, assignments, limits)
            }
        };
        let (consumer, batches) = context.kafka(started)?;
        lifeline.status.send_modify(|status| {
            status.state = StreamState::Running;
            status.version = version;
            // Whoever sees that it runs also sees how far it had come.
            status.watermark = landed_watermark;
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
            landed_watermark,
            dead_share: DeadShare::new(context.limits.dead_share_rows),
            asked: false,
            discovered_at: Instant::now(),
            looked_at_others: Instant::now(),
        };
        session.look_around();
        Ok(session)
    }

    /// Reads and lands until something ends it.
    pub(crate) async fn run(&mut self) -> Result<End, IngestError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let blocked = self.flush_if_due()?;
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
                command = self.lifeline.commands.recv() => {
                    let Some(command) = command else {
                        self.land_all().await?;
                        return Ok(End::Shutdown);
                    };
                    self.obey(command).await?;
                }
                _ = ticks.tick() => self.tick().await?,
                batch = self.batches.recv(), if !blocked => self.receive(batch).await?,
            }
        }
    }

    /// Stops reading, and waits for the client to close and for a flush that is still on its way: the next session must
    /// find the fences where that one leaves them.
    pub(crate) async fn stop(mut self) {
        if self.flight.is_some() {
            let outcome = landing(&mut self.flight).await;
            if let Err(error) = outcome.map_err(|e| self.internal(&e.to_string())).flatten() {
                let stream = &self.context.stream.name;
                warn!(stream = %stream, error = ?error, "a flush of `{stream}` failed as well");
            }
        }
        for partition in self.opened.parts.keys() {
            self.lifeline.stages.release(*partition);
        }
        self.consumer.stop().await;
    }

    async fn receive(&mut self, polled: Option<Result<Polled, KafkaError>>) -> Result<(), IngestError> {
        match polled {
            Some(Ok(Polled::Batch(batch))) => self.take(batch).await,
            Some(Ok(Polled::Granted(partitions))) => self.granted(&partitions).await,
            Some(Ok(Polled::Revoked { partitions, lost })) => self.revoked(partitions, lost).await,
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
        let unlearned = intake.unlearned(&batch);
        if !unlearned.is_empty() {
            match self.schemas(unlearned).await {
                Ok(schemas) => schemas.iter().for_each(|(id, text)| intake.learn(*id, text)),
                Err(error) => {
                    // What was taken before does not have to wait for the registry.
                    self.intake = Some(intake);
                    self.land_all().await?;
                    return Err(error);
                }
            }
        }
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

    async fn obey(&mut self, command: Command) -> Result<(), IngestError> {
        match command {
            Command::CatchUp { targets, reply } => {
                let known = &self.opened.topic_partitions;
                let unknown = targets.keys().any(|partition| !known.contains(partition));
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
            Command::AddStage { stage, reply } => {
                self.land_all().await?;
                let _ = reply.send(self.join(stage));
            }
            Command::RemoveStage { name, reply } => {
                self.land_all().await?;
                let removed = self.lifeline.stages.remove(&name);
                let _ = reply.send(removed.map_err(|source| self.stage_fault(source)));
            }
            Command::Resume => (),
        }
        Ok(())
    }

    /// Adds a stage. Everything that was taken has landed, so it begins where the last commit ends.
    fn join(&self, mut stage: Box<dyn BatchStage>) -> Result<(), IngestError> {
        for (partition, part) in &self.opened.parts {
            let states = self.opened.stages_of(*partition);
            let held = HeldState {
                state: states.and_then(|states| states.get(stage.name())),
                next: part.position,
            };
            stage.restore(*partition, held);
        }
        let added = self.lifeline.stages.add(stage, LATE);
        added.map_err(|source| self.stage_fault(source))
    }

    fn stage_fault(&self, source: StageFault) -> IngestError {
        IngestError::Stage {
            stream: self.context.stream.name.clone(),
            source,
        }
    }

    async fn tick(&mut self) -> Result<(), IngestError> {
        self.look_around();
        if self.discovered_at.elapsed() >= self.context.limits.discovery_interval {
            self.discover().await?;
        }
        self.look_at_others_now_and_then().await;
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
        self.opened.topic_partitions.clone_from(&partitions);
        if self.context.membership.is_some() {
            // The group grants new ones to somebody.
            return Ok(());
        }
        let new = self.context.open_parts(&mut self.opened, &partitions).await?;
        if new.is_empty() {
            return Ok(());
        }
        self.begin(&new);
        let added = self.consumer.add(assignments(self.context, &self.opened, new.iter()));
        self.context.kafka(added)
    }

    fn internal(&self, reason: &str) -> IngestError {
        IngestError::Internal {
            stream: self.context.stream.name.clone(),
            reason: reason.to_owned(),
        }
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
