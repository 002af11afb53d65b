//! What the house is doing, and the tables it has.

use tidemill_api::{
    ColumnDescription, KafkaStatus, PartitionStatus, PredictionsStatus, SlotStatus, Status, StreamState, StreamStatus,
    TableDescription, TableKind,
};
use tidemill_engine::TableKind as EngineTableKind;
use tidemill_ingest::{StreamState as IngestState, StreamStatus as IngestStatus, dead_letters_table};
use tidemill_types::{ErrorCode, Micros, Problem, TableName};

use super::House;
use super::convert::problem;

impl House {
    pub(super) async fn show_status(&self) -> Result<Status, Problem> {
        let streams = match self.kafka.as_ref().and_then(|kafka| kafka.ingest()) {
            Some(ingest) => {
                let now = self.clock.now();
                ingest
                    .status()
                    .into_iter()
                    .map(|status| running_stream(status, now))
                    .collect()
            }
            None => self.resting_streams().await?,
        };
        let current = self.registry.current_deployments().await.map_err(problem)?;
        let slots = current.into_iter().map(|deployment| {
            let serving = self.lifecycle.slots().get(&deployment.deployment);
            SlotStatus {
                model: Some(deployment.model),
                wanted: Some(deployment.version),
                serving: serving.as_ref().map(|serving| serving.version),
                content_hash: serving.as_ref().map(|serving| serving.content_hash.clone()),
                deployed_at: serving.as_ref().map(|serving| serving.deployed_at),
                problem: self.lifecycle.fault(&deployment.deployment),
                deployment: deployment.deployment,
            }
        });
        let configured = &self.project.settings.kafka.bootstrap;
        let kafka = match &self.kafka {
            Some(kafka) => KafkaStatus {
                bootstrap: kafka.bootstrap().to_owned(),
                embedded: kafka.is_embedded(),
                cluster_id: Some(kafka.cluster_id().to_owned()),
            },
            None => KafkaStatus {
                bootstrap: configured.clone().unwrap_or_default(),
                embedded: configured.is_none(),
                cluster_id: None,
            },
        };
        Ok(Status {
            project: self.project.settings.name.to_string(),
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
            running: self.started_at.is_some(),
            started_at: self.started_at,
            kafka,
            streams,
            slots: slots.collect(),
            // A status without it is better than none.
            clock: self.show_clock().await.ok(),
            predictions: self.lifecycle.slots().log().map(|log| {
                let figures = log.figures();
                PredictionsStatus {
                    recorded: figures.recorded,
                    dropped: figures.dropped,
                    queued: figures.queued,
                    queue: figures.queue,
                }
            }),
        })
    }

    /// The streams of a project that nobody reads at the moment: what has landed.
    async fn resting_streams(&self) -> Result<Vec<StreamStatus>, Problem> {
        let mut streams = Vec::new();
        for stream in self.project.streams.values() {
            let (rows, version) = self.landed(&TableName::from(stream.name.clone())).await?;
            let dead_letters = dead_letters_table(&stream.name)
                .map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
            let (dead_letters, _) = self.landed(&dead_letters).await?;
            streams.push(StreamStatus {
                stream: stream.name.clone(),
                topic: stream.topic.clone(),
                state: StreamState::Stopped,
                problem: None,
                rows: rows.unwrap_or(0),
                dead_letters: dead_letters.unwrap_or(0),
                lag_rows: 0,
                lag_seconds: None,
                watermark: None,
                table_version: version,
                committed_at: None,
                commit_ms: None,
                committed_bytes: None,
                partitions: Vec::new(),
            });
        }
        Ok(streams)
    }

    /// Rows and Delta version of a table, where it is there.
    async fn landed(&self, table: &TableName) -> Result<(Option<u64>, Option<i64>), Problem> {
        match self.lake.table(table).await.map_err(problem)? {
            Some(table) => Ok((Some(table.rows().await.map_err(problem)?), Some(table.version()))),
            None => Ok((None, None)),
        }
    }

    pub(super) async fn list_tables(&self) -> Result<Vec<TableDescription>, Problem> {
        let mut tables = Vec::new();
        for table in self.engine.tables().await.map_err(problem)? {
            let Ok(name) = TableName::new(table.name) else { continue };
            let landed = matches!(
                table.kind,
                EngineTableKind::Stream | EngineTableKind::Monitoring | EngineTableKind::Lake
            );
            let (rows, version) = if landed {
                self.landed(&name).await?
            } else {
                (None, None)
            };
            tables.push(TableDescription {
                kind: match table.kind {
                    EngineTableKind::Stream => TableKind::Stream,
                    EngineTableKind::View => TableKind::FeatureView,
                    EngineTableKind::DeadLetters => TableKind::DeadLetters,
                    EngineTableKind::Monitoring => TableKind::Monitoring,
                    EngineTableKind::Lake => TableKind::Lake,
                    EngineTableKind::Registry => TableKind::Registry,
                },
                comment: Some(table.comment).filter(|comment| !comment.is_empty()),
                version,
                rows,
                columns: table
                    .columns
                    .into_iter()
                    .map(|column| ColumnDescription {
                        name: column.name,
                        data_type: column.data_type,
                        nullable: column.nullable,
                    })
                    .collect(),
                name,
            });
        }
        Ok(tables)
    }
}

fn running_stream(status: IngestStatus, now: Micros) -> StreamStatus {
    let (state, problem) = match status.state {
        IngestState::Starting | IngestState::Running => (StreamState::Running, None),
        // A broker that does not answer is waited for: it is not ingest that failed.
        IngestState::Waiting { problem } => (StreamState::Paused, Some(problem)),
        // It was paused because somebody has to look at it.
        IngestState::Paused { reason } => (StreamState::Failed, Some(Problem::new(ErrorCode::NotReady, reason))),
        IngestState::Failed { problem } => (StreamState::Failed, Some(problem)),
        IngestState::Stopped => (StreamState::Stopped, None),
    };
    let partitions = status.partitions.into_iter().map(|partition| PartitionStatus {
        partition: partition.partition,
        next: partition.landed,
        end: partition.end,
    });
    StreamStatus {
        stream: status.stream,
        topic: status.topic,
        state,
        problem,
        rows: status.rows,
        dead_letters: status.dead,
        lag_rows: status.lag_rows.unwrap_or(0),
        lag_seconds: match (status.lag_rows, status.level_at) {
            (Some(0), _) => Some(0.0),
            (_, since) => since.map(|since| now.0.saturating_sub(since.0).max(0) as f64 / 1e6),
        },
        watermark: status.watermark,
        table_version: status.version,
        committed_at: status.committed_at,
        commit_ms: status.commit_ms,
        committed_bytes: Some(status.landed_bytes),
        partitions: partitions.collect(),
    }
}
