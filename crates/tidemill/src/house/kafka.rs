//! The Kafka side of a house: the broker, in this process or elsewhere, and the ingest that reads from it.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidemill_broker::{Broker, BrokerSecurity, BrokerSettings, Fsync, Password, SaslSettings, TlsSettings};
use tidemill_ingest::{Ingest, IngestHandle, IngestLimits, IngestWiring, SchemaRegistry, Sharing};
use tidemill_kafka::{Admin, ClientSettings};
use tidemill_lake::Lake;
use tidemill_project::{AssignmentMode, ByteSize, Origin, Project, SaslMechanism, SecurityError};
use tidemill_sources::topic_configs;
use tidemill_types::{Clock, ErrorCode, Explain, Problem};
use tokio::sync::Mutex;

use super::convert::problem;

/// The folder of the in-process broker below the state folder.
const BROKER_DIR: &str = "broker";

/// The broker that this process runs or speaks to, and its ingest.
pub struct KafkaSide {
    /// The in-process broker, until the house is closed.
    broker: Mutex<Option<Broker>>,
    embedded: bool,
    client: ClientSettings,
    admin: Admin,
    cluster_id: String,
    ingest: Option<Arc<IngestHandle>>,
}

impl KafkaSide {
    /// Starts the in-process broker, or connects to the one that the settings name; makes topics that are missing; starts
    /// ingest when asked to.
    pub async fn open(
        project: &Arc<Project>,
        state_dir: &Path,
        lake: &Arc<Lake>,
        clock: &Arc<dyn Clock>,
        with_ingest: bool,
    ) -> Result<KafkaSide, Problem> {
        let kafka = &project.settings.kafka;
        let broker = match &kafka.bootstrap {
            Some(_) => None,
            None => Some(start_broker(project, state_dir).await?),
        };
        let bootstrap = match (&kafka.bootstrap, &broker) {
            (Some(bootstrap), _) => bootstrap.clone(),
            (None, Some(broker)) => broker.bootstrap(),
            (None, None) => String::new(),
        };
        let client = client_settings(project, &bootstrap)?;
        let admin = Admin::connect(&client).map_err(problem)?;
        let cluster_id = match kafka.cluster_id.clone() {
            Some(id) => id,
            None => admin.cluster_id().await.map_err(problem)?.ok_or_else(|| {
                Problem::new(
                    ErrorCode::NotReady,
                    format!("the broker at {bootstrap} tells no cluster id"),
                )
                .with_hint("offsets are only safe with one: set kafka.cluster_id")
            })?,
        };
        for stream in project.streams.values() {
            admin
                .ensure_topic(&stream.topic, stream.partitions, &topic_configs())
                .await
                .map_err(problem)?;
        }
        let mut side = KafkaSide {
            embedded: broker.is_some(),
            broker: Mutex::new(broker),
            client,
            admin,
            cluster_id,
            ingest: None,
        };
        if with_ingest {
            side.start_ingest(project, lake, clock)?;
        }
        Ok(side)
    }

    fn start_ingest(
        &mut self,
        project: &Arc<Project>,
        lake: &Arc<Lake>,
        clock: &Arc<dyn Clock>,
    ) -> Result<(), Problem> {
        let mut limits = IngestLimits::of(&project.settings.ingest);
        limits.discovery_interval = project.settings.kafka.discovery_interval.duration();
        limits.silent_after = project.settings.clock.idle.duration();
        let schema_registry = SchemaRegistry::new(&project.settings.kafka.schema_registry).map_err(problem)?;
        let ingest = &project.settings.ingest;
        let sharing = match ingest.assignment {
            AssignmentMode::All => Sharing::Alone,
            AssignmentMode::Group => Sharing::Group {
                worker: ingest.worker.as_ref().map(ToString::to_string),
            },
        };
        let wiring = IngestWiring {
            pipeline: project.settings.kafka.pipeline.clone(),
            streams: project.streams.values().cloned().collect(),
            client: self.client.clone(),
            cluster_id: Some(self.cluster_id.clone()),
            sharing,
            schema_registry,
            stages: Vec::new(),
            lake: Arc::clone(lake),
            limits,
            clock: Arc::clone(clock),
        };
        self.ingest = Some(Arc::new(Ingest::start(wiring).map_err(problem)?));
        Ok(())
    }

    /// How clients reach the broker.
    pub fn client(&self) -> &ClientSettings {
        &self.client
    }

    /// Questions to the broker.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The address of the broker.
    pub fn bootstrap(&self) -> &str {
        &self.client.bootstrap
    }

    /// Whether the broker runs in this process.
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// The id of the broker's cluster.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Ingest, where it runs.
    pub fn ingest(&self) -> Option<&Arc<IngestHandle>> {
        self.ingest.as_ref()
    }

    /// Waits until everything that is in the topics now has landed.
    pub async fn wait_until_landed(&self, limit: Duration) -> Result<(), Problem> {
        match &self.ingest {
            Some(ingest) => ingest.wait_caught_up(limit).await.map_err(problem),
            None => Ok(()),
        }
    }

    /// Stops ingest, which commits what it holds, then the broker. A second call finds nothing to do.
    pub async fn close(&self) -> Result<(), Problem> {
        if let Some(ingest) = &self.ingest {
            ingest.shutdown().await;
        }
        match self.broker.lock().await.take() {
            Some(broker) => broker.shutdown().await.map_err(problem),
            None => Ok(()),
        }
    }
}

/// How clients of this project reach the broker at `bootstrap`. Errors when a secret is not where the settings say, or
/// when the same is set in `kafka.security` and in `kafka.properties`.
pub fn client_settings(project: &Project, bootstrap: &str) -> Result<ClientSettings, Problem> {
    let kafka = &project.settings.kafka;
    let mut client = ClientSettings::new(bootstrap, kafka.client_id.clone());
    let security = kafka.security.properties(&project.dir).map_err(|error| unfit(&error))?;
    client.properties = kafka.properties.expose().clone();
    for (name, value) in security {
        if client.properties.insert(name.clone(), value).is_some() {
            let what = format!("`{name}` is set in kafka.properties, and by kafka.security as well");
            return Err(Problem::new(ErrorCode::InvalidInput, what).with_hint("take it out of kafka.properties"));
        }
    }
    Ok(client)
}

/// Settings of security that cannot be used, with where a secret should have been.
fn unfit(error: &SecurityError) -> Problem {
    let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    Problem::new(ErrorCode::InvalidInput, format!("{error}{reason}"))
}

/// What the broker demands, by the settings that its clients go by.
fn broker_security(project: &Project) -> Result<BrokerSecurity, Problem> {
    let demands = project
        .settings
        .broker
        .demands(&project.settings.kafka.security, &project.dir);
    let demands = demands.map_err(|error| unfit(&error))?;
    let tls = demands.tls.map(|tls| TlsSettings {
        certificate: tls.certificate,
        key: tls.key,
        client_ca: tls.client_ca,
    });
    let sasl = demands.sasl.map(|sasl| {
        let mechanism = match sasl.mechanism {
            SaslMechanism::Plain => tidemill_broker::SaslMechanism::Plain,
            SaslMechanism::ScramSha256 => tidemill_broker::SaslMechanism::ScramSha256,
            SaslMechanism::ScramSha512 => tidemill_broker::SaslMechanism::ScramSha512,
        };
        let users = sasl.users.into_iter();
        SaslSettings::new(
            [mechanism],
            users.map(|(user, password)| (user, Password::new(password.expose()))),
        )
    });
    Ok(BrokerSecurity { tls, sasl })
}

/// Starts the in-process broker of a project, which holds what its pipeline has not committed. It demands of clients what the
/// project's settings make them show.
pub async fn start_broker(project: &Project, state_dir: &Path) -> Result<Broker, Problem> {
    let configured = &project.settings.broker;
    let port_is_default = project
        .provenance
        .get("broker.port")
        .is_none_or(|origin| matches!(origin.origin, Origin::Default));
    let mut settings = BrokerSettings {
        dir: state_dir.join(BROKER_DIR),
        listen: configured.listen,
        advertised_host: configured.advertised_host.clone(),
        security: broker_security(project)?,
        // A port that was chosen is that port; without one the broker keeps the one it found at its first start.
        port: (!port_is_default).then_some(configured.port),
        auto_create_topics: configured.auto_create_topics,
        fsync: match configured.fsync {
            tidemill_project::Fsync::Always => Fsync::Always,
            tidemill_project::Fsync::Interval => Fsync::Interval,
            tidemill_project::Fsync::Never => Fsync::Never,
        },
        fsync_interval_ms: configured.fsync_interval.as_millis().unsigned_abs(),
        retention_ms: configured
            .retention
            .map(|retention| retention.as_millis().unsigned_abs()),
        retention_bytes: configured.retention_bytes.map(ByteSize::as_u64),
        segment_bytes: configured.segment_bytes.as_u64(),
        ..BrokerSettings::default()
    };
    settings.limits.connections_max = configured.connections_max as usize;
    // Strangers at the door must not take every connection.
    let door = settings.limits.handshakes_max.min(settings.limits.connections_max / 2);
    settings.limits.handshakes_max = door.max(1);
    settings.limits.request_bytes_max = configured.request_bytes.as_usize();
    let broker = Broker::start(settings).await.map_err(|error| error.problem())?;
    let topics: Vec<String> = project
        .streams
        .values()
        .map(|stream| stream.topic.to_string())
        .collect();
    broker.hold(&tidemill_ingest::group_name(&project.settings.kafka.pipeline), &topics);
    Ok(broker)
}
