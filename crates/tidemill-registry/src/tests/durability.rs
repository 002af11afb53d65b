//! Many writers, processes that die, files that were changed by hand.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use tidemill_types::{ErrorCode, Explain as _, VersionNumber};

use super::{House, alias, model, new_run, place};
use crate::db::sql;
use crate::{
    ArtifactEntry, MetricPoint, NewDeployment, NewRun, RegistryError, ReleasePins, RunEnd, RunFilter, RunStatus,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_writes_of_many_writers_land() {
    const WRITERS: usize = 8;
    const WRITES: usize = 50;
    let house = House::new().await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let registry = house.registry.clone();
            tokio::spawn(async move {
                let run = registry.start_run(new_run(&format!("writer {writer}"))).await.unwrap();
                for step in 0..WRITES {
                    let point = MetricPoint::new("loss", step as f64, step as i64);
                    registry.log_metrics(&run, vec![point]).await.unwrap();
                    // A neighbour in the same commit that fails takes nobody with it.
                    let other = vec![("algorithm".into(), "other".into())];
                    assert!(registry.log_params(&run, other).await.is_err());
                }
                // What was answered is seen by the next read.
                let seen = registry.run(&run).await.unwrap();
                assert_eq!(seen.run.metrics.get("loss"), Some((WRITES - 1) as f64));
                registry.finish_run(&run, RunEnd::Finished).await.unwrap();
                run
            })
        })
        .collect();
    let mut runs = Vec::new();
    for writer in writers {
        runs.push(writer.await.unwrap());
    }
    let house = house.reopen().await;
    for run in &runs {
        let history = house.registry.metric_history(run, "loss", 1_000).await.unwrap();
        assert_eq!(history.len(), WRITES);
    }
    let chain = house.registry.verify_audit_chain().await.unwrap();
    assert_eq!(chain.entries, 1 + 2 * WRITERS as u64);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_change() {
    let house = House::new().await;
    {
        let start = house.registry.start_run(new_run("abandoned"));
        let mut start = std::pin::pin!(start);
        // Polled once: the change is handed in, and nobody waits for the answer.
        assert!(futures::poll!(start.as_mut()).is_pending());
    }
    let house = house.reopen().await;
    let runs = house.registry.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(
        house.registry.run(&runs[0].id).await.unwrap().params["algorithm"],
        "xgboost"
    );
}

#[tokio::test]
async fn reopening_keeps_everything_and_reaps_the_dead() {
    let house = House::new().await;
    house.register("one").await;
    house
        .registry
        .set_alias(&model(), &alias("champion"), VersionNumber(1), "anna", "")
        .await
        .unwrap();
    let died = house.run("died").await;
    let elsewhere = NewRun {
        owner: "notebook".into(),
        ..new_run("lives")
    };
    let lives = house.registry.start_run(elsewhere).await.unwrap();
    let before = house.registry.versions(&model()).await.unwrap();
    let closed = house.registry.clone();

    let house = house.reopen().await;
    let registry = &house.registry;
    assert!(matches!(closed.models().await, Err(RegistryError::Closed)));
    assert!(matches!(closed.put_blob(Vec::new()).await, Err(RegistryError::Closed)));
    assert_eq!(registry.versions(&model()).await.unwrap(), before);
    assert_eq!(registry.reap_running("up").await.unwrap(), std::slice::from_ref(&died));
    assert_eq!(registry.reap_running("up").await.unwrap(), []);
    let status = async |run| registry.run(run).await.unwrap().run.status;
    assert_eq!(
        (status(&died).await, status(&lives).await),
        (RunStatus::Killed, RunStatus::Running)
    );
    let ended = registry.finish_run(&died, RunEnd::Finished).await.unwrap_err();
    assert_eq!(ended.code(), ErrorCode::Conflict);
    registry.verify_audit_chain().await.unwrap();
}

/// How many rows each table has.
async fn counts(file: &mut SqliteConnection) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for table in TABLES {
        let count = AssertSqlSafe(format!("select count(*) from {table}"));
        counts.push((table, sqlx::query_scalar(count).fetch_one(&mut *file).await.unwrap()));
    }
    counts
}

/// What registering and deploying write to.
const TABLES: [&str; 10] = [
    "run_lineage",
    "training_inputs",
    "stream_ranges",
    "registered_models",
    "model_versions",
    "artifact_entries",
    "version_runs",
    "alias_events",
    "audit_log",
    "releases",
];

#[tokio::test]
async fn a_change_that_breaks_at_any_table_leaves_nothing() {
    let house = House::new().await;
    let registry = &house.registry;
    let mut new = house.version("one").await;
    new.files = vec![ArtifactEntry {
        path: "model.txt".into(),
        hash: new.artifact,
    }];
    new.alias = Some(alias("challenger"));
    let deployment = NewDeployment {
        deployment: place("fraud"),
        model: model(),
        version: VersionNumber(1),
        pins: ReleasePins::default(),
        alias: alias("champion"),
        actor: "anna".into(),
        reason: String::new(),
    };
    let mut file = by_hand(&house).await;
    let break_at = |table: &str| {
        AssertSqlSafe(format!(
            "create trigger broken before insert on {table} begin select raise(abort, 'broken'); end"
        ))
    };
    let before = counts(&mut file).await;
    for table in &TABLES[..9] {
        file.execute(break_at(table)).await.unwrap();
        assert!(registry.register_version(new.clone()).await.is_err(), "{table}");
        file.execute("drop trigger broken").await.unwrap();
        assert_eq!(counts(&mut file).await, before, "{table}");
        let status = registry.run(&new.run).await.unwrap().run.status;
        assert_eq!(status, RunStatus::Running, "{table}");
    }
    registry.register_version(new).await.unwrap();
    let before = counts(&mut file).await;
    for table in ["releases", "deployment_events", "alias_events", "audit_log"] {
        file.execute(break_at(table)).await.unwrap();
        assert!(registry.record_deployment(deployment.clone()).await.is_err(), "{table}");
        file.execute("drop trigger broken").await.unwrap();
        assert_eq!(counts(&mut file).await, before, "{table}");
        assert_eq!(registry.current_deployments().await.unwrap(), [], "{table}");
    }
    registry.record_deployment(deployment).await.unwrap();
    registry.verify_audit_chain().await.unwrap();
}

#[tokio::test]
async fn lists_of_runs_are_read_from_an_index() {
    let house = House::new().await;
    let mut file = by_hand(&house).await;
    for (sql, index) in [
        (sql!("runs/by_highest_metric"), "latest_metrics_by_value"),
        (sql!("runs/by_lowest_metric"), "latest_metrics_by_value"),
        (sql!("runs/newest"), "runs_by_start_anywhere"),
        (sql!("runs/newest_of_experiment"), "runs_by_start"),
        (sql!("runs/running_of_owner"), "runs_running"),
    ] {
        let explain = AssertSqlSafe(format!("explain query plan {}", sql.text));
        let plan = sqlx::query(explain).fetch_all(&mut file).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{}:\n{plan}", sql.name);
        let sorts = plan.contains("TEMP B-TREE");
        let scans_runs = plan.contains("SCAN r") && !plan.contains("SCAN r USING");
        assert!(!sorts && !scans_runs, "{}:\n{plan}", sql.name);
    }
}

/// The file as somebody with an editor for databases sees it.
async fn by_hand(house: &House) -> SqliteConnection {
    let file = crate::RegistryLocation::in_folder(house.folder.path());
    SqliteConnectOptions::new()
        .filename(file.database())
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_append_only_refuses_changes() {
    let house = House::new().await;
    house.register("one").await;
    house
        .registry
        .set_alias(&model(), &alias("champion"), VersionNumber(1), "anna", "")
        .await
        .unwrap();
    let mut file = by_hand(&house).await;
    for statement in [
        "update audit_log set actor = 'nobody'",
        "delete from audit_log",
        "update alias_events set to_version = null",
        "delete from alias_events",
        "update model_versions set content_hash = ''",
        "update model_versions set artifact_hash = ''",
        "delete from model_versions",
    ] {
        assert!(file.execute(statement).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_log_that_was_changed_by_hand_shows_where() {
    for (change, broken_at) in [
        ("", None),
        ("update audit_log set actor = 'nobody' where sequence = 2", Some(2)),
        ("update audit_log set at = at + 1 where sequence = 3", Some(3)),
        ("update audit_log set state_before = '' where sequence = 2", Some(2)),
        ("delete from audit_log where sequence = 1", Some(2)),
        ("delete from audit_log where sequence = 3", Some(4)),
        ("update audit_log set previous_hash = hash where sequence = 4", Some(4)),
        (
            "update audit_log set object = object || action, action = '' where sequence = 4",
            Some(4),
        ),
    ] {
        let house = House::new().await;
        for name in ["a", "b", "c", "d"] {
            house.run(name).await;
        }
        if !change.is_empty() {
            let mut file = by_hand(&house).await;
            file.execute("drop trigger audit_log_keeps_its_words; drop trigger audit_log_stays;")
                .await
                .unwrap();
            file.execute(AssertSqlSafe(change.to_owned())).await.unwrap();
        }
        match (house.registry.verify_audit_chain().await, broken_at) {
            (Ok(chain), None) => assert_eq!(chain.entries, 5),
            (Err(RegistryError::AuditBroken { sequence, .. }), Some(expected)) => {
                assert_eq!(sequence, expected, "{change}");
            }
            (found, _) => panic!("{change}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn a_damaged_blob_is_not_handed_out() {
    let house = House::new().await;
    let hash = house.registry.put_blob(b"a model".to_vec()).await.unwrap();
    let name = hash.to_string();
    let path = house.folder.path().join("artifacts").join(&name[..2]).join(&name);
    std::fs::write(path, b"b model").unwrap();
    let damaged = house.registry.get_blob(&hash).await.unwrap_err();
    assert_eq!(damaged.code(), ErrorCode::Corrupt);
    house.registry.put_blob(b"a model".to_vec()).await.unwrap();
    assert_eq!(house.registry.get_blob(&hash).await.unwrap(), b"a model");
}
