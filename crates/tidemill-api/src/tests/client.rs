//! The client against a server answers what the operations behind it answer, well or not.

use expect_test::expect;
use indexmap::IndexMap;
use serde_json::json;
use tidemill_serve::protocol::InferRequest;
use tidemill_types::{
    DeploymentName, ErrorCode, KafkaPartition, LastOffset, Metrics, ModelName, RunId, TimeRange, VersionNumber,
};

use super::values::{self, day, name, run_id};
use super::{FakeOperations, Running};
use crate::*;

/// Asks both sides the same and holds the answers against each other.
macro_rules! same {
    ($client:expr, $fake:expr, $($call:tt)+) => {
        assert_eq!($client.$($call)+.await, $fake.$($call)+.await)
    };
}

#[tokio::test]
async fn every_operation_answers_the_same_through_a_server() {
    let server = Running::start().await;
    let client = HttpClient::new(&server.url(""), None).unwrap();
    let fake = FakeOperations::default();
    let fraud: ModelName = name("fraud");
    let place: DeploymentName = name("fraud");
    let version = VersionNumber(3);

    same!(client, fake, status());
    same!(client, fake, sql(SqlRequest::new("select 1")));
    same!(
        client,
        fake,
        sql(SqlRequest {
            rows_max: Some(5),
            timeout: Some("3s".parse().unwrap()),
            ..SqlRequest::new("select 1")
        })
    );
    same!(client, fake, tables());
    same!(client, fake, features(FeaturesRequest::default()));
    same!(
        client,
        fake,
        features(FeaturesRequest {
            view: Some(name("terminal_risk")),
            from: Some(day("2018-07-25T00:00:00.000001")),
            to: Some(day("2018-08-01")),
        })
    );
    same!(client, fake, check(CheckRequest::default()));
    same!(
        client,
        fake,
        check(CheckRequest {
            names: vec![name("amount_positive")],
            from: Some(day("2018-07-25")),
            to: None,
        })
    );
    same!(client, fake, train(TrainRequest::new(fraud.clone())));
    same!(
        client,
        fake,
        train(TrainRequest {
            algorithm: Some("xgboost".to_owned()),
            params: IndexMap::from([("max_depth".to_owned(), json!(6))]),
            seed: Some(u64::MAX),
            train: Some(TimeRange::new(day("2018-07-25"), day("2018-08-01"))),
            evaluate: Some(TimeRange::ALL),
            as_of: Some(day("2018-08-22")),
            experiment: Some(name("fraud")),
            name: Some("a run".to_owned()),
            register: Some(true),
            deploy: Some(false),
            actor: Some("me".to_owned()),
            ..TrainRequest::new(fraud.clone())
        })
    );
    same!(client, fake, experiments());
    same!(client, fake, runs(RunsRequest::default()));
    same!(
        client,
        fake,
        runs(RunsRequest {
            experiment: Some(name("fraud")),
            model: Some(name("fraud")),
            status: Some(RunStatus::Failed),
            order_by: Some("a metric & more".to_owned()),
            ascending: true,
            limit: Some(3),
        })
    );
    same!(client, fake, run(&run_id()));
    let ids: [RunId; 2] = [run_id(), name("ffffffffffffffffffffffffffffffff")];
    same!(client, fake, compare(&ids));
    same!(client, fake, models());
    same!(client, fake, model(&fraud));
    same!(client, fake, versions(&fraud));
    same!(client, fake, version(&fraud, version));
    same!(client, fake, lineage(&fraud, version));
    same!(client, fake, aliases(&fraud));
    same!(client, fake, alias_events(&fraud));
    let alias = SetAlias {
        version,
        reason: Some("better".to_owned()),
        actor: None,
    };
    same!(client, fake, set_alias(&fraud, &name("challenger"), alias.clone()));
    same!(client, fake, deployments());
    same!(client, fake, deployment_history(&place));
    let deploy = DeployRequest {
        model: fraud.clone(),
        version: None,
        alias: Some(name("champion")),
        deployment: Some(place.clone()),
        reason: None,
        actor: None,
    };
    same!(client, fake, deploy(deploy.clone()));
    same!(client, fake, rollback(&place, RollbackRequest::default()));
    let because = RollbackRequest {
        reason: Some("worse".to_owned()),
        actor: None,
    };
    same!(client, fake, rollback(&place, because.clone()));
    same!(client, fake, inference_metadata(&place, None));
    same!(client, fake, inference_metadata(&place, Some(version)));
    let request = InferRequest {
        id: Some("x".to_owned()),
        ..InferRequest::from_columns([("TX_AMOUNT".to_owned(), vec![1.0, 2.5])])
    };
    same!(client, fake, infer(&place, None, request.clone()));
    same!(client, fake, infer(&place, Some(version), request.clone()));
    same!(client, fake, dead_letters(DeadLettersRequest::default()));
    same!(
        client,
        fake,
        dead_letters(DeadLettersRequest {
            stream: Some(name("labels")),
            limit: Some(7),
        })
    );
    same!(client, fake, dead_letter(&values::dead_letter_id()));
    same!(client, fake, drift(DriftRequest::default()));
    same!(
        client,
        fake,
        drift(DriftRequest {
            monitor: Some(name("feature_drift")),
            model: Some(fraud.clone()),
            column: Some(name("TX_AMOUNT")),
            from: Some(day("2018-07-25T00:00:00.000001")),
            to: Some(day("2018-08-01")),
            points: Some(7),
        })
    );
    same!(client, fake, performance(PerformanceRequest::default()));
    same!(
        client,
        fake,
        performance(PerformanceRequest {
            monitor: Some(name("performance")),
            model: Some(fraud.clone()),
            metric: Some("top_k_precision".to_owned()),
            segment: Some("a segment & more".to_owned()),
            from: Some(day("2018-07-25")),
            to: None,
            points: Some(7),
        })
    );
    same!(client, fake, monitors());
    let monitor = name("feature_drift");
    same!(client, fake, run_monitor(&monitor, MonitorRunRequest::default()));
    let on_a_day = MonitorRunRequest {
        at: Some(day("2018-08-02")),
    };
    same!(client, fake, run_monitor(&monitor, on_a_day.clone()));
    same!(client, fake, triggers());
    same!(client, fake, firings(FiringsRequest::default()));
    same!(
        client,
        fake,
        firings(FiringsRequest {
            trigger: Some(name("weekly")),
            model: Some(fraud.clone()),
            limit: Some(3),
        })
    );
    let by_hand = FireRequest {
        reason: Some("a new terminal".to_owned()),
        actor: Some("me".to_owned()),
    };
    same!(client, fake, fire(&name("weekly"), by_hand.clone()));
    same!(client, fake, fire(&name("weekly"), FireRequest::default()));
    same!(client, fake, predictions(PredictionsRequest::default()));
    same!(
        client,
        fake,
        predictions(PredictionsRequest {
            stream: Some(name("predictions")),
            deployment: Some(place.clone()),
            source: Some(PredictionSource::Request),
            limit: Some(3),
        })
    );
    for id in ["fraud-0-41", "a/b?c=d #e%20f", "ünï"] {
        same!(client, fake, prediction(id));
    }
    same!(client, fake, clock());
    same!(client, fake, wait_for_clock(ClockWaitRequest::default()));
    let in_a_second = ClockWaitRequest {
        until: Some(day("2018-08-09")),
        timeout: Some("1s".parse().unwrap()),
    };
    same!(client, fake, wait_for_clock(in_a_second.clone()));
    let letters = vec![ReplayLetter {
        partition: KafkaPartition(1),
        offset: LastOffset(41),
        value: Some(RawBytes::Text("{}".to_owned())),
    }];
    let replay = ReplayRequest { letters, again: true };
    same!(client, fake, replay_dead_letters(&name("transactions"), replay.clone()));
    same!(
        client,
        fake,
        audit(&name("transactions"), AuditRequest { offline: true })
    );

    // Problems come back whole, those of the inference protocol too.
    let absent: ModelName = name("absent");
    let nowhere: DeploymentName = name("absent");
    same!(client, fake, sql(SqlRequest::new("absent")));
    same!(client, fake, sql(SqlRequest::new("drop table x")));
    same!(client, fake, train(TrainRequest::new(absent.clone())));
    same!(client, fake, model(&absent));
    same!(client, fake, rollback(&nowhere, RollbackRequest::default()));
    same!(client, fake, infer(&nowhere, None, request.clone()));
    same!(client, fake, inference_metadata(&name("empty"), None));
    same!(client, fake, fire(&name("absent"), FireRequest::default()));
    same!(client, fake, prediction("absent"));
    server.end().await.unwrap();
}

#[tokio::test]
async fn a_token_is_shown() {
    let token = || Token::new("0123456789abcdef").unwrap();
    let server = Running::with(|settings| settings.token = Some(token())).await;
    let shown = HttpClient::new(&server.url(""), Some(token())).unwrap();
    assert!(shown.status().await.is_ok());
    let hidden = HttpClient::new(&server.url(""), None).unwrap();
    assert_eq!(hidden.status().await.unwrap_err().code, ErrorCode::Refused);
    assert!(!format!("{shown:?}").contains("0123456789abcdef"));
}

#[tokio::test]
async fn who_does_not_answer_is_told_with_a_hint() {
    let server = Running::start().await;
    let client = HttpClient::new(&server.url(""), None).unwrap();
    let port = server.address.port().to_string();
    server.end().await.unwrap();
    let problem = client.status().await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::Unavailable);
    let message = problem.message.replace(&port, "PORT");
    expect!["the server at http://127.0.0.1:PORT/ does not answer: Connection refused (os error 111)"]
        .assert_eq(&message);
    expect!["is `tidemill up` running there?"].assert_eq(&problem.hint.unwrap());
}

#[test]
fn what_is_no_address_is_told() {
    for address in ["", "127.0.0.1:8080", "https://x", "ftp://x"] {
        let problem = HttpClient::new(address, None).unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidInput, "{address}");
    }
}

#[test]
fn a_figure_that_is_no_number_survives_json() {
    let mut metrics = Metrics::default();
    metrics.set("auc", f64::NAN);
    let text = serde_json::to_string(&metrics).unwrap();
    let back: Metrics = serde_json::from_str(&text).unwrap();
    assert!(back.get("auc").unwrap().is_nan());
}
