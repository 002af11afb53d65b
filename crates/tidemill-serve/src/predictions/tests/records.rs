use std::collections::HashSet;

use arrow::array::Array as _;
use expect_test::expect;
use tidemill_kafka::{Producer, ProducerRecord, partition_of};
use tidemill_types::{DeploymentName, Explain, NextOffset};

use super::*;
use crate::predictions::{PredictionError, ScoreBatch, Scorer, TailRequest, read_back, row_hash, scorer_limits};

fn deployment(text: &str) -> DeploymentName {
    DeploymentName::new(text).unwrap()
}

fn batch(rows: RecordBatch, at: Micros) -> ScoreBatch {
    ScoreBatch {
        rows,
        time_column: name("AT"),
        at,
    }
}

#[test]
fn a_stream_that_breaks_the_contract_is_refused() {
    let check = |more: Value, expected: expect_test::Expect| {
        let fault = PredictionContract::new(&predictions_stream("predictions", &more), &payments()).unwrap_err();
        let problem = fault.problem();
        expected.assert_eq(&format!("{}; {}", problem.message, problem.hint.unwrap_or_default()));
    };
    check(
        json!([]),
        expect![
            "stream `predictions` cannot take predictions: it lacks `ID`, by which labels are joined; carry the key of the model's stream over"
        ],
    );
    check(
        json!([{ "name": "ID", "type": "long" }]),
        expect![
            "stream `predictions` cannot take predictions: its column `ID` cannot be null; a request from outside may lack it"
        ],
    );
}

#[tokio::test]
async fn a_record_is_json_by_the_schema_with_key_and_headers() {
    let kafka = Kafka::start().await;
    let predictions = model_predictions(&predictions_stream("predictions", &usual_fields()));
    let to = predictions.contract.topic().clone();
    kafka.make_topic(&to, 4).await;
    let producer = Producer::new(&kafka.client, &scorer_limits()).unwrap();
    let scorer = Scorer::new(producer, Arc::clone(&predictions));
    let rows = events(7..10, START + 100 * SECOND);
    let scored = scorer
        .score(&deployment("fraud"), &deployed(), batch(rows, day(1)), Arc::default())
        .await
        .unwrap();
    scorer.flush().await.unwrap();
    assert_eq!(
        (scored.rows, scored.sent, scored.already, scored.unscored),
        (3, 3, 0, 0)
    );

    let mut records = kafka.records(&to).await;
    records.sort_by_key(|record| json_of(record)["ID"].as_i64());
    let first = &records[0];
    expect![[r#"{"prediction_id":"fraud:payments:1:3","model":"fraud","model_version":1,"deployment":"fraud","score":0.9976941559949773,"decision":1,"source":"stream","scored_at":"2018-04-02T00:00:00Z","event_time":"2018-04-01T00:01:40Z","ID":7,"CUSTOMER":2,"feature_age_ms":86300000,"feature_hash":"b50aba52efffa3a15078ff54c77e6cd784545b96834228e7d9a95774634264a6","features":"{\"AMOUNT\":0.07,\"COUNT\":1.0,\"WEEKEND\":1.0}"}"#]]
        .assert_eq(std::str::from_utf8(first.value.as_deref().unwrap()).unwrap());
    let headers: Vec<String> = first
        .headers
        .iter()
        .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
        .collect();
    expect!["tm_topic=payments tm_partition=1 tm_offset=3 tm_deployment=fraud tm_tick=2018-04-02T00:00:00Z"]
        .assert_eq(&headers.join(" "));
    assert_eq!(first.kafka_time, day(1));
    let views = FeatureHash("ab".repeat(32));
    assert_eq!(json_of(first)["feature_hash"], row_hash(&views, &[0.07, 1.0, 1.0]));
    for record in &records {
        let customer = json_of(record)["CUSTOMER"].to_string();
        assert_eq!(record.key.as_deref(), Some(customer.as_bytes()));
        assert_eq!(
            record.partition,
            partition_of(customer.as_bytes(), 4),
            "as every producer"
        );
    }
    // Below the threshold of .9: 2·2 + .08 is not, .09 is.
    let decisions: Vec<Value> = records
        .iter()
        .map(|record| json_of(record)["decision"].clone())
        .collect();
    assert_eq!(decisions, [json!(1), json!(1), json!(0)]);
    kafka.stop().await;
}

#[tokio::test]
async fn a_row_without_a_feature_has_no_prediction_and_is_counted() {
    let kafka = Kafka::start().await;
    let predictions = model_predictions(&predictions_stream("predictions", &usual_fields()));
    let to = predictions.contract.topic().clone();
    kafka.make_topic(&to, 1).await;
    let producer = Producer::new(&kafka.client, &scorer_limits()).unwrap();
    let scorer = Scorer::new(producer, Arc::clone(&predictions));
    let rows = events(0..3, START);
    let amounts: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(2.0)]));
    let columns = rows
        .schema_ref()
        .fields()
        .iter()
        .zip(rows.columns())
        .map(|(field, column)| {
            let column = if field.name() == "AMOUNT" { &amounts } else { column };
            (field.name().clone(), Arc::clone(column))
        });
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let scored = scorer
        .score(
            &deployment("fraud"),
            &deployed(),
            batch(rows.clone(), day(1)),
            Arc::default(),
        )
        .await
        .unwrap();
    scorer.flush().await.unwrap();
    assert_eq!((scored.rows, scored.sent, scored.unscored), (3, 2, 1));
    let ids: Vec<Value> = kafka
        .records(&to)
        .await
        .iter()
        .map(|record| json_of(record)["ID"].clone())
        .collect();
    assert_eq!(ids, [json!(0), json!(2)]);

    let place = rows.schema_ref().index_of("COUNT").unwrap();
    let mut without = rows;
    let removed = without.remove_column(place);
    assert_eq!(removed.len(), 3);
    let refused = scorer
        .score(
            &deployment("fraud"),
            &deployed(),
            batch(without, day(1)),
            Arc::default(),
        )
        .await
        .unwrap_err();
    let problem = refused.problem();
    expect!["`fraud` serves a version that needs the feature `COUNT`, and the rows do not have it; the model's views have changed since it was trained: train again, or `tidemill rollback fraud`"]
        .assert_eq(&format!("{}; {}", problem.message, problem.hint.unwrap_or_default()));
    kafka.stop().await;
}

#[tokio::test]
async fn the_tail_holds_the_tick_in_progress_and_passes_over_the_rest() {
    let kafka = Kafka::start().await;
    let predictions = model_predictions(&predictions_stream("predictions", &usual_fields()));
    let to = predictions.contract.topic().clone();
    kafka.make_topic(&to, 1).await;
    let producer = Producer::new(&kafka.client, &scorer_limits()).unwrap();
    let scorer = Scorer::new(producer.clone(), Arc::clone(&predictions));
    let request = |from: &'static [(KafkaPartition, NextOffset)]| {
        let from: BTreeMap<_, _> = from.iter().copied().collect();
        let (kafka, to) = (&kafka, to.clone());
        async move {
            let request = TailRequest {
                topic: &to,
                from: &from,
                tick: day(2),
            };
            read_back(&kafka.client, &kafka.admin, request).await
        }
    };
    assert!(request(&[]).await.unwrap().is_empty());
    for (ids, at) in [(0..4, day(1)), (4..6, day(2))] {
        let rows = events(ids, START);
        scorer
            .score(&deployment("a"), &deployed(), batch(rows, at), Arc::default())
            .await
            .unwrap();
    }
    // A record of a request has no headers.
    let of_request = ProducerRecord {
        topic: &to,
        partition: None,
        key: None,
        value: Some(b"{}"),
        headers: &[],
        timestamp: day(2),
    };
    producer.send(of_request).await.unwrap();
    scorer.flush().await.unwrap();
    for from in [&[][..], &[(KafkaPartition(0), NextOffset(4))]] {
        let tail = request(from).await.unwrap();
        let expected: HashSet<_> = [source_ref(4), source_ref(5)].into();
        assert_eq!(tail.seen, [(deployment("a"), expected)].into());
        assert_eq!(tail.ends, [(KafkaPartition(0), NextOffset(7))].into());
    }
    assert!(request(&[(KafkaPartition(0), NextOffset(6))]).await.unwrap().is_empty());
    let beyond = request(&[(KafkaPartition(0), NextOffset(8))]).await.unwrap_err();
    assert!(matches!(beyond, PredictionError::TailShort { .. }), "{beyond}");
    kafka.stop().await;
}
