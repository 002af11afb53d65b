//! The registry as its callers see it, in temporary folders, on a clock that stands.

mod deployments;
mod durability;
mod export;
mod firings;
mod killed;
mod models;
mod runs;

use std::sync::Arc;

use tempfile::TempDir;
use tidemill_types::{
    AliasName, CodeVersion, DeploymentName, ExperimentName, FeatureHash, FixedClock, KafkaPartition, Lineage, Micros,
    ModelName, NextOffset, RunId, StreamRange, TableName, TimeRange, TopicName, TrainingInput, VersionNumber,
};

use crate::{Approval, CountedIds, NewRun, NewVersion, Registry, RegistryLocation, Sha256Hash};

/// A registry in a folder that goes away with it.
struct House {
    folder: TempDir,
    clock: Arc<FixedClock>,
    registry: Registry,
}

impl House {
    async fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Micros(1_000)));
        let registry = open(&folder, &clock).await;
        House {
            folder,
            clock,
            registry,
        }
    }

    /// The same folder through a new handle, after the old one was closed.
    async fn reopen(self) -> House {
        self.registry.close().await;
        let registry = open(&self.folder, &self.clock).await;
        House { registry, ..self }
    }

    fn at(&self, micros: i64) {
        self.clock.advance_to(Micros(micros));
    }

    async fn run(&self, name: &str) -> RunId {
        self.registry.start_run(new_run(name)).await.unwrap()
    }

    /// A run and the version of `content` that it makes.
    async fn version(&self, content: &str) -> NewVersion {
        let run = self.run(content).await;
        let artifact = self.registry.put_blob(content.into()).await.unwrap();
        NewVersion {
            model: model(),
            run,
            artifact,
            content_hash: Sha256Hash::of(content.as_bytes()),
            files: Vec::new(),
            lineage: lineage(),
            description: String::new(),
            gate: Some("auc 0.9 is at least 0.7".into()),
            approval: Approval::Approved,
            alias: None,
            finish_run: true,
            actor: "trainer".into(),
        }
    }

    async fn register(&self, content: &str) -> VersionNumber {
        let version = self.version(content).await;
        self.registry.register_version(version).await.unwrap().version
    }
}

async fn open(folder: &TempDir, clock: &Arc<FixedClock>) -> Registry {
    let location = RegistryLocation::in_folder(folder.path());
    let ids = Arc::new(CountedIds::default());
    Registry::open(&location, Arc::clone(clock) as _, ids).await.unwrap()
}

fn new_run(name: &str) -> NewRun {
    NewRun {
        experiment: ExperimentName::new("fraud").unwrap(),
        name: name.into(),
        kind: "training".into(),
        params: vec![("algorithm".into(), "xgboost".into())],
        tags: Vec::new(),
        seed: Some(42),
        code_version: Some(CodeVersion("0.1.0".into())),
        owner: "up".into(),
    }
}

fn model() -> ModelName {
    ModelName::new("fraud").unwrap()
}

fn alias(name: &str) -> AliasName {
    AliasName::new(name).unwrap()
}

fn place(name: &str) -> DeploymentName {
    DeploymentName::new(name).unwrap()
}

fn lineage() -> Lineage {
    let table = TableName::new("transactions").unwrap();
    let range = |partition: i32, end: i64| StreamRange {
        table: table.clone(),
        topic: TopicName::new("transactions").unwrap(),
        partition: KafkaPartition(partition),
        start: NextOffset::ZERO,
        end: NextOffset(end),
    };
    Lineage {
        inputs: vec![
            TrainingInput {
                table: table.clone(),
                delta_version: 7,
                window: TimeRange::new(Micros(10), Micros(20)),
                rows: 100,
            },
            TrainingInput {
                table: TableName::new("labels").unwrap(),
                delta_version: 3,
                window: TimeRange::ALL,
                rows: 40,
            },
        ],
        streams: vec![range(1, 60), range(0, 40)],
        feature_hash: FeatureHash("ab".into()),
        seed: 42,
        code_version: CodeVersion("0.1.0".into()),
    }
}
