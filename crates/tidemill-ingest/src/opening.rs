//! Where a stream starts: tables, fences, and whether the log is still the one that they were filled from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tidemill_kafka::KafkaError;
use tidemill_lake::{COMMITS_KEPT, CommitRecord, LakeError, Within};
use tidemill_types::{FenceFault, KafkaColumn, KafkaPartition, NextOffset, check_fence};
use tracing::{info, warn};

use crate::IngestError;
use crate::commit_state::{CommitState, PartitionCommit};
use crate::context::StreamContext;
use crate::fences::{PartitionFences, app_id, app_prefix, dead_commits_app_id, unsure_range};
use crate::intake::Counts;
use crate::landing::Tables;
use crate::last_record::{LastRecord, Verdict};
use crate::tables::{dead_letters_spec, landed_spec};

/// Commits that are looked through for the newest one of ours: others may write to the table in between.
const COMMITS_LOOKED_AT: usize = 200;
/// Maintenance leaves them where they are.
const _: () = assert!(COMMITS_LOOKED_AT <= COMMITS_KEPT);

/// A Kafka partition while it is read.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) app_id: String,
    pub(crate) fences: PartitionFences,
    /// Everything below has landed, or was never there.
    pub(crate) landed: NextOffset,
    /// Everything below has been taken.
    pub(crate) position: NextOffset,
    /// The last record that was taken.
    pub(crate) last: Option<LastRecord>,
    /// Since when it has stood at its end.
    pub(crate) at_end_since: Option<std::time::Instant>,
}

/// What a stream starts from.
pub(crate) struct Opened {
    /// What the app ids of the topic's fences begin with.
    pub(crate) prefix: String,
    pub(crate) tables: Tables,
    /// What the newest commit of the stream says; empty before the first.
    pub(crate) known: CommitState,
    /// The newest version that was looked at for it.
    pub(crate) known_version: i64,
    /// The version of that commit.
    pub(crate) held_version: Option<i64>,
    /// All partitions of the topic.
    pub(crate) topic_partitions: Vec<KafkaPartition>,
    /// Those that are read here.
    pub(crate) parts: BTreeMap<KafkaPartition, Part>,
}

impl Opened {
    /// The topic's partitions that are not in `read_here`, with what is known of them: other workers read them.
    pub(crate) fn elsewhere<'s>(
        &'s self,
        read_here: &'s BTreeSet<KafkaPartition>,
    ) -> impl Iterator<Item = (KafkaPartition, Option<&'s PartitionCommit>)> {
        let elsewhere = self
            .topic_partitions
            .iter()
            .filter(|partition| !read_here.contains(partition));
        elsewhere.map(|partition| (*partition, self.known.partition(*partition)))
    }

    /// What the newest commit keeps of the stages for a partition.
    pub(crate) fn stages_of(&self, partition: KafkaPartition) -> Option<&Map<String, Value>> {
        self.known.partition(partition).map(|held| &held.stages)
    }

    /// Takes in what other workers have landed since the last look.
    pub(crate) async fn look_at_others(&mut self) -> Result<(), LakeError> {
        let commits = self
            .tables
            .main
            .commits_after(self.known_version, COMMITS_LOOKED_AT)
            .await?;
        if let Some(newest) = commits.last() {
            self.known_version = self.known_version.max(newest.version);
        }
        if let Some(state) = self.known.newest_of(&commits) {
            self.known = state;
        }
        Ok(())
    }
}

impl StreamContext {
    /// Looks everything up.
    pub(crate) async fn open(&self) -> Result<Opened, IngestError> {
        let tables = self.open_tables().await?;
        let cluster = match &self.cluster_id {
            Some(id) => id.clone(),
            None => self
                .kafka(self.admin.cluster_id().await)?
                .ok_or(IngestError::NoClusterId)?,
        };
        let ours = |commit: CommitRecord| {
            let state = commit.info.as_ref();
            let state =
                state.and_then(|info| CommitState::from_info(info, &self.pipeline, &cluster, &self.stream.topic))?;
            Some((commit, state))
        };
        // Whatever is committed after it is looked at again.
        let known_version = self.lake_result(tables.main.refresh().await)?;
        let held = tables.main.find_commit(COMMITS_LOOKED_AT, ours).await;
        let held = self.lake_result(held)?;
        if let Some((_, state)) = &held {
            self.check_not_restored(&tables, state.totals.rows).await?;
        }
        let prefix = app_prefix(self.pipeline.as_str(), &cluster, self.stream.topic.as_str());
        let held_version = held.as_ref().map(|(commit, _)| commit.version);
        let none_yet = || CommitState {
            pipeline: self.pipeline.clone(),
            cluster: cluster.clone(),
            topic: self.stream.topic.clone(),
            counts: Counts::default(),
            totals: Counts::default(),
            watermark: None,
            partitions: Vec::new(),
            masked: BTreeMap::new(),
        };
        let known = held.map_or_else(none_yet, |(_, state)| state);
        let mut opened = Opened {
            prefix,
            tables,
            known,
            known_version,
            held_version,
            topic_partitions: self.kafka(self.admin.partitions(&self.stream.topic).await)?,
            parts: BTreeMap::new(),
        };
        if self.membership.is_none() {
            let all = opened.topic_partitions.clone();
            self.open_parts(&mut opened, &all).await?;
        }
        Ok(opened)
    }

    /// A restore drops rows and keeps fences. Where rows are missing, the log is read for one that took some.
    async fn check_not_restored(&self, tables: &Tables, landed: u64) -> Result<(), IngestError> {
        let stats = self.lake_result(tables.main.stats().await)?;
        let missing = landed.saturating_sub(stats.rows);
        if missing == 0 {
            return Ok(());
        }
        let mut restored = None;
        let history = tables.main.history(stats.version, |step| {
            if step.is_restore() && step.rows_lost() > 0 {
                restored = Some((step.record.version, step.record.engine));
            }
        });
        self.lake_result(history.await)?;
        let stream = &self.stream.name;
        if let Some((version, by)) = restored {
            return Err(IngestError::Restored {
                stream: stream.clone(),
                version,
                by,
                rows: missing,
            });
        }
        warn!(
            stream = %stream, rows = missing,
            "{missing} rows of `{stream}` were taken out by other writers; `tidemill ingest audit {stream}` says by which"
        );
        Ok(())
    }

    async fn open_tables(&self) -> Result<Tables, IngestError> {
        let dead = dead_letters_spec(&self.stream).map_err(|source| IngestError::Name {
            stream: self.stream.name.clone(),
            source,
        })?;
        Ok(Tables {
            main: self.lake_result(self.lake.create(landed_spec(&self.stream)).await)?,
            dead: self.lake_result(self.lake.create(dead).await)?,
        })
    }

    /// Finds where to start for those of `partitions` that are not there yet. Returns the new ones.
    pub(crate) async fn open_parts(
        &self,
        opened: &mut Opened,
        partitions: &[KafkaPartition],
    ) -> Result<Vec<KafkaPartition>, IngestError> {
        let is_new = |partition: &&KafkaPartition| !opened.parts.contains_key(partition);
        let new: Vec<KafkaPartition> = partitions.iter().filter(is_new).copied().collect();
        if new.is_empty() {
            return Ok(new);
        }
        let main = self.lake_result(opened.tables.main.fences(&opened.prefix).await)?;
        let dead = self.lake_result(opened.tables.dead.fences(&opened.prefix).await)?;
        for partition in &new {
            let app_id = app_id(&opened.prefix, *partition);
            let fence_of = |fences: &BTreeMap<String, i64>| fences.get(&app_id).copied().map(NextOffset);
            let fences = PartitionFences {
                main: fence_of(&main),
                dead: fence_of(&dead),
                dead_known: BTreeSet::new(),
                dead_commits: dead.get(&dead_commits_app_id(&app_id)).copied(),
            };
            let part = self.open_part(opened, *partition, app_id, fences).await?;
            opened.parts.insert(*partition, part);
        }
        Ok(new)
    }

    async fn open_part(
        &self,
        opened: &Opened,
        partition: KafkaPartition,
        app_id: String,
        fences: PartitionFences,
    ) -> Result<Part, IngestError> {
        let (main, dead) = (fences.main, fences.dead);
        let topic = &self.stream.topic;
        let ends = self.kafka(self.admin.watermarks(topic, partition).await)?;
        let fault = |source: FenceFault| IngestError::Fence {
            stream: self.stream.name.clone(),
            topic: topic.clone(),
            partition,
            source,
        };
        let start = check_fence(main, ends.log_start, ends.high_watermark).map_err(fault)?;
        if let Some(fence) = dead.filter(|fence| *fence > ends.high_watermark) {
            let high_watermark = ends.high_watermark;
            return Err(fault(FenceFault::AboveHighWatermark { fence, high_watermark }));
        }
        let held = opened.known.partition(partition);
        let last = held.and_then(|held| held.last);
        if let Some(held) = held {
            let fence = main.unwrap_or(NextOffset::ZERO);
            let touched = held.next > held.start || held.last.is_some();
            if touched && fence < held.next {
                return Err(IngestError::SetBack {
                    stream: self.stream.name.clone(),
                    partition,
                    landed: held.next,
                    fence,
                });
            }
            if fence == held.next {
                self.check_last(partition, held.last, ends.log_start).await?;
            }
        }
        let dead_known = match unsure_range(main, dead) {
            None => Vec::new(),
            Some((from, to)) => {
                let within = [
                    range(
                        KafkaColumn::Partition,
                        i64::from(partition.0),
                        i64::from(partition.0) + 1,
                    ),
                    range(KafkaColumn::Offset, from.0, to.0),
                ];
                let table = &opened.tables.dead;
                self.lake_result(table.longs(KafkaColumn::Offset.name(), &within).await)?
            }
        };
        info!(topic = %topic, partition = partition.0, "reading `{topic}`, Kafka partition {partition}, from offset {start}");
        Ok(Part {
            app_id,
            fences: PartitionFences {
                dead_known: dead_known.into_iter().collect(),
                ..fences
            },
            landed: start,
            position: start,
            last,
            at_end_since: None,
        })
    }

    /// Reads the last landed record again, where the log still holds it, and compares.
    async fn check_last(
        &self,
        partition: KafkaPartition,
        last: Option<LastRecord>,
        log_start: NextOffset,
    ) -> Result<(), IngestError> {
        let topic = &self.stream.topic;
        let Some(last) = last.filter(|last| last.offset.0 >= log_start.0) else {
            return Ok(());
        };
        let found = self.kafka(self.admin.read_at(topic, partition, last.offset).await)?;
        match last.verdict(found.as_ref()) {
            Verdict::Same => Ok(()),
            Verdict::Gone => {
                warn!(
                    topic = %topic, partition = partition.0, offset = last.offset.0,
                    "the last landed record of `{topic}`, Kafka partition {partition}, is compacted away: whether the log was filled anew cannot be told"
                );
                Ok(())
            }
            Verdict::Another => Err(IngestError::Refilled {
                stream: self.stream.name.clone(),
                topic: topic.clone(),
                partition,
                offset: last.offset,
            }),
        }
    }

    pub(crate) fn kafka<T>(&self, result: Result<T, KafkaError>) -> Result<T, IngestError> {
        result.map_err(|source| IngestError::Kafka {
            topic: self.stream.topic.clone(),
            source: Box::new(source),
        })
    }

    pub(crate) fn lake_result<T>(&self, result: Result<T, LakeError>) -> Result<T, IngestError> {
        result.map_err(|source| IngestError::Lake {
            stream: self.stream.name.clone(),
            source: Box::new(source),
        })
    }
}

fn range(column: KafkaColumn, from: i64, to: i64) -> Within<'static> {
    Within {
        column: column.name(),
        from,
        to,
    }
}
