//! A running broker: start, what its owner may ask, and a clean stop.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use parking_lot::RwLock;
use ring::rand::{SecureRandom, SystemRandom};
use tidemill_types::{Clock, SystemClock};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::error::BrokerError;
use crate::groups::{Coordinator, GroupLimits, OffsetStore};
use crate::home::Home;
use crate::log::PartitionSettings;
use crate::net::frame::MemoryBudget;
use crate::net::listener::{accept, bind};
use crate::node::Node;
use crate::security::SaslSettings;
use crate::security::tls::acceptor;
use crate::security::users::{SEED_BYTES, Users};
use crate::settings::BrokerSettings;
use crate::topic_config::TopicConfig;
use crate::topics::{Topic, TopicFault, Topics};

/// How long a stop waits for requests that are being answered.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// A running broker. Dropping it stops it without a clean end, and lets go of its folder as soon as its tasks have ended: the
/// next start then looks through the ends of its logs.
pub struct Broker {
    node: Arc<Node>,
    address: SocketAddr,
    tasks: TaskTracker,
    connections: TaskTracker,
    _stop_on_drop: DropGuard,
}

/// A topic, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id: another one when a topic is made again under the same name.
    pub id: Uuid,
    /// In the order of their indexes.
    pub partitions: Vec<PartitionDescription>,
}

/// A partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its index.
    pub partition: i32,
    /// The first offset that can be read.
    pub log_start: i64,
    /// The offset of the next record.
    pub next_offset: i64,
    /// Rises when the log was cut after an unclean stop.
    pub leader_epoch: i32,
    /// Bytes of its segments on disk.
    pub bytes: u64,
}

impl Broker {
    /// Takes the folder, recovers what is in it, binds the address and serves, by the operating system's clock.
    pub async fn start(settings: BrokerSettings) -> Result<Broker, BrokerError> {
        Broker::start_with_clock(settings, Arc::new(SystemClock)).await
    }

    /// As [`Broker::start`], by another clock: it stamps appends and ages segments. Long polls and sessions of groups follow
    /// the runtime's own time.
    pub async fn start_with_clock(settings: BrokerSettings, clock: Arc<dyn Clock>) -> Result<Broker, BrokerError> {
        settings.check()?;
        let stop = CancellationToken::new();
        let opening = (settings, clock, stop.clone());
        let node = tokio::task::spawn_blocking(move || open(opening.0, opening.1, opening.2))
            .await
            .map_err(|_| BrokerError::RuntimeEnded)??;
        let listener = match bind(&node.settings, &node.home).await {
            Ok(listener) => listener,
            Err(error) => {
                // The folder is left as it was found, so that the next start need not look through it.
                close(node).await?;
                return Err(error);
            }
        };
        let bound = listener.local_addr().map_err(|source| BrokerError::Listen {
            address: SocketAddr::new(node.settings.listen, 0),
            source,
        })?;
        node.home.set_port(bound.port())?;
        let (tasks, connections) = (TaskTracker::new(), TaskTracker::new());
        tasks.spawn(accept(listener, Arc::clone(&node), connections.clone()));
        let timing = Arc::clone(&node);
        tasks.spawn(async move { timing.coordinator.keep_time(&timing.stop).await });
        let retention_every = Duration::from_millis(node.settings.retention_check_interval_ms);
        tasks.spawn(every(
            retention_every,
            Arc::clone(&node),
            "delete outlived records",
            Node::retain,
        ));
        // Without forced writes the full segments still get their index.
        let flush_every = Duration::from_millis(node.settings.fsync_interval_ms);
        tasks.spawn(every(
            flush_every,
            Arc::clone(&node),
            "force writes to disk",
            Node::flush,
        ));
        let address = SocketAddr::new(reachable(bound.ip()), bound.port());
        warn_of_openness(&node, bound.ip());
        info!(%address, dir = %node.home.dir.display(), "broker listens on {address}");
        Ok(Broker {
            node,
            address,
            tasks,
            connections,
            _stop_on_drop: stop.drop_guard(),
        })
    }

    /// Where it listens, as clients on this machine can reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients put into `bootstrap.servers`: the advertised host where there is one, as a certificate may name only that.
    pub fn bootstrap(&self) -> String {
        match &self.node.settings.advertised_host {
            Some(host) if host.contains(':') => format!("[{host}]:{}", self.address.port()),
            Some(host) => format!("{host}:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }

    /// The cluster's id, made once for the folder.
    pub fn cluster_id(&self) -> &str {
        &self.node.cluster_id
    }

    /// From now on retention waits for this group's committed offsets in these topics, whether they exist already or not. A
    /// group that has committed nothing holds everything. Said again for a group, it takes the place of what was said before;
    /// no topics release it.
    pub fn hold(&self, group: &str, topics: &[String]) {
        let mut holds = self.node.holds.write();
        if topics.is_empty() {
            holds.remove(group);
        } else {
            holds.insert(group.to_owned(), topics.iter().cloned().collect());
        }
    }

    /// Makes a topic; `partitions` absent takes the default. `config` is Kafka's, as `retention.ms`. An existing topic is an
    /// error with the source [`ResponseError::TopicAlreadyExists`].
    pub async fn create_topic(
        &self,
        name: &str,
        partitions: Option<i32>,
        config: &BTreeMap<String, String>,
    ) -> Result<TopicDescription, BrokerError> {
        let node = Arc::clone(&self.node);
        let (topic, config) = (name.to_owned(), config.clone());
        let created = tokio::task::spawn_blocking(move || {
            let mut checked = TopicConfig::default();
            for (key, value) in &config {
                checked
                    .set(key, value)
                    .map_err(|reason| TopicFault(ResponseError::InvalidConfig, reason))?;
            }
            let partitions = partitions.unwrap_or(node.settings.default_partitions);
            node.topics.create(&topic, partitions, checked, false, node.now_ms())
        });
        let created = created.await.map_err(|_| BrokerError::RuntimeEnded)?;
        match created {
            Ok(Some(topic)) => Ok(describe(&topic)),
            Ok(None) => Err(BrokerError::RuntimeEnded),
            Err(TopicFault(source, reason)) => Err(BrokerError::CreateTopic {
                topic: name.to_owned(),
                reason,
                source,
            }),
        }
    }

    /// All topics in the order of their names.
    pub fn topics(&self) -> Vec<TopicDescription> {
        self.node.topics.all().iter().map(|topic| describe(topic)).collect()
    }

    /// Deletes now what has outlived its retention, as happens by itself every
    /// [`BrokerSettings::retention_check_interval_ms`].
    pub async fn apply_retention(&self) -> Result<(), BrokerError> {
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || node.retain())
            .await
            .map_err(|_| BrokerError::RuntimeEnded)?
    }

    /// Stops taking requests, answers those that were read, forces everything to disk, and marks the folder clean.
    pub async fn shutdown(self) -> Result<(), BrokerError> {
        self.node.stop.cancel();
        self.tasks.close();
        self.connections.close();
        let ended = async {
            self.tasks.wait().await;
            self.connections.wait().await;
        };
        if tokio::time::timeout(SHUTDOWN_WAIT, ended).await.is_err() {
            warn!("some connections did not end in time; they are cut off");
        }
        close(Arc::clone(&self.node)).await
    }
}

/// Forces everything to disk and marks the folder clean.
async fn close(node: Arc<Node>) -> Result<(), BrokerError> {
    tokio::task::spawn_blocking(move || node.close())
        .await
        .map_err(|_| BrokerError::RuntimeEnded)?
}

/// Takes the folder and recovers what is in it.
pub(crate) fn open(
    mut settings: BrokerSettings,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<Arc<Node>, BrokerError> {
    // Before the folder is taken, so that a wrong file leaves it as it was found.
    let tls = settings.security.tls.as_ref().map(acceptor).transpose()?;
    let users = settings.security.sasl.as_ref().map(derive_users).transpose()?;
    if let Some(sasl) = &mut settings.security.sasl {
        // What was derived from the passwords is enough.
        sasl.users.clear();
    }
    let home = Home::open(&settings.dir)?;
    let limits = &settings.limits;
    let partition_settings = PartitionSettings {
        fsync: settings.fsync,
        producers_max: limits.producers_per_partition_max,
        machine_went_down: home.machine_went_down,
        now_ms: clock.now().as_millis(),
    };
    let topics = Topics::open(&settings.dir, partition_settings, limits.partitions_max)?;
    let seen = topics
        .all()
        .iter()
        .flat_map(|topic| topic.partitions())
        .filter_map(|p| p.producer_id_max())
        .max();
    if let Some(id) = seen {
        home.skip_producer_ids(id);
    }
    let offsets = OffsetStore::open(&settings.dir, settings.fsync, limits.committed_offsets_max)?;
    let end_of = |(topic, partition): &(String, i32)| {
        let partition = topics.by_name(topic)?.partition(*partition)?;
        Some(partition.extent().next_offset)
    };
    offsets.take_back(end_of, home.machine_went_down)?;
    home.mark_running()?;
    let group_limits = GroupLimits {
        members_max: limits.group_members_max,
        initial_delay_ms: i64::try_from(settings.group_initial_rebalance_delay_ms).unwrap_or(i64::MAX),
    };
    let holds = settings.holding_groups.iter();
    Ok(Arc::new(Node {
        clock,
        cluster_id: home.cluster_id(),
        home,
        topics,
        offsets,
        coordinator: Coordinator::new(group_limits, limits.groups_max),
        holds: RwLock::new(
            holds
                .map(|(group, topics)| (group.clone(), topics.iter().cloned().collect()))
                .collect(),
        ),
        requests_memory: MemoryBudget::new(limits.requests_memory_bytes),
        fetches_memory: MemoryBudget::new(limits.fetches_memory_bytes),
        tls,
        users,
        places_at_door: Semaphore::new(limits.handshakes_max.min(Semaphore::MAX_PERMITS)),
        stop,
        settings,
    }))
}

fn derive_users(sasl: &SaslSettings) -> Result<Users, BrokerError> {
    let mut seed = [0; SEED_BYTES];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| BrokerError::NoRandomness)?;
    Ok(Users::derive(sasl, &seed))
}

/// What is allowed and may still be a mistake, where others can reach the broker.
fn warn_of_openness(node: &Node, ip: IpAddr) {
    let security = &node.settings.security;
    if ip.is_loopback() {
        return;
    }
    if security.tls.is_none() {
        warn!(%ip, "the broker on {ip} does not encrypt: records, and the passwords of PLAIN, can be read on the way");
    }
}

/// Does something on a blocking thread again and again until the broker stops. A failure is reported and tried again.
async fn every(period: Duration, node: Arc<Node>, what: &'static str, work: fn(&Node) -> Result<(), BrokerError>) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = node.stop.cancelled() => return,
            _ = ticks.tick() => (),
        }
        let working = Arc::clone(&node);
        match tokio::task::spawn_blocking(move || work(&working)).await {
            Ok(Ok(())) => (),
            Ok(Err(cause)) => {
                error!(error = &cause as &dyn std::error::Error, "failed to {what}: {cause}");
            }
            Err(_) => return,
        }
    }
}

/// An address that a client on this machine can connect to.
fn reachable(bound: IpAddr) -> IpAddr {
    match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    }
}

fn describe(topic: &Topic) -> TopicDescription {
    let partitions = topic.partitions().into_iter().enumerate().map(|(index, partition)| {
        let extent = partition.extent();
        PartitionDescription {
            partition: index as i32,
            log_start: extent.log_start,
            next_offset: extent.next_offset,
            leader_epoch: extent.leader_epoch,
            bytes: extent.bytes,
        }
    });
    TopicDescription {
        name: topic.name.clone(),
        id: topic.id,
        partitions: partitions.collect(),
    }
}
