//! Registered models, versions, aliases.

use std::collections::BTreeMap;

use tidemill_types::{AliasName, ErrorCode, Explain as _, Micros, VersionNumber};

use super::{House, alias, lineage, model};
use crate::{Approval, ArtifactEntry, NewVersion, RegistryError, RunFilter, RunStatus, Sha256Hash, VersionRef};

#[tokio::test]
async fn a_version_is_registered_with_all_that_hangs_on_it() {
    let house = House::new().await;
    let registry = &house.registry;
    let mut moves = registry.moves();
    let report = registry.put_blob(b"report".to_vec()).await.unwrap();
    let mut new = house.version("bytes").await;
    new.files = vec![ArtifactEntry {
        path: "report.txt".into(),
        hash: report,
    }];
    new.alias = Some(alias("candidate"));
    let run = new.run.clone();
    let registered = registry.register_version(new).await.unwrap();
    assert_eq!((registered.version, registered.existing), (VersionNumber(1), false));
    assert!(moves.has_changed().unwrap());
    moves.mark_unchanged();

    for wanted in ["1", "v1", "candidate"] {
        let found = registry.version(&model(), &wanted.parse().unwrap()).await.unwrap();
        assert_eq!(found.version.version, VersionNumber(1));
        assert_eq!(found.version.aliases, [alias("candidate")]);
        assert_eq!(found.lineage, Some(lineage()));
        assert_eq!(found.artifacts[0].hash, report);
        assert_eq!(found.runs, std::slice::from_ref(&run));
        assert_eq!(registry.get_blob(&found.version.artifact).await.unwrap(), b"bytes");
    }
    let details = registry.run(&run).await.unwrap();
    assert_eq!(details.run.status, RunStatus::Finished);
    assert_eq!(details.versions[0].version, VersionNumber(1));
    for unknown in ["2", "champion"] {
        let wanted: VersionRef = unknown.parse().unwrap();
        let error = registry.version(&model(), &wanted).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
    }
    assert!(!moves.has_changed().unwrap());
}

#[tokio::test]
async fn the_same_content_twice_is_one_version() {
    let house = House::new().await;
    let registry = &house.registry;
    let first = house.version("bytes").await;
    let second = house.version("bytes").await;
    let runs = [first.run.clone(), second.run.clone()];
    registry.register_version(first.clone()).await.unwrap();
    house.at(2_000);
    for again in [second, first] {
        let registered = registry.register_version(again).await.unwrap();
        assert_eq!((registered.version, registered.existing), (VersionNumber(1), true));
    }
    assert_eq!(house.register("other bytes").await, VersionNumber(2));
    let found = registry
        .version(&model(), &VersionRef::Number(VersionNumber(1)))
        .await
        .unwrap();
    assert_eq!(found.version.created_at, Micros(1_000));
    assert_eq!(found.runs, runs);
    let models = registry.models().await.unwrap();
    assert_eq!((models[0].versions, models[0].newest), (2, Some(VersionNumber(2))));
}

#[tokio::test]
async fn a_registration_that_fails_leaves_nothing() {
    let house = House::new().await;
    let registry = &house.registry;
    let good = house.version("bytes").await;
    let missing = Sha256Hash::of(b"never stored");
    let entry = |path: &str, hash| {
        vec![ArtifactEntry {
            path: path.into(),
            hash,
        }]
    };
    let mut other_lineage = lineage();
    other_lineage.seed = 43;
    let recorded = house.run("recorded").await;
    registry.record_lineage(&recorded, &lineage()).await.unwrap();
    let cases: [(&str, NewVersion); 6] = [
        (
            "artifact",
            NewVersion {
                artifact: missing,
                ..good.clone()
            },
        ),
        (
            "file",
            NewVersion {
                files: entry("a", missing),
                ..good.clone()
            },
        ),
        (
            "path",
            NewVersion {
                files: entry("../a", good.artifact),
                ..good.clone()
            },
        ),
        (
            "run",
            NewVersion {
                run: "f".repeat(32).parse().unwrap(),
                ..good.clone()
            },
        ),
        (
            "lineage",
            NewVersion {
                run: recorded,
                lineage: other_lineage,
                ..good.clone()
            },
        ),
        (
            "actor",
            NewVersion {
                actor: String::new(),
                ..good.clone()
            },
        ),
    ];
    let audited = registry.audit(100).await.unwrap().len();
    for (case, version) in cases {
        assert!(registry.register_version(version).await.is_err(), "{case}");
        assert!(registry.models().await.unwrap().is_empty(), "{case}");
        assert_eq!(registry.audit(100).await.unwrap().len(), audited, "{case}");
        let runs = registry.runs(&RunFilter::default()).await.unwrap();
        assert!(runs.iter().all(|run| run.status == RunStatus::Running), "{case}");
    }
    assert_eq!(registry.run(&good.run).await.unwrap().lineage, None);
    assert_eq!(registry.register_version(good).await.unwrap().version, VersionNumber(1));
}

#[tokio::test]
async fn only_the_approval_of_a_version_changes() {
    let house = House::new().await;
    let registry = &house.registry;
    let version = house.register("bytes").await;
    for approval in [Approval::Rejected, Approval::Rejected, Approval::Pending] {
        registry
            .set_approval(&model(), version, approval, "risk", "biased")
            .await
            .unwrap();
        let found = registry.versions(&model()).await.unwrap();
        assert_eq!(found[0].approval, approval);
    }
    let audited = registry.audit(2).await.unwrap();
    assert_eq!(audited[1].before.as_deref(), Some("approved"));
    assert_eq!(audited[1].after.as_deref(), Some("rejected: biased"));
}

#[tokio::test]
async fn where_an_alias_points_is_the_fold_of_its_events() {
    let house = House::new().await;
    let registry = &house.registry;
    for content in ["one", "two", "three"] {
        house.register(content).await;
    }
    let names = ["champion", "challenger", "shadow"];
    let mut expected: BTreeMap<AliasName, VersionNumber> = BTreeMap::new();
    let mut past: Vec<(i64, BTreeMap<AliasName, VersionNumber>)> = Vec::new();
    // A small generator with a fixed seed: the same moves each time.
    let mut state: u64 = 7;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for step in 0..120 {
        let time = 2_000 + step;
        house.at(time);
        let alias = alias(names[next(3) as usize]);
        let target = next(4) as u32;
        let known = expected.get(&alias).copied();
        if target == 0 {
            let removed = registry.remove_alias(&model(), &alias, "test", "").await;
            assert_eq!(removed.is_ok(), known.is_some());
            expected.remove(&alias);
        } else {
            let event = registry
                .set_alias(&model(), &alias, VersionNumber(target), "test", "because")
                .await
                .unwrap();
            assert_eq!(event.to, Some(VersionNumber(target)));
            let moved = known != Some(VersionNumber(target));
            assert_eq!(event.at == Micros(time), moved, "an alias that stays writes no event");
            expected.insert(alias, VersionNumber(target));
        }
        past.push((time, expected.clone()));
        let now = registry.aliases(&model()).await.unwrap();
        let now: BTreeMap<_, _> = now.into_iter().map(|alias| (alias.alias, alias.version)).collect();
        assert_eq!(now, expected, "step {step}");
    }
    let mut events = 0;
    for name in names {
        let history = registry.alias_history(&model(), &alias(name), 1_000).await.unwrap();
        assert!(history.windows(2).all(|pair| pair[0].to == pair[1].from));
        events += history.len();
        for (time, then) in &past {
            let found = registry
                .alias_as_of(&model(), &alias(name), Micros(*time))
                .await
                .unwrap();
            assert_eq!(found, then.get(&alias(name)).copied(), "{name} at {time}");
        }
        assert_eq!(
            registry
                .alias_as_of(&model(), &alias(name), Micros(1_999))
                .await
                .unwrap(),
            None
        );
    }
    assert!(events > 60, "{events}");
    let unknown = registry
        .set_alias(&model(), &alias("champion"), VersionNumber(9), "test", "")
        .await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { kind: "version", .. })));
}
