//! Pure parts of the pipeline: windows, and figures from scored rows.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use expect_test::{Expect, expect};
use tidemill_features::TrainingSet;
use tidemill_project::{DeploymentSpec, ModelSpec, Overrides, Project};
use tidemill_types::{AliasName, DeploymentName, Explain, Micros, ModelName, TimeRange};

use crate::registering::challenger;
use crate::sets::{KeptSets, Sets, SetsKey};
use crate::windows::known_at;
use crate::{decide_windows, evaluate};

/// The model of the fraud project: windows of seven days, a gap of seven.
fn fraud() -> ModelSpec {
    let dir = tempfile::tempdir().unwrap();
    tidemill_project::init(dir.path(), false).unwrap();
    let project = Project::load(dir.path(), &Overrides::default()).unwrap();
    project.models.values().next().unwrap().clone()
}

fn range(text: &str) -> TimeRange {
    let (from, to) = text.split_once("..").unwrap();
    TimeRange::new(from.parse().unwrap(), to.parse().unwrap())
}

fn check(train: Option<&str>, evaluate: Option<&str>, newest: Option<&str>, expected: &Expect) {
    let newest = newest.map(|text| text.parse::<Micros>().unwrap());
    let text = match decide_windows(&fraud(), train.map(range), evaluate.map(range), newest) {
        Ok(windows) => format!("train {}, evaluate {}", windows.train, windows.evaluate),
        Err(error) => {
            let problem = error.problem();
            format!("{}: {}", problem.code, problem.message)
        }
    };
    expected.assert_eq(&text);
}

#[test]
fn windows_end_with_the_newest_day_that_is_labelled_whole() {
    let published =
        "train 2018-07-25T00:00:00Z to 2018-08-01T00:00:00Z, evaluate 2018-08-08T00:00:00Z to 2018-08-15T00:00:00Z";
    for newest in ["2018-08-22T00:00:00Z", "2018-08-22T23:59:59Z"] {
        let newest: Micros = newest.parse().unwrap();
        let windows = decide_windows(&fraud(), None, None, Some(newest)).unwrap();
        assert_eq!(
            format!("train {}, evaluate {}", windows.train, windows.evaluate),
            published
        );
    }
    check(
        None,
        Some("2018-08-08..2018-08-15"),
        None,
        &expect![
            "train 2018-07-25T00:00:00Z to 2018-08-01T00:00:00Z, evaluate 2018-08-08T00:00:00Z to 2018-08-15T00:00:00Z"
        ],
    );
    check(
        Some("2018-07-01..2018-08-01"),
        Some("2018-08-08..2018-08-15"),
        None,
        &expect![
            "train 2018-07-01T00:00:00Z to 2018-08-01T00:00:00Z, evaluate 2018-08-08T00:00:00Z to 2018-08-15T00:00:00Z"
        ],
    );
}

/// A label is known seven days after its payment: the last day that is whole is known as the next begins, to the
/// microsecond.
#[test]
fn a_label_matures_with_its_whole_day() {
    for (as_of, last_day_ends) in [
        ("2018-08-21T23:59:59.999999Z", "2018-08-14T00:00:00Z"),
        ("2018-08-22T00:00:00Z", "2018-08-15T00:00:00Z"),
        ("2018-08-22T23:59:59.999999Z", "2018-08-15T00:00:00Z"),
    ] {
        let windows = decide_windows(&fraud(), None, None, Some(as_of.parse().unwrap())).unwrap();
        let as_of: Micros = as_of.parse().unwrap();
        assert_eq!(windows.evaluate.to.unwrap().to_string(), last_day_ends, "{as_of}");
        // What is learnt from was known as the evaluated rows begin, and so were its labels.
        let known = known_at(&windows, Some(as_of)).unwrap();
        assert_eq!(Some(known), windows.evaluate.from);
        assert_eq!(windows.train.to.unwrap().plus(fraud().gap.as_micros()), known);
    }
}

#[test]
fn nothing_is_learnt_from_what_became_known_after_the_time() {
    let windows = decide_windows(&fraud(), None, Some(range("2018-08-08..2018-08-15")), None).unwrap();
    for (as_of, expected) in [
        (None, "2018-08-08T00:00:00Z"),
        (Some("2018-08-22"), "2018-08-08T00:00:00Z"),
        (Some("2018-08-01"), "2018-08-01T00:00:00Z"),
    ] {
        let known = known_at(&windows, as_of.map(|text| text.parse().unwrap()));
        assert_eq!(known.unwrap().to_string(), expected);
    }
}

#[test]
fn windows_that_cheat_or_hold_nothing_are_refused() {
    check(
        None,
        None,
        None,
        &expect!["not_ready: no label of `labels.TX_FRAUD` is known yet"],
    );
    check(
        Some("2018-07-25..2018-08-09"),
        Some("2018-08-08..2018-08-15"),
        None,
        &expect![
            "invalid_input: the training window (2018-07-25T00:00:00Z to 2018-08-09T00:00:00Z) ends after the evaluation window (2018-08-08T00:00:00Z to 2018-08-15T00:00:00Z) begins"
        ],
    );
    check(
        None,
        Some("2018-08-08..2018-08-08"),
        None,
        &expect![
            "invalid_input: the evaluation window `2018-08-08T00:00:00Z to 2018-08-08T00:00:00Z` needs a beginning and a later end"
        ],
    );
}

/// Rows of (day, customer, score, label).
fn scored(rows: &[(i64, i64, f64, f64)]) -> RecordBatch {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Schema::new(vec![
        Field::new("TX_DATETIME", utc, false),
        Field::new("CUSTOMER_ID", DataType::Int64, false),
        Field::new("score", DataType::Float64, false),
        Field::new("TX_FRAUD", DataType::Float64, false),
    ]);
    let times: Vec<i64> = rows.iter().map(|row| Micros::of_day(row.0).0 + 5).collect();
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3))),
        ],
    )
    .unwrap()
}

#[test]
fn figures_are_those_of_the_rows() {
    // Two days, one fraud each; the first is ranked first, the second last of three.
    let rows = scored(&[
        (1, 10, 0.9, 1.0),
        (1, 11, 0.2, 0.0),
        (1, 12, 0.1, 0.0),
        (2, 13, 0.8, 0.0),
        (2, 14, 0.7, 0.0),
        (2, 15, 0.3, 1.0),
    ]);
    let evaluation = evaluate(&fraud(), "TX_DATETIME", &[rows]).unwrap();
    assert_eq!((evaluation.rows, evaluation.positives), (6, 2));
    // Of the 8 pairs of a fraud with a genuine one, 6 are in order.
    assert!((evaluation.metrics.get("auc").unwrap() - 0.75).abs() < 1e-12);
    // Precision is 1 at the first fraud and 2/4 at the second.
    assert!((evaluation.metrics.get("average_precision").unwrap() - 0.75).abs() < 1e-12);
    // 100 places a day find the one fraud of each.
    assert!((evaluation.metrics.get("cp_at_100").unwrap() - 0.01).abs() < 1e-12);
    let names: Vec<_> = evaluation.metrics.0.keys().cloned().collect();
    assert_eq!(names, ["auc", "average_precision", "cp_at_100", "log_loss", "brier"]);
}

#[test]
fn one_class_alone_cannot_be_evaluated() {
    let error = evaluate(
        &fraud(),
        "TX_DATETIME",
        &[scored(&[(1, 1, 0.5, 0.0), (1, 2, 0.4, 0.0)])],
    )
    .unwrap_err();
    assert_eq!(error.problem().code.as_str(), "not_ready");
    let error = evaluate(&fraud(), "NOT_THERE", &[scored(&[(1, 1, 0.5, 0.0), (1, 2, 0.4, 1.0)])]).unwrap_err();
    assert!(error.to_string().contains("NOT_THERE"), "{error}");
}

#[test]
fn a_training_leaves_an_alias_alone_that_a_deployment_follows() {
    let deployed = |model: &str, alias: &str| DeploymentSpec {
        name: DeploymentName::new("place").unwrap(),
        model: ModelName::new(model).unwrap(),
        alias: AliasName::new(alias).unwrap(),
    };
    let fraud = ModelName::new("fraud").unwrap();
    for (model, alias, moves) in [
        ("fraud", "champion", true),
        ("fraud", "challenger", false),
        ("other", "challenger", true),
    ] {
        let found = challenger(&fraud, [&deployed(model, alias)]);
        assert_eq!(found.is_some(), moves, "`{alias}` of `{model}`");
    }
    assert_eq!(challenger(&fraud, []).unwrap().as_str(), "challenger");
}

#[test]
fn kept_sets_are_those_of_the_same_model_windows_and_versions() {
    let set = || TrainingSet {
        batch: scored(&[(1, 10, 0.5, 1.0)]),
        key_columns: Vec::new(),
        time_column: "TX_DATETIME".parse().unwrap(),
        label_column: "TX_FRAUD".parse().unwrap(),
        feature_columns: Vec::new(),
        excluded_rows: 0,
        unlabelled_rows: 0,
        inputs: Vec::new(),
        streams: Vec::new(),
        feature_hash: tidemill_types::FeatureHash("ab".to_owned()),
    };
    let key = |model: &str, evaluate: &str, version: i64| SetsKey {
        as_of: None,
        model: ModelName::new(model).unwrap(),
        windows: decide_windows(&fraud(), None, Some(range(evaluate)), None).unwrap(),
        versions: vec![("labels".to_owned(), 1), ("transactions".to_owned(), version)],
    };
    let week = "2018-08-08..2018-08-15";
    let kept = KeptSets::default();
    assert!(kept.get(&key("fraud", week, 7)).is_none());
    let sets = Arc::new(Sets {
        train: set(),
        evaluate: set(),
    });
    kept.put(key("fraud", week, 7), &sets);
    assert!(Arc::ptr_eq(&kept.get(&key("fraud", week, 7)).unwrap(), &sets));
    assert!(kept.get(&key("fraud", week, 8)).is_none());
    assert!(kept.get(&key("other", week, 7)).is_none());
    assert!(kept.get(&key("fraud", "2018-08-09..2018-08-15", 7)).is_none());
    // The next pair takes the place of the last, and before it is built that place is empty.
    kept.clear();
    assert!(kept.get(&key("fraud", week, 7)).is_none());
    assert_eq!(Arc::strong_count(&sets), 1);
}

#[test]
fn a_typo_in_a_model_is_found_before_a_training_is_spent_on_it() {
    let dir = tempfile::tempdir().unwrap();
    tidemill_project::init(dir.path(), false).unwrap();
    let project = Project::load(dir.path(), &Overrides::default()).unwrap();
    assert_eq!(crate::validate(&project), []);
    let file = dir.path().join("tidemill.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("max_depth", "max_depht").replace("\"auc\"", "\"acu\""),
    )
    .unwrap();
    let project = Project::load(dir.path(), &Overrides::default()).unwrap();
    let found: Vec<String> = crate::validate(&project)
        .iter()
        .map(|fault| fault.message.clone())
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("max_depht") && found[1].contains("acu"), "{found:?}");
}

#[test]
fn figures_are_announced_as_they_are_computed() {
    let rows = scored(&[(1, 10, 0.9, 1.0), (1, 11, 0.2, 0.0)]);
    let evaluation = evaluate(&fraud(), "TX_DATETIME", &[rows]).unwrap();
    let computed: Vec<String> = evaluation.metrics.0.keys().cloned().collect();
    assert_eq!(crate::figures(&fraud()), computed);
}
