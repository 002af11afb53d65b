use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use expect_test::expect;
use tidemill_types::{Micros, TimeRange, ViewName};

use super::house::{DAY, Payment, TestHouse, day, fraud_house, payments};
use crate::{compute, summarize};

type Figures = BTreeMap<i64, Vec<Option<f64>>>;

/// Every feature of a view by transaction, in the order of the query.
async fn figures(house: &TestHouse, view: &str, range: TimeRange) -> Figures {
    let view = &house.project.views[&ViewName::new(view).unwrap()];
    let rows = compute(&house.engine, view, range, None).await.unwrap();
    let batch = rows.collect_rows().await.unwrap().concat().unwrap();
    let ids = batch
        .column_by_name("TRANSACTION_ID")
        .unwrap()
        .as_primitive::<Int64Type>();
    let row = |row| (ids.value(row), features(&batch, row));
    (0..batch.num_rows()).map(row).collect()
}

fn features(batch: &RecordBatch, row: usize) -> Vec<Option<f64>> {
    let schema = batch.schema();
    let features = schema.fields().iter().zip(batch.columns());
    let features = features.filter(|(field, _)| !["TRANSACTION_ID", "TX_DATETIME"].contains(&field.name().as_str()));
    let value = |column| {
        let column = cast(column, &DataType::Float64).unwrap();
        let column = column.as_primitive::<Float64Type>();
        column.iter().nth(row).flatten()
    };
    features.map(|(_, column)| value(column)).collect()
}

fn close(one: &Figures, other: &Figures) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (id, features) in one {
        for (place, (a, b)) in features.iter().zip(&other[id]).enumerate() {
            let equal = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9,
                (a, b) => a == b,
            };
            assert!(equal, "feature {place} of transaction {id}: {a:?} and {b:?}");
        }
    }
}

#[tokio::test]
async fn a_range_has_the_figures_of_the_whole() {
    let house = fraud_house(&payments(60, 20)).await;
    for view in ["transaction_context", "customer_spending", "terminal_risk"] {
        let whole = figures(&house, view, TimeRange::ALL).await;
        assert_eq!(whole.len(), 1_200, "{view}");
        for (from, to) in [(0, 1), (8, 12), (45, 60), (59, 80)] {
            let range = TimeRange::new(day(from), day(to));
            let part = figures(&house, view, range).await;
            let inside = whole.iter().filter(|(id, _)| (from * 20..to * 20).contains(*id));
            close(&part, &inside.map(|(id, features)| (*id, features.clone())).collect());
        }
        let open = TimeRange {
            from: None,
            to: Some(day(3)),
        };
        assert_eq!(figures(&house, view, open).await.len(), 60, "{view}");
    }
}

/// The definitions of the handbook, by brute force.
fn by_hand(all: &[Payment], of: &Payment) -> (Vec<f64>, Vec<f64>) {
    let (mut spending, mut risk) = (Vec::new(), Vec::new());
    for window in [1, 7, 30] {
        let since = |end: i64, other: &Payment| other.at > end - window * DAY && other.at <= end;
        let own: Vec<&Payment> = all
            .iter()
            .filter(|p| p.customer == of.customer && since(of.at, p))
            .collect();
        spending.push(own.len() as f64);
        spending.push(own.iter().map(|p| p.amount).sum::<f64>() / own.len() as f64);
        let seen: Vec<&Payment> = all
            .iter()
            .filter(|p| p.terminal == of.terminal && since(of.at - 7 * DAY, p))
            .collect();
        let frauds = f64::from(seen.iter().map(|p| p.fraud).sum::<i32>());
        risk.push(seen.len() as f64);
        risk.push(if seen.is_empty() {
            0.0
        } else {
            frauds / seen.len() as f64
        });
    }
    (spending, risk)
}

#[tokio::test]
async fn the_views_are_the_handbooks_definitions() {
    let all = payments(50, 12);
    let house = fraud_house(&all).await;
    let spending = figures(&house, "customer_spending", TimeRange::ALL).await;
    let risk = figures(&house, "terminal_risk", TimeRange::ALL).await;
    let some = |figures: Vec<f64>| figures.into_iter().map(Some).collect::<Vec<_>>();
    let expected = all.iter().map(|payment| (payment.id, by_hand(&all, payment)));
    let (by_customer, by_terminal): (Figures, Figures) = expected
        .map(|(id, (spending, risk))| ((id, some(spending)), (id, some(risk))))
        .unzip();
    close(&spending, &by_customer);
    close(&risk, &by_terminal);
}

#[tokio::test]
async fn what_was_not_known_yet_is_not_there() {
    let house = fraud_house(&payments(10, 10)).await;
    let view = &house.project.views[&ViewName::new("transaction_context").unwrap()];
    let known = Some(Micros(day(4).0));
    let rows = compute(&house.engine, view, TimeRange::ALL, known).await.unwrap();
    assert_eq!(rows.collect_rows().await.unwrap().count(), 40);
}

#[tokio::test]
async fn features_are_summed_up() {
    let house = fraud_house(&payments(4, 5)).await;
    let view = &house.project.views[&ViewName::new("transaction_context").unwrap()];
    let summaries = summarize(&house.engine, view, TimeRange::new(day(0), day(2)), None)
        .await
        .unwrap();
    expect![[r#"
        [
          {
            "feature": "TX_AMOUNT",
            "rows": 10,
            "nulls": 0,
            "mean": 188.882,
            "std": 97.77575116561366,
            "min": 10.1,
            "p50": 211.425,
            "max": 286.73
          },
          {
            "feature": "TX_DURING_WEEKEND",
            "rows": 10,
            "nulls": 0,
            "mean": 0.5,
            "std": 0.5,
            "min": 0.0,
            "p50": 0.5,
            "max": 1.0
          },
          {
            "feature": "TX_DURING_NIGHT",
            "rows": 10,
            "nulls": 0,
            "mean": 0.4,
            "std": 0.4898979485566356,
            "min": 0.0,
            "p50": 0.0,
            "max": 1.0
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&summaries).unwrap());
    let none = TimeRange::new(day(90), day(91));
    let empty = summarize(&house.engine, view, none, None).await.unwrap();
    assert_eq!((empty.len(), empty[0].rows, empty[0].mean), (3, 0, None));
}
