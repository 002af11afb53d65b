//! What the tasks of a running broker share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use kafka_protocol::ResponseError;
use parking_lot::RwLock;
use tidemill_types::Clock;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::error::BrokerError;
use crate::groups::{Coordinator, OffsetStore};
use crate::home::Home;
use crate::net::frame::MemoryBudget;
use crate::security::users::Users;
use crate::settings::BrokerSettings;
use crate::topics::{Topic, TopicFault, Topics};

/// The only node's id.
pub(crate) const NODE_ID: i32 = 1;

/// A running broker, without its tasks.
pub(crate) struct Node {
    pub settings: BrokerSettings,
    pub clock: Arc<dyn Clock>,
    pub home: Home,
    pub cluster_id: String,
    pub topics: Topics,
    pub offsets: OffsetStore,
    pub coordinator: Coordinator,
    /// Groups whose commits retention waits for, with their topics.
    pub holds: RwLock<BTreeMap<String, BTreeSet<String>>>,
    pub requests_memory: MemoryBudget,
    pub fetches_memory: MemoryBudget,
    /// The broker's end of TLS, where it is demanded.
    pub tls: Option<TlsAcceptor>,
    /// Who is let in, where clients have to say who they are.
    pub users: Option<Users>,
    /// One for each connection that is not let in yet.
    pub places_at_door: Semaphore,
    pub stop: CancellationToken,
}

/// A client, and the address by which it came.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    pub client_id: String,
    /// What it is told to connect to.
    pub advertised_host: String,
    pub port: u16,
    /// It closed its end: nobody waits for news any more.
    pub gone: CancellationToken,
}

impl Peer {
    pub(crate) fn new(node: &Node, address: SocketAddr, local: SocketAddr, gone: CancellationToken) -> Peer {
        let advertised_host = node
            .settings
            .advertised_host
            .clone()
            .unwrap_or_else(|| local.ip().to_string());
        Peer {
            address,
            client_id: String::new(),
            advertised_host,
            port: local.port(),
            gone,
        }
    }
}

impl Node {
    /// The broker's time in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().as_millis()
    }

    /// The first offset of a partition that a holding group has not committed; none where nobody holds the topic.
    pub(crate) fn held_from(&self, topic: &str, partition: i32) -> Option<i64> {
        let holds = self.holds.read();
        let holders = holds
            .iter()
            .filter(|(_, topics)| topics.contains(topic))
            .map(|(group, _)| group);
        // A group that has committed nothing holds everything.
        holders
            .map(|group| {
                self.offsets
                    .get(group, topic, partition)
                    .map_or(0, |committed| committed.offset)
            })
            .min()
    }

    /// Deletes what has outlived its retention, in all topics.
    pub(crate) fn retain(&self) -> Result<(), BrokerError> {
        let now_ms = self.now_ms();
        for topic in self.topics.all() {
            let policy = topic.config.read().retention(&self.settings);
            for (index, partition) in topic.partitions().iter().enumerate() {
                partition.retain(policy, self.held_from(&topic.name, index as i32), now_ms)?;
            }
        }
        Ok(())
    }

    /// Forces to disk what was written.
    pub(crate) fn flush(&self) -> Result<(), BrokerError> {
        for topic in self.topics.all() {
            for partition in topic.partitions() {
                partition.flush()?;
            }
        }
        self.offsets.flush()
    }

    /// Deletes a topic, with what groups committed for it.
    pub(crate) fn delete_topic(&self, topic: &Topic) -> Result<(), TopicFault> {
        self.topics.delete(topic)?;
        self.offsets
            .delete_topic(&topic.name)
            .map_err(|error| TopicFault(ResponseError::KafkaStorageError, error.to_string()))?;
        Ok(())
    }

    /// Forces everything to disk, takes no more, and marks the folder clean.
    pub(crate) fn close(&self) -> Result<(), BrokerError> {
        for topic in self.topics.all() {
            for partition in topic.partitions() {
                partition.close()?;
            }
        }
        self.offsets.close()?;
        self.home.mark_clean()
    }
}

/// Runs work that touches the disk on a thread where it may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ResponseError> + Send + 'static,
) -> Result<T, ResponseError> {
    // The task fails only if the work panicked or the runtime ended.
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(ResponseError::UnknownServerError))
}
