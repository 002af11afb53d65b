use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, Schema};
use expect_test::{Expect, expect};
use tidemill_project::ModelSpec;
use tidemill_types::{ColumnName, Explain, TableName, TimeRange};

use super::house::{DAY, Payment, SECOND, START, TestHouse, day, fraud_house, payments};
use crate::{
    EvaluationWindows, FeatureRowsRequest, FeaturesError, RowCondition, TrainingSet, TrainingSetRequest,
    evaluation_mask, feature_rows, training_set, training_set_at,
};

fn model(house: &TestHouse) -> &ModelSpec {
    &house.project.models[0]
}

fn request<'a>(house: &'a TestHouse, conditions: &'a [RowCondition]) -> TrainingSetRequest<'a> {
    TrainingSetRequest {
        model: model(house),
        range: TimeRange::new(day(5), day(8)),
        as_of: None,
        conditions,
    }
}

async fn make(house: &TestHouse, request: TrainingSetRequest<'_>) -> Result<TrainingSet, FeaturesError> {
    training_set(&house.engine, &house.project, request).await
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch["TRANSACTION_ID"].as_primitive::<Int64Type>().values().to_vec()
}

fn floats(batch: &RecordBatch, name: &str) -> Vec<f64> {
    let column = cast(&batch[name], &DataType::Float64).unwrap();
    column.as_primitive::<Float64Type>().values().to_vec()
}

#[tokio::test]
async fn each_row_with_a_known_label_is_in_it_once_and_in_order() {
    let house = fraud_house(&payments(20, 10)).await;
    let set = make(&house, request(&house, &[])).await.unwrap();
    assert_eq!(ids(&set.batch), (50..80).collect::<Vec<_>>());
    assert_eq!((set.unlabelled_rows, set.excluded_rows), (0, 0));
    assert_eq!(set.label_column.as_str(), "TX_FRAUD");
    let columns: Vec<String> = set
        .batch
        .schema()
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    expect![[r#"
        TRANSACTION_ID Int64
        TX_DATETIME Timestamp(µs, "UTC")
        CUSTOMER_ID Int32
        TERMINAL_ID Int32
        TX_FRAUD Float64
        TX_AMOUNT Float64
        TX_DURING_WEEKEND Float64
        TX_DURING_NIGHT Float64
        CUSTOMER_ID_NB_TX_1DAY_WINDOW Float64
        CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW Float64
        CUSTOMER_ID_NB_TX_7DAY_WINDOW Float64
        CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW Float64
        CUSTOMER_ID_NB_TX_30DAY_WINDOW Float64
        CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW Float64
        TERMINAL_ID_NB_TX_1DAY_WINDOW Float64
        TERMINAL_ID_RISK_1DAY_WINDOW Float64
        TERMINAL_ID_NB_TX_7DAY_WINDOW Float64
        TERMINAL_ID_RISK_7DAY_WINDOW Float64
        TERMINAL_ID_NB_TX_30DAY_WINDOW Float64
        TERMINAL_ID_RISK_30DAY_WINDOW Float64"#]]
    .assert_eq(&columns.join("\n"));
    let features: Vec<&str> = set.feature_columns.iter().map(ColumnName::as_str).collect();
    assert_eq!(features.len(), 15, "{features:?}");
    expect![[r#"
        [
          {
            "table": "transactions",
            "delta_version": 1,
            "window": {
              "from": "2018-02-28T00:00:00Z",
              "to": "2018-04-09T00:00:00Z"
            },
            "rows": 80
          },
          {
            "table": "labels",
            "delta_version": 1,
            "window": {},
            "rows": 200
          }
        ]
        [
          {
            "table": "transactions",
            "topic": "transactions",
            "partition": 0,
            "start": 0,
            "end": 80
          },
          {
            "table": "labels",
            "topic": "labels",
            "partition": 0,
            "start": 0,
            "end": 200
          }
        ]"#]]
    .assert_eq(&format!(
        "{}\n{}",
        serde_json::to_string_pretty(&set.inputs).unwrap(),
        serde_json::to_string_pretty(&set.streams).unwrap()
    ));
}

#[tokio::test]
async fn labels_that_were_not_known_are_missing() {
    let house = fraud_house(&payments(20, 10)).await;
    let as_of = Some(day(13));
    let set = make(
        &house,
        TrainingSetRequest {
            as_of,
            ..request(&house, &[])
        },
    )
    .await
    .unwrap();
    // The label of a payment is known seven days later, to the second.
    assert_eq!(ids(&set.batch), (50..60).collect::<Vec<_>>());
    assert_eq!(set.unlabelled_rows, 20);
}

#[tokio::test]
async fn of_several_labels_the_newest_known_counts() {
    let all = payments(20, 10);
    let house = fraud_house(&all).await;
    // The views of the project read labels themselves and want one each; this model does not use them.
    let model = ModelSpec {
        features: Some(vec![ColumnName::new("TX_AMOUNT").unwrap()]),
        ..model(&house).clone()
    };
    let request = TrainingSetRequest {
        model: &model,
        ..request(&house, &[])
    };
    let corrected: Vec<Payment> = all[50..53]
        .iter()
        .map(|payment| Payment {
            fraud: 1 - payment.fraud,
            labelled_at: payment.labelled_at + DAY,
            ..*payment
        })
        .collect();
    house.land_labels(&corrected, 1_000).await;
    let older: Vec<Payment> = all[60..62]
        .iter()
        .map(|payment| Payment {
            fraud: 1 - payment.fraud,
            labelled_at: payment.labelled_at - DAY,
            ..*payment
        })
        .collect();
    house.land_labels(&older, 2_000).await;
    let set = make(&house, request).await.unwrap();
    let expected = all[50..80].iter().map(|payment| {
        let is_corrected = (50..53).contains(&payment.id);
        f64::from(if is_corrected { 1 - payment.fraud } else { payment.fraud })
    });
    assert_eq!(floats(&set.batch, "TX_FRAUD"), expected.collect::<Vec<_>>());
    // Before the correction was known, the first label stood.
    let as_of = Some(day(13).plus(-SECOND));
    let before = make(&house, TrainingSetRequest { as_of, ..request }).await.unwrap();
    let first: Vec<f64> = all[50..53].iter().map(|payment| f64::from(payment.fraud)).collect();
    assert_eq!(floats(&before.batch, "TX_FRAUD")[..3], first);
}

#[tokio::test]
async fn what_became_known_later_changes_nothing_as_of_a_time() {
    let all = payments(20, 10);
    let house = fraud_house(&all).await;
    let as_of = Some(day(15));
    let rows = |set: &TrainingSet| -> Vec<(String, u64)> {
        let inputs = set.inputs.iter();
        inputs.map(|input| (input.table.to_string(), input.rows)).collect()
    };
    let before = TrainingSetRequest {
        as_of,
        ..request(&house, &[])
    };
    let before = make(&house, before).await.unwrap();
    assert_eq!(ids(&before.batch), (50..80).collect::<Vec<_>>());
    // Payments of the same days, customers and terminals, known a microsecond too late, and frauds all of them.
    let late: Vec<Payment> = all[..80]
        .iter()
        .map(|payment| Payment {
            id: payment.id + 10_000,
            at: payment.at + SECOND,
            amount: payment.amount * 2.0,
            fraud: 1,
            labelled_at: day(15).0 + 1,
            ..*payment
        })
        .collect();
    house.land_transactions_known(&late, 1_000, |_| day(15).0 + 1).await;
    house.land_labels(&late, 1_000).await;
    let request_then = TrainingSetRequest {
        as_of,
        ..request(&house, &[])
    };
    let after = make(&house, request_then).await.unwrap();
    assert_eq!(after.batch, before.batch);
    assert_eq!(rows(&after), rows(&before));
    let now = make(&house, request(&house, &[])).await.unwrap();
    assert_eq!(now.batch.num_rows(), 60);
}

#[tokio::test]
async fn conditions_leave_rows_out_and_count_them() {
    let house = fraud_house(&payments(20, 10)).await;
    let condition = |on: &str, expression: &str| RowCondition {
        on: TableName::new(on).unwrap(),
        expression: expression.to_owned(),
    };
    let conditions = [
        condition("transactions", "-- a comment\nTRANSACTION_ID <> 55 -- another"),
        condition("transactions", "case when TRANSACTION_ID = 56 then null else true end"),
        condition("customer_spending", "TRANSACTION_ID <> 57"),
        condition("labels", "false"),
    ];
    let set = make(&house, request(&house, &conditions)).await.unwrap();
    assert_eq!(
        ids(&set.batch),
        (50..80).filter(|id| ![55, 56, 57].contains(id)).collect::<Vec<_>>()
    );
    assert_eq!(set.excluded_rows, 3);
}

#[tokio::test]
async fn what_lands_while_it_is_made_is_not_in_it_and_the_lineage_makes_it_again() {
    let all = payments(20, 10);
    let house = fraud_house(&all).await;
    let first = make(&house, request(&house, &[])).await.unwrap();
    let more = Payment {
        id: 5_000,
        at: START + 6 * DAY,
        ..all[0]
    };
    house.land_transactions(&[more], 9_000).await;
    house.land_labels(&[more], 9_000).await;
    let second = make(&house, request(&house, &[])).await.unwrap();
    assert_eq!(second.batch.num_rows(), first.batch.num_rows() + 1);
    assert_eq!(second.inputs[0].delta_version, first.inputs[0].delta_version + 1);
    assert_eq!(first.feature_hash, second.feature_hash);
    let versions = first
        .inputs
        .iter()
        .map(|input| (input.table.clone(), input.delta_version));
    let versions = versions.collect();
    let again = training_set_at(&house.engine, &house.project, request(&house, &[]), &versions)
        .await
        .unwrap();
    assert_eq!(again.batch, first.batch);
    assert_eq!((again.inputs, again.streams), (first.inputs, first.streams));
}

async fn check_refused(house: &TestHouse, model: &ModelSpec, expected: &Expect) {
    let request = TrainingSetRequest {
        model,
        ..request(house, &[])
    };
    let problem = make(house, request).await.unwrap_err().problem();
    expected.assert_eq(&format!(
        "{}: {}\n{}",
        problem.code,
        problem.message,
        problem.hint.unwrap_or_default()
    ));
}

#[tokio::test]
async fn a_key_that_comes_twice_is_named() {
    let all = payments(20, 10);
    let house = fraud_house(&all).await;
    house.land_transactions(&all[70..71], 9_000).await;
    check_refused(&house, model(&house), &expect![[r#"
        not_ready: `transactions` has 2 rows with the key TRANSACTION_ID = 70
        look with `tidemill sql "select * from transactions where …"`; a row that came twice must be one before features are computed"#]]).await;
}

#[tokio::test]
async fn features_can_be_chosen_and_must_exist() {
    let house = fraud_house(&payments(20, 10)).await;
    let names = |names: &[&str]| {
        Some(
            names
                .iter()
                .map(|name| ColumnName::new(*name).unwrap())
                .collect::<Vec<_>>(),
        )
    };
    let few = ModelSpec {
        features: names(&["TX_DURING_NIGHT", "CUSTOMER_ID", "TX_AMOUNT"]),
        ..model(&house).clone()
    };
    let set = make(
        &house,
        TrainingSetRequest {
            model: &few,
            ..request(&house, &[])
        },
    )
    .await
    .unwrap();
    let columns: Vec<String> = set
        .batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        columns,
        [
            "TRANSACTION_ID",
            "TX_DATETIME",
            "TERMINAL_ID",
            "TX_FRAUD",
            "TX_DURING_NIGHT",
            "CUSTOMER_ID",
            "TX_AMOUNT"
        ]
    );
    let unknown = ModelSpec {
        features: names(&["TX_AMUONT"]),
        ..model(&house).clone()
    };
    check_refused(
        &house,
        &unknown,
        &expect![[r"
        invalid_input: no view of the model has the feature `TX_AMUONT`
        did you mean `TX_AMOUNT`?"]],
    )
    .await;
    let a_time = ModelSpec {
        features: names(&["TX_DATETIME"]),
        ..model(&house).clone()
    };
    check_refused(
        &house,
        &a_time,
        &expect![[r#"
        invalid_input: feature `TX_DATETIME` is Timestamp(µs, "UTC"), not a number
        models take numbers: cast it, or name the model's `features` without it"#]],
    )
    .await;
}

#[tokio::test]
async fn rows_without_labels_have_features_all_the_same() {
    let house = fraud_house(&payments(20, 10)).await;
    let request = FeatureRowsRequest {
        model: model(&house),
        range: TimeRange::new(day(18), day(20)),
        as_of: Some(day(20)),
    };
    let rows = feature_rows(&house.engine, &house.project, request).await.unwrap();
    assert_eq!(ids(&rows.batch), (180..200).collect::<Vec<_>>());
    assert!(rows.batch.column_by_name("TX_FRAUD").is_none());
    let names: Vec<&str> = rows
        .batch
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(
        names[..8],
        [
            "TRANSACTION_ID",
            "TX_DATETIME",
            "CUSTOMER_ID",
            "TERMINAL_ID",
            "_tm_topic",
            "_tm_partition",
            "_tm_offset",
            "_tm_kafka_time"
        ]
    );
    assert_eq!(rows.feature_homes.len(), rows.feature_columns.len());
    let set = make(
        &house,
        TrainingSetRequest {
            range: request.range,
            ..self::request(&house, &[])
        },
    )
    .await
    .unwrap();
    assert_eq!(
        floats(&set.batch, "TERMINAL_ID_RISK_7DAY_WINDOW"),
        floats(&rows.batch, "TERMINAL_ID_RISK_7DAY_WINDOW")
    );
}

#[tokio::test]
async fn an_evaluation_counts_the_rows_that_its_query_gives() {
    let mut all = payments(30, 10);
    // Some customers stay honest.
    for payment in &mut all {
        payment.fraud *= i32::from(payment.customer < 3);
    }
    let house = fraud_house(&all).await;
    let range = TimeRange::new(day(14), day(16));
    let set = make(
        &house,
        TrainingSetRequest {
            range,
            ..request(&house, &[])
        },
    )
    .await
    .unwrap();
    let mut fields: Vec<FieldRef> = set.batch.schema().fields().iter().cloned().collect();
    fields.push(Field::new("score", DataType::Float64, false).into());
    let mut columns = set.batch.columns().to_vec();
    columns.push(columns[0].clone());
    columns[fields.len() - 1] = cast(&columns[fields.len() - 1], &DataType::Float64).unwrap();
    let scored = RecordBatch::try_new(Schema::new(fields).into(), columns).unwrap();
    let windows = EvaluationWindows {
        train: (day(0), day(7)),
        evaluate: (day(14), day(16)),
    };
    let evaluation = &house.project.evaluations[0];
    let mask = evaluation_mask(
        &house.engine,
        evaluation,
        &scored,
        &set.key_columns,
        &windows,
        Some(day(30)),
    )
    .await;
    let mask = mask.unwrap();
    // A card counts until the end of the day on which its first fraud since the training window became known.
    let counts = |payment: &Payment| {
        let frauds = all
            .iter()
            .filter(|other| other.fraud == 1 && other.customer == payment.customer);
        let known = frauds.map(|fraud| fraud.labelled_at).min();
        known.is_none_or(|known| known >= payment.at.div_euclid(DAY) * DAY)
    };
    let expected: Vec<bool> = all[140..160].iter().map(counts).collect();
    assert_eq!(mask.iter().map(Option::unwrap).collect::<Vec<_>>(), expected);
    assert!(expected.contains(&true) && expected.contains(&false));
}
