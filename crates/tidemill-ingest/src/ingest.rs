//! Ingest as a whole: one task a stream, and the handle on all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use tidemill_kafka::{Admin, ClientSettings, Membership};
use tidemill_lake::Lake;
use tidemill_project::Stream;
use tidemill_types::{Clock, KafkaPartition, NextOffset, PipelineName, StreamName};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::error;

use crate::budget::Budget;
use crate::context::StreamContext;
use crate::late::LATE;
use crate::session::Lifeline;
use crate::stage::{BatchStage, Stages};
use crate::status::StreamStatus;
use crate::stream::run_stream;
use crate::waiters::{Command, Reply, Waiters};
use crate::{IngestError, IngestLimits, SchemaRegistry};

/// Commands to a stream that may wait for it.
const COMMANDS_WAITING: usize = 16;

/// What ingest is made of.
pub struct IngestWiring {
    /// Who lands: part of each fence's app id and of the consumer group's name.
    pub pipeline: PipelineName,
    /// What is landed.
    pub streams: Vec<Stream>,
    /// How to reach the broker.
    pub client: ClientSettings,
    /// For a broker that has no cluster id of its own.
    pub cluster_id: Option<String>,
    /// How partitions are shared with other workers.
    pub sharing: Sharing,
    /// For streams whose records name their schemas there.
    pub schema_registry: Option<SchemaRegistry>,
    /// The batch stages that see a stream from its first batch on. Others join later by [`IngestHandle::add_stage`].
    pub stages: Vec<(StreamName, Box<dyn BatchStage>)>,
    /// Where to.
    pub lake: Arc<Lake>,
    /// Every limit.
    pub limits: IngestLimits,
    /// For the times that status displays show.
    pub clock: Arc<dyn Clock>,
}

/// How the Kafka partitions of a stream are shared with other workers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sharing {
    /// Not at all: this process reads all of them.
    #[default]
    Alone,
    /// By a consumer group for each stream.
    Group {
        /// The worker's name. One that comes back under it gets its partitions back without a rebalance.
        worker: Option<String>,
    },
}

/// Starts ingest.
pub struct Ingest;

/// The handle on all streams. Dropped, it tells them to stop without waiting.
pub struct IngestHandle {
    admin: Admin,
    shutdown: watch::Sender<bool>,
    streams: BTreeMap<StreamName, StreamHandle>,
}

struct StreamHandle {
    stream: Arc<Stream>,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<StreamStatus>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// The consumer group under which a pipeline's progress is shown, and by which the in-process broker keeps records.
pub fn group_name(pipeline: &PipelineName) -> String {
    format!("tidemill-{pipeline}")
}

/// The consumer group in which the workers of a pipeline share a stream's partitions.
fn members_group_name(pipeline: &PipelineName, stream: &StreamName) -> String {
    format!("tidemill-{pipeline}-{stream}")
}

impl Ingest {
    /// Starts a task for each stream. Errors here are of the Kafka settings and of stages that their streams cannot have;
    /// everything else shows in the streams' states.
    pub fn start(wiring: IngestWiring) -> Result<IngestHandle, IngestError> {
        let admin = Admin::connect(&wiring.client).map_err(|source| IngestError::Client(Box::new(source)))?;
        let mut stages: BTreeMap<StreamName, Stages> = BTreeMap::new();
        for (stream, stage) in wiring.stages {
            if !wiring.streams.iter().any(|known| known.name == stream) {
                return Err(IngestError::UnknownStream(stream));
            }
            let added = stages.entry(stream.clone()).or_default().add(stage, LATE);
            added.map_err(|source| IngestError::Stage { stream, source })?;
        }
        let (shutdown, _) = watch::channel(false);
        let budget = Budget::new(wiring.limits.buffer_bytes);
        let mut streams = BTreeMap::new();
        for stream in wiring.streams {
            let stream = Arc::new(stream);
            let context = StreamContext {
                stream: Arc::clone(&stream),
                pipeline: wiring.pipeline.clone(),
                group: group_name(&wiring.pipeline),
                membership: match &wiring.sharing {
                    Sharing::Alone => None,
                    Sharing::Group { worker } => Some(Membership {
                        group: members_group_name(&wiring.pipeline, &stream.name),
                        topic: stream.topic.clone(),
                        instance: worker.clone(),
                    }),
                },
                cluster_id: wiring.cluster_id.clone(),
                client: wiring.client.clone(),
                admin: admin.clone(),
                schema_registry: wiring.schema_registry.clone(),
                lake: Arc::clone(&wiring.lake),
                limits: wiring.limits.clone(),
                clock: Arc::clone(&wiring.clock),
                budget: budget.clone(),
            };
            let (commands, command_queue) = mpsc::channel(COMMANDS_WAITING);
            let (status_sender, status) = watch::channel(StreamStatus::new(stream.name.clone(), stream.topic.clone()));
            let lifeline = Lifeline {
                commands: command_queue,
                shutdown: shutdown.subscribe(),
                status: status_sender,
                waiters: Waiters::default(),
                stages: stages.remove(&stream.name).unwrap_or_default(),
            };
            let task = Mutex::new(Some(tokio::spawn(run_stream(context, lifeline))));
            let handle = StreamHandle {
                stream: Arc::clone(&stream),
                commands,
                status,
                task,
            };
            streams.insert(stream.name.clone(), handle);
        }
        Ok(IngestHandle {
            admin,
            shutdown,
            streams,
        })
    }
}

impl IngestHandle {
    /// How every stream is doing, by name.
    pub fn status(&self) -> Vec<StreamStatus> {
        self.streams
            .values()
            .map(|stream| stream.status.borrow().clone())
            .collect()
    }

    /// The status of one stream as it changes.
    pub fn watch(&self, stream: &StreamName) -> Option<watch::Receiver<StreamStatus>> {
        self.streams.get(stream).map(|stream| stream.status.clone())
    }

    /// Waits until every record that is in the topics now has landed. Errors with the first stream that does not run
    /// (paused, failed, stopped), or when `limit` is reached.
    pub async fn wait_caught_up(&self, limit: Duration) -> Result<(), IngestError> {
        let streams = self.streams.values();
        let waiting = streams.map(|handle| handle.within(limit, handle.catch_up(&self.admin)));
        try_join_all(waiting).await?;
        Ok(())
    }

    /// The same for one stream alone: whoever wrote into its topic waits for nobody else's records.
    pub async fn wait_stream_caught_up(&self, stream: &StreamName, limit: Duration) -> Result<(), IngestError> {
        let handle = self.streams.get(stream);
        let handle = handle.ok_or_else(|| IngestError::UnknownStream(stream.clone()))?;
        handle.within(limit, handle.catch_up(&self.admin)).await
    }

    /// Lands what every stream has taken by now.
    pub async fn flush_now(&self) -> Result<(), IngestError> {
        let streams = self.streams.values();
        try_join_all(streams.map(|handle| handle.ask(|reply| Command::Flush { reply }))).await?;
        Ok(())
    }

    /// Starts a paused or failed stream again from what its table holds.
    pub async fn resume(&self, stream: &StreamName) -> Result<(), IngestError> {
        let handle = self.streams.get(stream);
        let handle = handle.ok_or_else(|| IngestError::UnknownStream(stream.clone()))?;
        let sent = handle.commands.send(Command::Resume).await;
        sent.map_err(|_| handle.not_running())
    }

    /// Lets a stage join a stream behind everything that it has taken, which lands first.
    pub async fn add_stage(&self, stream: &StreamName, stage: Box<dyn BatchStage>) -> Result<(), IngestError> {
        let handle = self.streams.get(stream);
        let handle = handle.ok_or_else(|| IngestError::UnknownStream(stream.clone()))?;
        handle.ask(|reply| Command::AddStage { stage, reply }).await
    }

    /// Lets a stage leave; everything that it has seen lands first.
    pub async fn remove_stage(&self, stream: &StreamName, name: &str) -> Result<Box<dyn BatchStage>, IngestError> {
        let handle = self.streams.get(stream);
        let handle = handle.ok_or_else(|| IngestError::UnknownStream(stream.clone()))?;
        let name = name.to_owned();
        handle.ask(|reply| Command::RemoveStage { name, reply }).await
    }

    /// Stops reading, lands what was taken, and returns when every stream has ended. A second call returns at once.
    pub async fn shutdown(&self) {
        self.shutdown.send_replace(true);
        // All of them were told at once; waiting for one after the other costs nothing.
        for (name, handle) in &self.streams {
            let task = handle.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task
                && let Err(cause) = task.await
            {
                error!(stream = %name, error = %cause, "the task of stream `{name}` ended by itself");
            }
        }
    }
}

impl Drop for IngestHandle {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
    }
}

impl StreamHandle {
    async fn catch_up(&self, admin: &Admin) -> Result<(), IngestError> {
        let kafka = |source| IngestError::Kafka {
            topic: self.stream.topic.clone(),
            source: Box::new(source),
        };
        let mut targets: BTreeMap<KafkaPartition, NextOffset> = BTreeMap::new();
        for partition in admin.partitions(&self.stream.topic).await.map_err(kafka)? {
            let ends = admin.watermarks(&self.stream.topic, partition).await.map_err(kafka)?;
            targets.insert(partition, ends.high_watermark);
        }
        self.ask(|reply| Command::CatchUp { targets, reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, IngestError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(command(reply)).await;
        sent.map_err(|_| self.not_running())?;
        answer.await.map_err(|_| self.not_running())?
    }

    async fn within(
        &self,
        limit: Duration,
        asked: impl Future<Output = Result<(), IngestError>>,
    ) -> Result<(), IngestError> {
        let answered = tokio::time::timeout(limit, asked).await;
        answered.unwrap_or_else(|_| {
            Err(IngestError::TimedOut {
                stream: self.stream.name.clone(),
                limit,
            })
        })
    }

    fn not_running(&self) -> IngestError {
        let state = self.status.borrow().state.clone();
        IngestError::NotRunning {
            stream: self.stream.name.clone(),
            reason: state.reason().unwrap_or_else(|| format!("it is {}", state.as_str())),
        }
    }
}
