//! A process that registers version after version, killed in the middle: what it was told is there, and nothing by half.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tidemill_types::{RunId, SystemClock};

use super::{lineage, model, new_run};
use crate::{
    Approval, ArtifactEntry, NewVersion, RandomIds, Registry, RegistryError, RegistryLocation, RunFilter, RunStatus,
    Sha256Hash, VersionRef,
};

/// Set in the process that is to be killed: the registry's folder.
const VICTIM: &str = "TIDEMILL_REGISTRY_VICTIM";
const ROUNDS: usize = 4;
const REGISTERED_BEFORE_DEATH: usize = 7;

#[test]
fn a_killed_process_leaves_nothing_by_half() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(folder) = std::env::var_os(VICTIM) {
        runtime.block_on(register_until_killed(Path::new(&folder))).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut told = 0;
    for round in 0..ROUNDS {
        told += kill_one(folder.path());
        runtime.block_on(inspect(folder.path(), told, round));
    }
}

/// Runs this test once more as the victim, kills it after some versions, and gives how many it was told of.
fn kill_one(folder: &Path) -> usize {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::killed::a_killed_process_leaves_nothing_by_half",
            "--nocapture",
        ])
        .env(VICTIM, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = 0;
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        told += usize::from(line.unwrap().contains("registered v"));
        if told == REGISTERED_BEFORE_DEATH {
            victim.kill().unwrap();
        }
    }
    assert!(!victim.wait().unwrap().success());
    assert!(told >= REGISTERED_BEFORE_DEATH, "the victim died by itself");
    told
}

async fn open(folder: &Path) -> Result<Registry, RegistryError> {
    let location = RegistryLocation::in_folder(folder);
    Registry::open(&location, Arc::new(SystemClock), Arc::new(RandomIds)).await
}

async fn register_until_killed(folder: &Path) -> Result<(), RegistryError> {
    let registry = open(folder).await?;
    loop {
        let run: RunId = registry.start_run(new_run("victim")).await?;
        let artifact = registry.put_blob(run.to_string().into()).await?;
        let version = NewVersion {
            model: model(),
            artifact,
            content_hash: Sha256Hash::of(run.as_str().as_bytes()),
            files: vec![ArtifactEntry {
                path: "model.txt".into(),
                hash: artifact,
            }],
            run,
            lineage: lineage(),
            description: String::new(),
            gate: None,
            approval: Approval::Approved,
            alias: Some("challenger".parse().unwrap()),
            finish_run: true,
            actor: "victim".into(),
        };
        let registered = registry.register_version(version).await?;
        println!("registered {}", registered.version);
    }
}

async fn inspect(folder: &Path, told: usize, round: usize) {
    let registry = open(folder).await.unwrap();
    registry.verify_audit_chain().await.unwrap();
    let versions = registry.versions(&model()).await.unwrap();
    assert!(versions.len() >= told, "round {round}: {} of {told}", versions.len());
    for version in &versions {
        let found = registry
            .version(&model(), &VersionRef::Number(version.version))
            .await
            .unwrap();
        assert_eq!(found.lineage, Some(lineage()));
        let bytes = registry.get_blob(&found.artifacts[0].hash).await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), found.runs[0].to_string());
    }
    let aliases = registry.aliases(&model()).await.unwrap();
    assert_eq!(aliases[0].version, versions[0].version);
    // A finished run has its version, a running one has none; the dead process left one at most.
    let running = registry.reap_running("up").await.unwrap();
    assert!(running.len() <= 1, "round {round}: {running:?}");
    let filter = RunFilter {
        limit: 10_000,
        ..RunFilter::default()
    };
    for run in registry.runs(&filter).await.unwrap() {
        let produced = registry.run(&run.id).await.unwrap().versions.len();
        assert_eq!(produced, usize::from(run.status == RunStatus::Finished), "{run:?}");
    }
    registry.close().await;
}
