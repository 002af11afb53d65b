//! The questions one asks a cluster: which topics and offsets there are, what one record holds, what a group committed.
//!
//! Invariants: every call has a named limit, and blocks on the blocking pool only. Nothing here makes a topic unless it
//! is told to: metadata is asked for by a consumer, which does not.

mod groups;
mod reader;
mod topics;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tidemill_types::{KafkaPartition, LastOffset, NextOffset, TopicName};

use crate::client::Listener;
use crate::settings::Role;
use crate::{ClientSettings, KafkaError, KafkaFault, Record};

/// How long a question about topics and offsets waits.
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);

/// Events of a client that are looked through after no broker answered.
const EVENTS_AFTER_FAILURE_MAX: usize = 100;

/// Asks and tells a cluster. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Admin {
    inner: Arc<Inner>,
}

struct Inner {
    settings: ClientSettings,
    /// Has no group, so it reads nothing: it asks.
    asking: BaseConsumer<Listener>,
    telling: AdminClient<Listener>,
    /// Reads single records; made when first needed.
    reader: Mutex<Option<BaseConsumer<Listener>>>,
    /// One client per group, made when first needed.
    groups: Mutex<BTreeMap<String, Arc<BaseConsumer<Listener>>>>,
}

/// Whether a topic had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicCreation {
    /// It is new.
    Created,
    /// It was there, with as many partitions as it had.
    Existed,
}

/// The ends of a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset there.
    pub log_start: NextOffset,
    /// The first offset after the last.
    pub high_watermark: NextOffset,
}

/// What stands at a run of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// The first offset that was looked at: the log may begin later than was asked for.
    pub from: i64,
    /// The first that was not.
    pub to: i64,
    /// Records with a value.
    pub records: u64,
    /// Records without.
    pub tombstones: u64,
}

impl Admin {
    /// A client of the cluster. It connects by itself when it is first asked; errors here are of the settings.
    pub fn connect(settings: &ClientSettings) -> Result<Admin, KafkaError> {
        let settings = settings.without_role_properties(Role::Consumer);
        let sort = |error| KafkaError::sort(&settings.bootstrap, "start an admin client", Duration::ZERO, &error);
        let fixed = [("allow.auto.create.topics", "false"), ("enable.auto.commit", "false")];
        let mut config = settings.config(&[], &fixed);
        config.remove("group.id");
        let asking = config.create_with_context(Listener::default()).map_err(sort)?;
        // The admin client is a producer to librdkafka.
        let config = settings.without_role_properties(Role::Producer).config(&[], &[]);
        let telling = config.create_with_context(Listener::default()).map_err(sort)?;
        Ok(Admin {
            inner: Arc::new(Inner {
                settings,
                asking,
                telling,
                reader: Mutex::new(None),
                groups: Mutex::new(BTreeMap::new()),
            }),
        })
    }

    /// The cluster's id; absent where the broker has none. Errors when no broker answers.
    pub async fn cluster_id(&self) -> Result<Option<String>, KafkaError> {
        self.blocking(|inner| {
            inner.probe()?;
            let id = inner.asking.client().fetch_cluster_id(METADATA_TIMEOUT);
            Ok(id.filter(|id| !id.is_empty()))
        })
        .await
    }

    /// Returns when a broker answers; errors when none does within ten seconds.
    pub async fn probe(&self) -> Result<(), KafkaError> {
        self.blocking(Inner::probe).await
    }

    /// Makes a topic unless it is there. `partitions` is at least 1 and used for a new topic only, as `configs` are
    /// (Apache Kafka's names, as `retention.ms`). The replication is the cluster's default. When it returns the topic
    /// can be written and read.
    pub async fn ensure_topic(
        &self,
        topic: &TopicName,
        partitions: i32,
        configs: &BTreeMap<String, String>,
    ) -> Result<TopicCreation, KafkaError> {
        topics::ensure(self, topic, partitions, configs).await
    }

    /// Deletes a topic; false where there was none.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<bool, KafkaError> {
        topics::delete(self, topic).await
    }

    /// The topic's partitions, ascending. Errors with [`KafkaError::UnknownTopic`].
    pub async fn partitions(&self, topic: &TopicName) -> Result<Vec<KafkaPartition>, KafkaError> {
        let topic = topic.clone();
        self.blocking(move |inner| topics::partitions(inner, &topic)).await
    }

    /// The ends of one partition's log.
    pub async fn watermarks(&self, topic: &TopicName, partition: KafkaPartition) -> Result<Watermarks, KafkaError> {
        let topic = topic.clone();
        self.blocking(move |inner| topics::watermarks(inner, &topic, partition))
            .await
    }

    /// The record at `offset`; none where compaction, retention or a transaction marker left none.
    pub async fn read_at(
        &self,
        topic: &TopicName,
        partition: KafkaPartition,
        offset: LastOffset,
    ) -> Result<Option<Record>, KafkaError> {
        let topic = topic.clone();
        self.blocking(move |inner| reader::read_at(inner, &topic, partition, offset))
            .await
    }

    /// What the log holds at the offsets `[from, to)` of a partition, at most `records_max` records of it.
    pub async fn survey(
        &self,
        topic: &TopicName,
        partition: KafkaPartition,
        from: i64,
        to: i64,
        records_max: usize,
    ) -> Result<Survey, KafkaError> {
        let topic = topic.clone();
        self.blocking(move |inner| reader::survey(inner, &topic, partition, from, to, records_max))
            .await
    }

    /// The last record of a partition; none where it is empty.
    pub async fn last_record(
        &self,
        topic: &TopicName,
        partition: KafkaPartition,
    ) -> Result<Option<Record>, KafkaError> {
        let topic = topic.clone();
        self.blocking(move |inner| reader::last_record(inner, &topic, partition))
            .await
    }

    /// Up to `records_max` of a partition's first records: a sample to look at.
    pub async fn first_records(
        &self,
        topic: &TopicName,
        partition: KafkaPartition,
        records_max: usize,
    ) -> Result<Vec<Record>, KafkaError> {
        let topic = topic.clone();
        self.blocking(move |inner| reader::first_records(inner, &topic, partition, records_max))
            .await
    }

    /// Commits positions for a group without being its member: for lag displays, and as the hold on the in-process
    /// broker's retention. Fails while the group has members of its own.
    pub async fn commit_group(
        &self,
        group: &str,
        positions: &[(TopicName, KafkaPartition, NextOffset)],
    ) -> Result<(), KafkaError> {
        let (group, positions) = (group.to_owned(), positions.to_vec());
        self.blocking(move |inner| groups::commit(inner, &group, &positions))
            .await
    }

    /// What a group has committed, in the order asked for; none where it has not.
    pub async fn committed(
        &self,
        group: &str,
        partitions: &[(TopicName, KafkaPartition)],
    ) -> Result<Vec<Option<NextOffset>>, KafkaError> {
        let (group, partitions) = (group.to_owned(), partitions.to_vec());
        self.blocking(move |inner| groups::committed(inner, &group, &partitions))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let inner = Arc::clone(&self.inner);
        let worked = tokio::task::spawn_blocking(move || work(&inner)).await;
        // The pool gives up work only while the runtime shuts down.
        worked.unwrap_or(Err(KafkaError::Stopped))
    }
}

impl Inner {
    /// Asks for the brokers alone: a topic that does not exist would do, but the list of all topics can be long.
    fn probe(&self) -> Result<(), KafkaError> {
        // What was said before is of the past: a broker that once did not let us in may just be away now.
        while self.hear_refusal().is_some() {}
        let asked = self.asking.fetch_metadata(None, METADATA_TIMEOUT);
        let Err(error) = asked else { return Ok(()) };
        let action = "reach the cluster";
        match self.hear_refusal() {
            Some(source) => Err(KafkaError::AuthFailed {
                action: action.to_owned(),
                source,
            }),
            None => Err(self.sort(action, METADATA_TIMEOUT, &error)),
        }
    }

    /// Looks for what the brokers said among the client's events. A poll that finds a log line looks like one that finds nothing,
    /// so that it does not end the search.
    fn hear_refusal(&self) -> Option<KafkaFault> {
        for _ in 0..EVENTS_AFTER_FAILURE_MAX {
            drop(self.asking.poll(Duration::ZERO));
            if let Some(refusal) = self.asking.context().take_refusal() {
                return Some(refusal);
            }
        }
        None
    }

    fn sort(&self, action: impl Into<String>, limit: Duration, error: &rdkafka::error::KafkaError) -> KafkaError {
        KafkaError::sort(&self.settings.bootstrap, action, limit, error)
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod mock_cluster;
#[cfg(test)]
mod tests;
