use std::time::Duration;

use expect_test::expect;
use tidemill_types::{Explain, FixedClock, ModelName};

use super::*;
use crate::predictions::{LogFigures, LogLimits, PredictionIds, PredictionLog, PredictionLogWiring};
use crate::protocol::InferRequest;
use crate::tests::{name as deployment, slots};
use crate::{ServeError, Slots};

const PATIENCE: Duration = Duration::from_mins(1);

fn log(client: &ClientSettings, limits: LogLimits) -> (Arc<PredictionLog>, TopicName) {
    let predictions = model_predictions(&predictions_stream("predictions", &usual_fields()));
    let to = predictions.contract.topic().clone();
    let wiring = PredictionLogWiring {
        client: client.clone(),
        models: [(ModelName::new("fraud").unwrap(), predictions)].into(),
        limits,
        clock: Arc::new(FixedClock::at(day(3))),
        ids: PredictionIds::seeded(7),
    };
    (Arc::new(PredictionLog::start(wiring).unwrap()), to)
}

async fn ask(slots: &Slots, amounts: &[f64], more: Value) -> Result<Vec<f64>, ServeError> {
    let rows = amounts.len();
    let column =
        |name: &str, data: Vec<f64>| json!({ "name": name, "shape": [rows], "datatype": "FP64", "data": data });
    let mut body = json!({ "inputs": [
        column("AMOUNT", amounts.to_vec()),
        column("WEEKEND", vec![0.0; rows]),
        column("COUNT", vec![0.0; rows]),
    ] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = InferRequest::parse(body.to_string().as_bytes()).unwrap();
    let answer = slots.infer(&deployment("fraud"), None, request).await?;
    Ok(answer.outputs[0].data.clone())
}

#[tokio::test]
async fn requests_are_recorded_as_they_were_answered() {
    let kafka = Kafka::start().await;
    let limits = LogLimits {
        queue: 100,
        wait: PATIENCE,
    };
    let (log, to) = log(&kafka.client, limits);
    kafka.make_topic(&to, 1).await;
    let (slots, _) = slots();
    slots.record_in(Arc::clone(&log));
    let scores = ask(
        &slots,
        &[0.5, 3.0],
        json!({ "id": "r1", "parameters": { "keys": { "CUSTOMER": [4, null] } } }),
    )
    .await
    .unwrap();
    ask(&slots, &[1.0], json!({})).await.unwrap();
    ask(&slots, &[], json!({})).await.unwrap();
    ask(&slots, &[1.0], json!({ "id": "x".repeat(129) })).await.unwrap();
    let refused = ask(
        &slots,
        &[1.0],
        json!({ "parameters": { "keys": { "CUSTOMER": "four" } } }),
    )
    .await
    .unwrap_err();
    expect![[r#"`keys` has "four" as `CUSTOMER`, which is int"#]].assert_eq(&refused.problem().message);

    let closed = log.close(PATIENCE).await;
    assert!(closed.in_order);
    let expected = LogFigures {
        recorded: 4,
        dropped: 0,
        queued: 0,
        queue: 100,
    };
    assert_eq!(closed.figures, expected);
    let records = kafka.records(&to).await;
    let first = &records[0];
    expect![[r#"{"prediction_id":"r1#0","model":"fraud","model_version":1,"deployment":"fraud","score":0.6224593312018546,"decision":0,"source":"request","scored_at":"2018-04-04T00:00:00Z","event_time":"2018-04-04T00:00:00Z","ID":null,"CUSTOMER":4,"feature_age_ms":null,"feature_hash":"2bea1ba803af54754b02f6e90b1e1b2f3c9b5f393aa117ccb4acdd3e46c75a37","features":"{\"AMOUNT\":0.5,\"COUNT\":0.0,\"WEEKEND\":0.0}"}"#]]
        .assert_eq(std::str::from_utf8(first.value.as_deref().unwrap()).unwrap());
    assert_eq!(first.key.as_deref(), Some(&b"4"[..]));
    assert_eq!(first.kafka_time, day(3));
    assert!(first.headers.is_empty());
    assert_eq!(records[1].key, None);
    assert_eq!(json_of(&records[1])["score"], json!(scores[1]));
    let ids: Vec<Value> = records
        .iter()
        .map(|record| json_of(record)["prediction_id"].clone())
        .collect();
    expect![[r#"["r1#0", "r1#1", "bb43d723345365283a299b2ed359012b#0", "0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd#0"]"#]].assert_eq(&format!("{:?}", ids.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>()));

    // Closed, it counts what comes and answers all the same.
    ask(&slots, &[1.0, 2.0], json!({})).await.unwrap();
    assert_eq!(log.figures().dropped, 2);
    assert!(log.close(PATIENCE).await.in_order);
    kafka.stop().await;
}

#[tokio::test]
async fn a_full_log_counts_what_it_drops_and_never_grows() {
    // Nobody answers there: the client's own room is used up, then the queue.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = ClientSettings::new(silent.local_addr().unwrap().to_string(), "tidemill-test");
    let limits = LogLimits {
        queue: 10,
        wait: Duration::ZERO,
    };
    let (log, _) = log(&client, limits);
    let (slots, _) = slots();
    slots.record_in(Arc::clone(&log));
    let rows = vec![1.0; 5_000];
    let mut asked = 0;
    while log.figures().dropped == 0 {
        ask(&slots, &rows, json!({})).await.unwrap();
        asked += rows.len() as u64;
        let figures = log.figures();
        assert!(figures.queued <= 10 && figures.recorded == 0, "{figures:?}");
        assert!(asked <= 100_000, "{figures:?}");
    }
    let closed = log.close(Duration::ZERO).await;
    assert!(!closed.in_order);
    assert_eq!(closed.figures.recorded, 0);
}
