//! Trainings that somebody else's clock starts: beside a server, alone, two at once, and killed in the middle.

use libtest_mimic::Trial;
use serde_json::Value;

use super::binary::{Running, say, wait_for};
use super::fixtures::Project;
use super::learning::row;
use super::needs::trial;

/// As of the end of the simulation: the windows are those that the newest labels give.
const AS_OF: [&str; 5] = ["train", "fraud", "--as-of", "2018-05-27", "--json"];
/// The same simulation, ten days longer.
const LONGER: [&str; 8] = [
    "simulate",
    "--days",
    "60",
    "--customers",
    "500",
    "--terminals",
    "1000",
    "--json",
];

pub fn trials() -> Vec<Trial> {
    vec![
        trial("scheduled/as_of_beside_a_server_and_alone", &[], beside_and_alone),
        trial("scheduled/killed_in_the_middle", &[], killed_in_the_middle),
    ]
}

/// What was known at a time does not change: the same bytes, whoever trains, whatever came since.
fn beside_and_alone() {
    let project = Project::simulated();
    let dir = project.dir();
    let alone = say(&dir, &["train", "fraud", "--json"]).ok().json();
    assert_eq!((&alone["status"], &alone["version"]), (&"registered".into(), &1.into()));

    let up = Running::up(&dir);
    let both = std::thread::scope(|scope| {
        [(); 2]
            .map(|()| scope.spawn(|| say(&dir, &AS_OF).ok().json()))
            .map(|train| train.join().expect("the command ran"))
    });
    for beside in &both {
        assert_eq!(beside["content_hash"], alone["content_hash"], "{beside}");
        assert_eq!(beside["version"], 1, "the same bytes are the same version: {beside}");
        assert_eq!(beside["run_name"], "fraud-xgboost@2018-05-27T00:00:00Z");
    }
    let apart = row(
        &project,
        "select count(*) as pairs from runs as one join runs as other
         on one.run_id <> other.run_id and other.started_at >= one.started_at and other.started_at < one.ended_at",
    );
    assert_eq!(apart["pairs"], 0, "one training at a time");
    up.stop();

    say(&dir, &LONGER).ok();
    let later = say(&dir, &AS_OF).ok().json();
    assert_eq!(later["content_hash"], alone["content_hash"], "{later}");
    assert_eq!(later["train_rows"], alone["train_rows"]);
    assert_eq!(later["evaluate_rows"], alone["evaluate_rows"]);
    let newest = say(&dir, &["train", "fraud", "--no-register", "--json"]).ok().json();
    assert_ne!(newest["content_hash"], alone["content_hash"], "{newest}");

    // What was known before the evaluated rows begin holds none of them.
    let unknown = [
        "train",
        "fraud",
        "--as-of",
        "2018-05-10",
        "--evaluate",
        "2018-05-13..2018-05-20",
    ];
    say(&dir, &unknown).ends(5);
    say(&dir, &["train", "fraud", "--as-of", "tomorrow"]).ends(2);
}

fn killed_in_the_middle() {
    let project = Project::simulated();
    let dir = project.dir();
    for step in ["Checks", "TrainingSet", "EvaluationSet", "Evaluate", "Register"] {
        let train = Running::spawn(&dir, &["--log", "tidemill_training=debug", "train", "fraud"]);
        let said = format!("comes to {step}");
        wait_for(step, || train.log().contains(&said).then_some(()));
        if step == "TrainingSet" {
            // It stands still: whoever comes meanwhile is told who is there, and can come again.
            train.suspend();
            let second = say(&dir, &["train", "fraud"]).ends(4);
            assert!(second.err.contains("`tidemill train`"), "{}", second.err);
        }
        train.kill();
        nothing_by_half(&project);
    }
    let killed = row(&project, "select count(*) as n from runs where status = 'killed'");
    assert!(killed["n"].as_i64() >= Some(3), "{killed}");

    let next = say(&dir, &["train", "fraud", "--json"]).ok().json();
    assert_eq!((&next["status"], &next["version"]), (&"registered".into(), &1.into()));
    nothing_by_half(&project);
    say(&dir, &["deploy", "fraud", "1"]).ok();
}

/// Every version has its run, its bytes and its reference, every run has ended, and no artifact is without its bytes.
#[track_caller]
fn nothing_by_half(project: &Project) {
    let half = row(
        project,
        "with references as (select root from artifacts where path = 'reference.json')
         select
           (select count(*) from runs where status = 'running') as running,
           (select count(*) from model_versions as v left join runs as r on r.run_id = v.run_id
            where r.status is null or r.status <> 'finished') as without_run,
           (select count(*) from model_versions as v
            left join references as a on a.root = concat('models/', v.model, '/', cast(v.version as varchar))
            where a.root is null) as without_reference,
           (select count(*) from model_versions where status <> 'ready') as unready",
    );
    for what in ["running", "without_run", "without_reference", "unready"] {
        assert_eq!(half[what], 0, "{what}: {half}");
    }
    let named = say(
        &project.dir(),
        &[
            "sql",
            "--json",
            "select sha256 from artifacts union select artifact_sha256 as sha256 from model_versions",
        ],
    );
    for hash in named.ok().json().as_array().into_iter().flatten() {
        let hash = hash["sha256"].as_str().expect("a hash");
        let blob = project.dir().join(".tidemill/artifacts").join(&hash[..2]).join(hash);
        assert!(blob.is_file(), "{hash} is named, and its bytes are missing");
    }
    assert_whole_lineage(&say(&project.dir(), &["models", "list", "--json"]).ok().json(), project);
}

#[track_caller]
fn assert_whole_lineage(models: &Value, project: &Project) {
    for model in models.as_array().into_iter().flatten() {
        let name = model["name"].as_str().expect("a model has a name");
        let lineage = say(&project.dir(), &["models", "lineage", name, "1", "--json"])
            .ok()
            .json();
        assert!(
            !lineage["lineage"]["inputs"].as_array().expect("tables").is_empty(),
            "{lineage}"
        );
    }
}
