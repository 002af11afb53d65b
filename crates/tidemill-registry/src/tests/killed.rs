//! A process that carries out firing after firing and registers a version for each, killed in the middle: what it was told is
//! there, and nothing by half.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use tidemill_types::{Micros, RunId, SystemClock, TriggerKind, TriggerName};

use super::{lineage, model, new_run};
use crate::{
    Approval, ArtifactEntry, Firing, FiringFilter, FiringOutcome, FiringState, FiringStep, NewFiring, NewVersion,
    RandomIds, Registry, RegistryError, RegistryLocation, RunFilter, RunStatus, Sha256Hash, VersionRef,
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
    // The firing that the last victim left goes on, as after any restart.
    let mut left = registry.open_firings().await?.into_iter().next();
    loop {
        let firing = match left.take() {
            Some(firing) => firing,
            None => next_firing(&registry).await?,
        };
        if firing.state == FiringState::Trained {
            end(&registry, firing.id).await?;
            continue;
        }
        registry.step_firing(firing.id, FiringStep::Training).await?;
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
            run: run.clone(),
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
        let trained = FiringStep::Trained {
            run,
            version: Some(registered.version),
        };
        registry.step_firing(firing.id, trained).await?;
        end(&registry, firing.id).await?;
    }
}

/// Fires for the time after the last one.
async fn next_firing(registry: &Registry) -> Result<Firing, RegistryError> {
    let newest = registry.firings(&FiringFilter::default(), 1).await?;
    let new = NewFiring {
        trigger: TriggerName::new("new_labels").unwrap(),
        model: model(),
        kind: TriggerKind::Data,
        at: Micros(newest.first().map_or(0, |newest| newest.at.0 + 1)),
        evidence: json!([]),
        champion: None,
        actor: "victim".into(),
        reason: String::new(),
    };
    let recorded = registry.record_firing(new).await?;
    assert!(recorded.is_new);
    Ok(recorded.firing)
}

async fn end(registry: &Registry, firing: i64) -> Result<(), RegistryError> {
    let step = FiringStep::Ended {
        outcome: FiringOutcome::Promoted,
        detail: String::new(),
    };
    registry.step_firing(firing, step).await.map(drop)
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
    // One firing at a time was under way; all before it have ended, each with the version that it made.
    let firings = registry.firings(&FiringFilter::default(), 10_000).await.unwrap();
    let times: Vec<i64> = firings.iter().rev().map(|firing| firing.at.0).collect();
    assert_eq!(times, (0..firings.len() as i64).collect::<Vec<_>>(), "round {round}");
    for (age, firing) in firings.iter().enumerate() {
        let ended = firing.state == FiringState::Ended;
        assert!(ended || age == 0, "round {round}: {firing:?}");
        assert_eq!(
            ended,
            firing.outcome.is_some() && firing.ended_at.is_some(),
            "{firing:?}"
        );
        let (Some(run), Some(version)) = (&firing.run, firing.version) else {
            assert!(firing.state < FiringState::Trained, "{firing:?}");
            continue;
        };
        let produced = registry.run(run).await.unwrap().versions;
        assert!(produced.iter().any(|made| made.version == version), "{firing:?}");
    }
    registry.close().await;
}
