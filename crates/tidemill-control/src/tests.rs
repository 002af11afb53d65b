//! Orders on a real registry in a temporary folder, over models that were really fitted.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Map;
use tempfile::TempDir;
use tidemill_models::{
    Algorithm, Artifact, FeatureKind, FeatureSpec, FitOptions, Hyperparameters, LabelMap, Matrix, TrainingData, fit,
};
use tidemill_registry::{
    Approval, CountedIds, DeploymentKind, NewRun, NewVersion, Registry, RegistryLocation, ReleasePins, VersionRef,
};
use tidemill_serve::protocol::InferRequest;
use tidemill_serve::{NoObserver, Slots};
use tidemill_types::{
    AliasName, Clock, CodeVersion, DeploymentName, ErrorCode, ExperimentName, Explain, FeatureHash, FixedClock,
    KafkaPartition, Lineage, Micros, ModelName, NextOffset, StreamRange, TableName, TimeRange, TopicName,
    TrainingInput, VersionNumber,
};

use crate::{AliasOrder, Binding, ControlError, DeployOrder, Lifecycle, MoveOrder};

/// A registry with three versions of `fraud`, and the lifecycle of one deployment over it.
struct House {
    folder: TempDir,
    registry: Registry,
    ids: Arc<CountedIds>,
    lifecycle: Lifecycle,
}

impl House {
    async fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let ids = Arc::new(CountedIds::default());
        let (registry, lifecycle) = open(&folder, &ids).await;
        for frauds_from in [2, 4, 6] {
            register(&registry, frauds_from).await;
        }
        House {
            folder,
            registry,
            ids,
            lifecycle,
        }
    }

    /// The process ends and another one starts on the same folder.
    async fn restart(self) -> House {
        self.registry.close().await;
        let (registry, lifecycle) = open(&self.folder, &self.ids).await;
        House {
            registry,
            lifecycle,
            ..self
        }
    }

    async fn deploy(&self, version: u32) -> Result<(), ControlError> {
        let order = DeployOrder {
            deployment: place("fraud"),
            version: VersionRef::Number(VersionNumber(version)),
            pins: ReleasePins::default(),
            actor: "test".to_owned(),
            reason: format!("version {version}"),
        };
        self.lifecycle.deploy(order).await.map(|_| ())
    }

    async fn roll_back(&self) -> Result<(), ControlError> {
        let order = MoveOrder {
            deployment: place("fraud"),
            actor: "test".to_owned(),
            reason: "worse".to_owned(),
        };
        self.lifecycle.roll_back(order).await.map(|_| ())
    }

    async fn point(&self, alias: &str, version: u32) -> Result<(), ControlError> {
        let order = AliasOrder {
            model: model(),
            alias: alias_name(alias),
            version: VersionNumber(version),
            actor: "test".to_owned(),
            reason: String::new(),
        };
        self.lifecycle.move_alias(order).await.map(|_| ())
    }

    /// What answers, what the registry says is live, and where `champion` points: always the same version.
    async fn check_serves(&self, version: u32) {
        let request = InferRequest::from_columns([("AMOUNT".to_owned(), vec![3.0])]);
        let answer = self
            .lifecycle
            .slots()
            .infer(&place("fraud"), None, request)
            .await
            .unwrap();
        assert_eq!(answer.model_version, version.to_string(), "the slot");
        let live = self.registry.current_deployment(&place("fraud")).await.unwrap();
        assert_eq!(live.version, VersionNumber(version), "the registry");
        assert_eq!(self.alias("champion").await, Some(VersionNumber(version)), "the alias");
    }

    async fn alias(&self, name: &str) -> Option<VersionNumber> {
        let aliases = self.registry.aliases(&model()).await.unwrap();
        let found = aliases.into_iter().find(|alias| alias.alias.as_str() == name);
        found.map(|alias| alias.version)
    }

    /// Breaks the stored bytes of a version.
    async fn damage(&self, version: u32) {
        let number = VersionRef::Number(VersionNumber(version));
        let hash = self.registry.version(&model(), &number).await.unwrap().version.artifact;
        let file = blob(self.folder.path().to_path_buf(), &hash.to_string()).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let mut permissions = fs::metadata(&file).unwrap().permissions();
        #[expect(
            clippy::permissions_set_readonly_false,
            reason = "a file of this test, in a folder of this test"
        )]
        permissions.set_readonly(false);
        fs::set_permissions(&file, permissions).unwrap();
        fs::write(&file, bytes).unwrap();
    }
}

async fn open(folder: &TempDir, ids: &Arc<CountedIds>) -> (Registry, Lifecycle) {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(Micros(1_000)));
    let location = RegistryLocation::in_folder(folder.path());
    let registry = Registry::open(&location, Arc::clone(&clock), Arc::clone(ids) as Arc<_>)
        .await
        .unwrap();
    let binding = Binding {
        deployment: place("fraud"),
        model: model(),
        alias: alias_name("champion"),
    };
    let slots = Arc::new(Slots::new(Arc::new(NoObserver)));
    let lifecycle = Lifecycle::new(registry.clone(), slots, clock, [binding]);
    (registry, lifecycle)
}

/// The file below `folder` that is called `name`.
fn blob(folder: PathBuf, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => blob(path, name),
        false => path.ends_with(name).then_some(path),
    })
}

/// Of amounts 0 to 9, those from `frauds_from` on are fraud.
fn fitted(frauds_from: u8) -> Artifact {
    let amounts: Vec<f32> = (0_u8..10).map(f32::from).collect();
    let matrix = Matrix::from_columns(&[amounts]).unwrap();
    let data = TrainingData::new(
        vec![FeatureSpec::new("AMOUNT", FeatureKind::Float64)],
        LabelMap::zero_one("FRAUD"),
        matrix,
        (0..10).map(|amount| amount >= frauds_from).collect(),
    )
    .unwrap();
    let parameters = Hyperparameters::parse(Algorithm::LogisticRegression, &Map::new()).unwrap();
    let mut go_on = |_| std::ops::ControlFlow::Continue(());
    let fit = fit(&parameters, &data, FitOptions::with_seed(1), &mut go_on).unwrap();
    Artifact::new(fit.model, data.matrix()).unwrap()
}

async fn register(registry: &Registry, frauds_from: u8) {
    let artifact = fitted(frauds_from);
    let run = NewRun {
        experiment: ExperimentName::new("fraud").unwrap(),
        name: format!("frauds from {frauds_from}"),
        kind: "training".to_owned(),
        params: Vec::new(),
        tags: Vec::new(),
        seed: Some(1),
        code_version: Some(CodeVersion("0.1.0".to_owned())),
        owner: "test".to_owned(),
    };
    let version = NewVersion {
        model: model(),
        run: registry.start_run(run).await.unwrap(),
        content_hash: artifact.content_hash().parse().unwrap(),
        artifact: registry.put_blob(artifact.encode()).await.unwrap(),
        files: Vec::new(),
        lineage: lineage(),
        description: String::new(),
        gate: None,
        approval: Approval::Approved,
        alias: Some(alias_name("challenger")),
        finish_run: true,
        actor: "test".to_owned(),
    };
    assert!(!registry.register_version(version).await.unwrap().existing);
}

fn lineage() -> Lineage {
    let table = TableName::new("transactions").unwrap();
    Lineage {
        inputs: vec![TrainingInput {
            table: table.clone(),
            delta_version: 7,
            window: TimeRange::new(Micros(10), Micros(20)),
            rows: 10,
        }],
        streams: vec![StreamRange {
            table,
            topic: TopicName::new("transactions").unwrap(),
            partition: KafkaPartition(0),
            start: NextOffset::ZERO,
            end: NextOffset(10),
        }],
        feature_hash: FeatureHash("ab".to_owned()),
        seed: 1,
        code_version: CodeVersion("0.1.0".to_owned()),
    }
}

fn model() -> ModelName {
    ModelName::new("fraud").unwrap()
}

fn place(name: &str) -> DeploymentName {
    DeploymentName::new(name).unwrap()
}

fn alias_name(name: &str) -> AliasName {
    AliasName::new(name).unwrap()
}

#[tokio::test]
async fn slot_registry_and_alias_move_as_one() {
    let house = House::new().await;
    house.deploy(1).await.unwrap();
    house.check_serves(1).await;
    house.deploy(2).await.unwrap();
    house.check_serves(2).await;
    house.roll_back().await.unwrap();
    house.check_serves(1).await;
    // Forward again is one more deployment, and a rollback from there leads to the first as before.
    house.deploy(2).await.unwrap();
    house.check_serves(2).await;
    house.roll_back().await.unwrap();
    house.check_serves(1).await;
    let history = house.registry.deployment_history(&place("fraud"), 10).await.unwrap();
    let kinds: Vec<_> = history.iter().map(|event| (event.kind, event.version.0)).collect();
    let (deploy, rollback) = (DeploymentKind::Deploy, DeploymentKind::Rollback);
    assert_eq!(
        kinds,
        [(deploy, 1), (deploy, 2), (rollback, 1), (deploy, 2), (rollback, 1)]
    );
}

#[tokio::test]
async fn an_order_that_cannot_be_carried_out_changes_nothing() {
    let house = House::new().await;
    assert_eq!(house.roll_back().await.unwrap_err().code(), ErrorCode::NotFound);
    house.deploy(1).await.unwrap();
    let nowhere = house.roll_back().await.unwrap_err();
    assert!(
        house.registry.previous_version(&place("fraud")).await.is_err(),
        "{nowhere}"
    );
    assert_eq!(house.deploy(9).await.unwrap_err().code(), ErrorCode::NotFound);
    assert!(house.point("champion", 9).await.is_err());
    assert!(house.point("candidate", 9).await.is_err());
    assert_eq!(house.alias("candidate").await, None);
    let elsewhere = DeployOrder {
        deployment: place("elsewhere"),
        version: VersionRef::Number(VersionNumber(1)),
        pins: ReleasePins::default(),
        actor: "test".to_owned(),
        reason: String::new(),
    };
    let unknown = house.lifecycle.deploy(elsewhere).await.unwrap_err();
    assert_eq!(unknown.hint().as_deref(), Some("tidemill.toml has `fraud`"));
    house.check_serves(1).await;
    assert_eq!(
        house
            .registry
            .deployment_history(&place("fraud"), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn an_alias_that_a_deployment_follows_takes_it_along() {
    let house = House::new().await;
    house.deploy(1).await.unwrap();
    house.point("champion", 3).await.unwrap();
    house.check_serves(3).await;
    // Another alias is a name and nothing more.
    house.point("challenger", 2).await.unwrap();
    assert_eq!(house.alias("challenger").await, Some(VersionNumber(2)));
    house.check_serves(3).await;
    house.roll_back().await.unwrap();
    house.check_serves(1).await;
}

#[tokio::test]
async fn damaged_bytes_are_refused_and_the_old_version_keeps_serving() {
    let house = House::new().await;
    house.deploy(1).await.unwrap();
    house.deploy(2).await.unwrap();
    house.damage(1).await;
    house.damage(3).await;
    assert_eq!(house.deploy(3).await.unwrap_err().code(), ErrorCode::Corrupt);
    assert_eq!(house.point("champion", 3).await.unwrap_err().code(), ErrorCode::Corrupt);
    assert_eq!(house.roll_back().await.unwrap_err().code(), ErrorCode::Corrupt);
    house.check_serves(2).await;
    assert_eq!(
        house
            .registry
            .deployment_history(&place("fraud"), 10)
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_restart_serves_what_the_registry_says() {
    let house = House::new().await;
    house.deploy(1).await.unwrap();
    house.deploy(2).await.unwrap();
    house.roll_back().await.unwrap();
    let house = house.restart().await;
    assert!(house.lifecycle.slots().get(&place("fraud")).is_none());
    let found = house.lifecycle.reconcile().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].version, found[0].fault.as_ref()), (VersionNumber(1), None));
    house.check_serves(1).await;
    // Nothing to do is done by doing nothing.
    let before = house.lifecycle.slots().get(&place("fraud")).unwrap();
    house.lifecycle.reconcile().await.unwrap();
    assert!(Arc::ptr_eq(
        &before,
        &house.lifecycle.slots().get(&place("fraud")).unwrap()
    ));
    house.deploy(3).await.unwrap();
    house.check_serves(3).await;
}

#[tokio::test]
async fn a_restart_tells_what_cannot_be_served_until_it_can() {
    let house = House::new().await;
    house.deploy(1).await.unwrap();
    house.deploy(2).await.unwrap();
    house.damage(2).await;
    let house = house.restart().await;
    let found = house.lifecycle.reconcile().await.unwrap();
    let fault = found[0].fault.clone().unwrap();
    assert_eq!(fault.code, ErrorCode::Corrupt);
    assert!(house.lifecycle.slots().get(&place("fraud")).is_none());
    assert_eq!(house.lifecycle.fault(&place("fraud")), Some(fault));
    house.roll_back().await.unwrap();
    house.check_serves(1).await;
    assert_eq!(house.lifecycle.fault(&place("fraud")), None);
}

#[tokio::test]
async fn orders_at_the_same_time_leave_slot_and_registry_agreed() {
    let house = House::new().await;
    let (first, second, third) = tokio::join!(house.deploy(1), house.deploy(2), house.deploy(3));
    for done in [first, second, third] {
        done.unwrap();
    }
    let live = house.registry.current_deployment(&place("fraud")).await.unwrap();
    house.check_serves(live.version.0).await;
}
