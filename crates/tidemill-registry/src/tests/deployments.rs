//! What is live, what was, and the way back.

use expect_test::{Expect, expect};
use tidemill_types::{ErrorCode, Explain as _, FeatureHash, Micros, ModelName, VersionNumber};

use super::{House, alias, model, place};
use crate::{Approval, Deployment, NewDeployment, NewMove, NewVersion, RegistryError, ReleasePins};

fn deploy(version: u32) -> NewDeployment {
    NewDeployment {
        deployment: place("fraud"),
        model: model(),
        version: VersionNumber(version),
        pins: ReleasePins::default(),
        alias: alias("champion"),
        actor: "anna".into(),
        reason: format!("try v{version}"),
    }
}

fn to(version: u32) -> NewMove {
    NewMove {
        deployment: place("fraud"),
        to: VersionNumber(version),
        alias: alias("champion"),
        actor: "bert".into(),
        reason: "too many alarms".into(),
    }
}

fn told(history: &[Deployment]) -> String {
    let line = |event: &Deployment| {
        let until = event.live_to.map_or("now".into(), |time| time.0.to_string());
        format!(
            "{} {} from {} to {until} by {}\n",
            event.kind, event.version, event.live_from.0, event.actor
        )
    };
    history.iter().map(line).collect()
}

#[tokio::test]
async fn forth_and_back_and_forth_again() {
    let house = House::new().await;
    let registry = &house.registry;
    for content in ["one", "two", "three"] {
        house.register(content).await;
    }
    let check = async |expected: Expect| {
        let history = registry.deployment_history(&place("fraud"), 100).await.unwrap();
        expected.assert_eq(&told(&history));
        let live = registry.current_deployment(&place("fraud")).await.unwrap();
        assert_eq!(Some(&live), history.last());
        assert_eq!(
            registry.current_deployments().await.unwrap(),
            std::slice::from_ref(&live)
        );
        let aliases = registry.aliases(&model()).await.unwrap();
        assert_eq!(aliases[0].version, live.version, "the alias follows what is live");
    };
    let nothing = registry.previous_version(&place("fraud")).await.unwrap_err();
    assert_eq!(nothing.code(), ErrorCode::NotFound);
    house.at(2_000);
    registry.record_deployment(deploy(1)).await.unwrap();
    let nothing = registry.record_rollback(to(1)).await.unwrap_err();
    assert!(matches!(nothing, RegistryError::NothingToRollBackTo { .. }));
    assert_eq!(
        nothing.hint().unwrap(),
        "only a second deployment makes a rollback possible"
    );
    house.at(3_000);
    registry.record_deployment(deploy(2)).await.unwrap();
    house.at(4_000);
    assert_eq!(
        registry.previous_version(&place("fraud")).await.unwrap().version,
        VersionNumber(1)
    );
    // Who looked before somebody else deployed does not roll back to where nobody meant to go.
    let moved = registry.record_rollback(to(2)).await.unwrap_err();
    assert!(matches!(moved, RegistryError::DeploymentMoved { .. }));
    registry.record_rollback(to(1)).await.unwrap();
    let nothing = registry.previous_version(&place("fraud")).await.unwrap_err();
    assert_eq!(
        nothing.hint().unwrap(),
        "nothing was live before that was not rolled back; `tidemill deploy fraud 2` serves version 2 again"
    );
    check(expect![[r"
        deploy v1 from 2000 to 3000 by anna
        deploy v2 from 3000 to 4000 by anna
        rollback v1 from 4000 to now by bert
    "]])
    .await;
    house.at(5_000);
    assert_eq!(
        registry.undone_version(&place("fraud")).await.unwrap().version,
        VersionNumber(2)
    );
    registry.record_forward(to(2)).await.unwrap();
    let nothing = registry.record_forward(to(2)).await.unwrap_err();
    assert!(matches!(nothing, RegistryError::NothingToUndo { .. }));
    registry.record_rollback(to(1)).await.unwrap();
    house.at(6_000);
    registry.record_deployment(deploy(3)).await.unwrap();
    assert_eq!(
        registry.previous_version(&place("fraud")).await.unwrap().version,
        VersionNumber(1)
    );
    check(expect![[r"
        deploy v1 from 2000 to 3000 by anna
        deploy v2 from 3000 to 4000 by anna
        rollback v1 from 4000 to 5000 by bert
        forward v2 from 5000 to 5000 by bert
        rollback v1 from 5000 to 6000 by bert
        deploy v3 from 6000 to now by anna
    "]])
    .await;
    for (time, live) in [
        (1_999, None),
        (2_000, Some(1)),
        (3_999, Some(2)),
        (5_000, Some(1)),
        (9_000, Some(3)),
    ] {
        let found = registry.deployments_as_of(Micros(time)).await.unwrap();
        assert_eq!(found.first().map(|event| event.version.0), live, "at {time}");
    }
}

#[tokio::test]
async fn a_rollback_brings_the_whole_release_back() {
    let house = House::new().await;
    let registry = &house.registry;
    house.register("one").await;
    let with_threshold = |threshold: &str| NewDeployment {
        pins: ReleasePins {
            features: Some(FeatureHash("ab".into())),
            thresholds: Some(threshold.into()),
            schema_hash: None,
        },
        ..deploy(1)
    };
    let strict = registry.record_deployment(with_threshold("0.9")).await.unwrap();
    let loose = registry.record_deployment(with_threshold("0.5")).await.unwrap();
    assert_ne!(strict.release, loose.release);
    let back = registry.record_rollback(to(1)).await.unwrap();
    assert_eq!((back.release, &back.pins), (strict.release, &strict.pins));
}

#[tokio::test]
async fn what_must_not_go_live_does_not() {
    let house = House::new().await;
    let registry = &house.registry;
    house.register("one").await;
    let rejected = NewVersion {
        approval: Approval::Rejected,
        ..house.version("two").await
    };
    registry.register_version(rejected).await.unwrap();
    let other = NewVersion {
        model: ModelName::new("churn").unwrap(),
        ..house.version("three").await
    };
    registry.register_version(other).await.unwrap();
    registry.record_deployment(deploy(1)).await.unwrap();
    let audited = registry.audit(100).await.unwrap().len();
    for (new, code) in [
        (deploy(2), ErrorCode::NotReady),
        (deploy(3), ErrorCode::NotFound),
        (
            NewDeployment {
                model: ModelName::new("churn").unwrap(),
                ..deploy(1)
            },
            ErrorCode::Conflict,
        ),
        (
            NewDeployment {
                actor: " ".into(),
                ..deploy(1)
            },
            ErrorCode::InvalidInput,
        ),
    ] {
        let error = registry.record_deployment(new).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    assert_eq!(registry.audit(100).await.unwrap().len(), audited);
    assert_eq!(registry.deployment_history(&place("fraud"), 10).await.unwrap().len(), 1);
}
