//! Several ticks at once give what each gives alone, if the views keep their promise.

use tidemill_types::{ColumnName, Micros, TimeRange, ViewName};

use super::house::{DAY, Payment, TestHouse, day, fraud_house, payments};
use crate::{FeatureDifference, FeatureRows, FeatureRowsRequest, feature_rows};

async fn rows(house: &TestHouse, from: i64, to: i64) -> FeatureRows {
    let request = FeatureRowsRequest {
        model: &house.project.models["fraud"],
        range: TimeRange::new(day(from), day(to)),
        as_of: Some(day(to)),
    };
    feature_rows(&house.engine, &house.project, request).await.unwrap()
}

/// The first tick of days `from..to` whose rows differ between the two ways.
async fn first_difference(all: &[Payment], from: i64, to: i64) -> Option<(i64, FeatureDifference)> {
    let house = fraud_house(all).await;
    let ahead = rows(&house, from, to).await;
    assert!(ahead.batch.num_rows() > 0);
    for at in from + 1..=to {
        let alone = rows(&house, at - 1, at).await;
        let cut = ahead.cut(TimeRange::new(day(at - 1), day(at)), day(at)).unwrap();
        if let Some(difference) = alone.difference(&cut) {
            return Some((at, difference));
        }
    }
    None
}

#[tokio::test]
async fn ticks_made_at_once_are_bit_by_bit_those_made_alone() {
    assert_eq!(first_difference(&payments(60, 40), 45, 60).await, None);
}

#[tokio::test]
async fn a_label_that_comes_late_breaks_the_promise_and_is_found() {
    let mut all = payments(24, 40);
    for payment in all.iter_mut().filter(|payment| payment.at < day(16).0) {
        payment.fraud = 1;
        // Known two days after the payments of day 20 look at it.
        payment.labelled_at = payment.at.max(day(10).0) + 12 * DAY;
    }
    let (at, difference) = first_difference(&all, 19, 24).await.unwrap();
    assert_eq!(at, 20);
    assert_eq!(difference.view, Some(ViewName::new("terminal_risk").unwrap()));
    assert_eq!(
        difference.column,
        Some(ColumnName::new("TERMINAL_ID_RISK_1DAY_WINDOW").unwrap())
    );
}

#[tokio::test]
async fn rows_that_were_not_known_are_cut() {
    let house = fraud_house(&payments(20, 10)).await;
    let all = rows(&house, 18, 20).await;
    let of_day = TimeRange::new(day(18), day(19));
    assert_eq!(all.cut(of_day, day(19)).unwrap().batch.num_rows(), 10);
    // Payments are known when they happen.
    let half_known = all.cut(of_day, Micros(day(18).0 + DAY / 2)).unwrap();
    assert!((1..10).contains(&half_known.batch.num_rows()));
}
