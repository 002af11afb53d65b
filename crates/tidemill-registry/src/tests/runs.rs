//! Experiments, runs, metrics.

use tidemill_types::{ErrorCode, ExperimentName, Explain as _, Metrics};

use super::{House, lineage, new_run};
use crate::{MetricPoint, NewRun, RegistryError, RunEnd, RunFilter, RunOrder, RunStatus, limits};

#[tokio::test]
async fn a_run_is_read_as_it_was_written() {
    let house = House::new().await;
    let registry = &house.registry;
    let id = house.run("first").await;
    registry
        .log_params(
            &id,
            vec![("depth".into(), "6".into()), ("algorithm".into(), "xgboost".into())],
        )
        .await
        .unwrap();
    for team in ["risk", "fraud"] {
        let tags = vec![("team".into(), team.into())];
        registry.set_tags(&id, tags).await.unwrap();
    }
    let plot = registry.put_blob(b"<svg/>".to_vec()).await.unwrap();
    registry.log_artifact(&id, "plots/roc.svg", &plot).await.unwrap();
    registry.record_lineage(&id, &lineage()).await.unwrap();
    house.at(2_000);
    registry
        .finish_run(&id, RunEnd::Stopped("check failed".into()))
        .await
        .unwrap();

    let details = registry.run(&id).await.unwrap();
    assert_eq!(details.run.status, RunStatus::Stopped);
    assert_eq!(details.run.status_reason.as_deref(), Some("check failed"));
    assert_eq!(
        (details.run.started_at.0, details.run.ended_at.unwrap().0),
        (1_000, 2_000)
    );
    assert_eq!(details.run.seed, Some(42));
    let params: Vec<_> = details.params.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(params, ["algorithm=xgboost", "depth=6"]);
    assert_eq!(details.tags["team"], "fraud");
    assert_eq!(details.lineage, Some(lineage()));
    assert_eq!(details.artifacts.len(), 1);
    assert_eq!(registry.get_blob(&details.artifacts[0].hash).await.unwrap(), b"<svg/>");
    let experiments = registry.experiments().await.unwrap();
    assert_eq!((experiments[0].name.as_str(), experiments[0].runs), ("fraud", 1));
}

#[tokio::test]
async fn what_would_change_the_past_is_refused() {
    let house = House::new().await;
    let registry = &house.registry;
    let id = house.run("first").await;
    let param = |value: &str| vec![("algorithm".into(), value.into())];
    let changed = registry.log_params(&id, param("forest")).await.unwrap_err();
    assert!(matches!(changed, RegistryError::ParamChanged { .. }), "{changed}");

    registry.record_lineage(&id, &lineage()).await.unwrap();
    registry.record_lineage(&id, &lineage()).await.unwrap();
    let mut other = lineage();
    other.inputs[0].delta_version = 8;
    let changed = registry.record_lineage(&id, &other).await.unwrap_err();
    assert!(matches!(changed, RegistryError::LineageChanged { .. }), "{changed}");

    registry.finish_run(&id, RunEnd::Finished).await.unwrap();
    registry.finish_run(&id, RunEnd::Finished).await.unwrap();
    let ended = registry
        .finish_run(&id, RunEnd::Failed("late".into()))
        .await
        .unwrap_err();
    assert_eq!(ended.code(), ErrorCode::Conflict);
    assert_eq!(registry.run(&id).await.unwrap().run.status, RunStatus::Finished);
}

#[tokio::test]
async fn inputs_beyond_their_limits_are_refused_and_leave_nothing() {
    let house = House::new().await;
    let registry = &house.registry;
    let long = |chars: usize| "x".repeat(chars);
    let cases: [(&str, NewRun); 6] = [
        (
            "empty name",
            NewRun {
                name: String::new(),
                ..new_run("a")
            },
        ),
        (
            "two lines",
            NewRun {
                owner: "a\nb".into(),
                ..new_run("a")
            },
        ),
        (
            "seed",
            NewRun {
                seed: Some(u64::MAX),
                ..new_run("a")
            },
        ),
        (
            "long value",
            NewRun {
                params: vec![("p".into(), long(limits::PARAM_CHARS_MAX + 1))],
                ..new_run("a")
            },
        ),
        (
            "long name",
            NewRun {
                tags: vec![(long(limits::KEY_CHARS_MAX + 1), "v".into())],
                ..new_run("a")
            },
        ),
        (
            "many",
            NewRun {
                params: vec![("p".into(), "v".into()); limits::PARAMS_PER_BATCH_MAX + 1],
                ..new_run("a")
            },
        ),
    ];
    for (case, run) in cases {
        assert!(registry.start_run(run).await.is_err(), "{case}");
    }
    // The second value of the same parameter fails inside of the change: the run must not be there either.
    let mut twice = new_run("a");
    twice.params.push(("algorithm".into(), "other".into()));
    assert!(registry.start_run(twice).await.is_err());
    assert!(registry.runs(&RunFilter::default()).await.unwrap().is_empty());
    assert!(registry.experiments().await.unwrap().is_empty());
    assert!(registry.audit(10).await.unwrap().is_empty());

    let fits = NewRun {
        params: vec![("p".into(), long(limits::PARAM_CHARS_MAX))],
        seed: Some(i64::MAX as u64),
        ..new_run("a")
    };
    let id = registry.start_run(fits).await.unwrap();
    let points = vec![MetricPoint::new("m", 1.0, 0); limits::METRICS_PER_BATCH_MAX + 1];
    let many = registry.log_metrics(&id, points).await.unwrap_err();
    assert_eq!(many.code(), ErrorCode::LimitReached);
}

#[tokio::test]
async fn the_latest_value_has_the_largest_step_time_and_value() {
    let house = House::new().await;
    let registry = &house.registry;
    for (points, latest) in [
        (vec![(0, 1.0), (1, 2.0), (2, 3.0)], 3.0),
        (vec![(2, 3.0), (1, 2.0)], 3.0),
        (vec![(5, 1.0), (5, 4.0), (5, 2.0)], 4.0),
        (vec![(0, f64::INFINITY)], f64::INFINITY),
        (vec![(0, 1.0), (1, f64::NAN)], f64::NAN),
        (vec![(1, f64::NAN), (2, -0.0)], 0.0),
    ] {
        for calls_of in [1, points.len()] {
            let id = house.run("run").await;
            for call in points.chunks(calls_of) {
                let call: Vec<_> = call
                    .iter()
                    .map(|(step, value)| MetricPoint::new("m", *value, *step))
                    .collect();
                // Twice is harmless.
                registry.log_metrics(&id, call.clone()).await.unwrap();
                registry.log_metrics(&id, call).await.unwrap();
            }
            let found = registry.run(&id).await.unwrap().run.metrics.get("m").unwrap();
            assert!(
                found == latest || (found.is_nan() && latest.is_nan()),
                "{points:?}: {found}"
            );
            let history = registry.metric_history(&id, "m", 100).await.unwrap();
            assert_eq!(history.len(), points.len(), "{points:?}");
            assert!(history.is_sorted_by_key(|point| point.step));
        }
    }
}

#[tokio::test]
async fn runs_come_in_the_order_that_was_asked_for() {
    let house = House::new().await;
    let registry = &house.registry;
    for (time, (name, value)) in [
        ("low", Some(0.1)),
        ("none", None),
        ("nan", Some(f64::NAN)),
        ("high", Some(0.9)),
        ("middle", Some(0.5)),
    ]
    .into_iter()
    .enumerate()
    {
        house.at(2_000 + time as i64);
        let id = house.run(name).await;
        if let Some(value) = value {
            registry
                .log_metrics(&id, vec![MetricPoint::new("auc", value, 0)])
                .await
                .unwrap();
        }
    }
    let elsewhere = NewRun {
        experiment: ExperimentName::new("other").unwrap(),
        ..new_run("elsewhere")
    };
    registry.start_run(elsewhere).await.unwrap();

    let fraud = Some(ExperimentName::new("fraud").unwrap());
    let highest = RunOrder::Highest("auc".into());
    for (experiment, order, limit, expected) in [
        (None, RunOrder::Newest, 2, "elsewhere middle"),
        (fraud.clone(), RunOrder::Newest, 9, "middle high nan none low"),
        (fraud.clone(), highest.clone(), 9, "high middle low nan none"),
        (
            fraud.clone(),
            RunOrder::Lowest("auc".into()),
            9,
            "low middle high nan none",
        ),
        (fraud.clone(), highest.clone(), 4, "high middle low nan"),
        (None, highest.clone(), 9, "high middle low elsewhere nan none"),
        (None, highest, 2, "high middle"),
        (
            fraud.clone(),
            RunOrder::Highest("never logged".into()),
            2,
            "middle high",
        ),
        (fraud, RunOrder::Newest, 0, ""),
    ] {
        let filter = RunFilter {
            experiment,
            order,
            limit,
        };
        let runs = registry.runs(&filter).await.unwrap();
        let names: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{filter:?}");
        if let Some(high) = runs.iter().find(|run| run.name == "high") {
            let mut metrics = Metrics::default();
            metrics.set("auc", 0.9);
            assert_eq!(high.metrics, metrics);
        }
    }
    let unknown = RunFilter {
        experiment: Some(ExperimentName::new("nope").unwrap()),
        ..RunFilter::default()
    };
    assert_eq!(registry.runs(&unknown).await.unwrap_err().code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_unique_start_stands_for_the_whole_id() {
    let house = House::new().await;
    let registry = &house.registry;
    for number in 1..=0x12 {
        house.run(&number.to_string()).await;
    }
    let id = |end: &str| format!("{end:0>32}");
    for (prefix, expected) in [
        (id("12"), Ok("18")),
        (id("a"), Ok("10")),
        (id("1")[..31].to_owned(), Err(ErrorCode::InvalidInput)),
        ("0000".to_owned(), Err(ErrorCode::InvalidInput)),
        (id("ff"), Err(ErrorCode::NotFound)),
        ("000".to_owned(), Err(ErrorCode::NotFound)),
        (String::new(), Err(ErrorCode::NotFound)),
        ("%' or 1".to_owned(), Err(ErrorCode::NotFound)),
        (id("A"), Err(ErrorCode::NotFound)),
    ] {
        match (registry.resolve_run(&prefix).await, expected) {
            (Ok(found), Ok(name)) => assert_eq!(registry.run(&found).await.unwrap().run.name, name),
            (Err(error), Err(code)) => assert_eq!(error.code(), code, "{prefix}: {error}"),
            (found, _) => panic!("{prefix}: {found:?}"),
        }
    }
}
