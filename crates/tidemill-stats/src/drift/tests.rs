//! States merge as integers do, and the measures of a column fit together.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Numbers, nulls, NaN and infinities.
fn column() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        6 => (-4.0..4.0_f64).prop_map(Some),
        3 => (-3_i8..4).prop_map(|value| Some(f64::from(value))),
        1 => prop::sample::select(vec![None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)]),
    ];
    prop::collection::vec(value, 0..120)
}

fn profile_of(mut values: Vec<Option<f64>>) -> NumericProfile {
    values.push(Some(0.5));
    NumericProfile::with_grid(values, 20).unwrap()
}

fn merged(left: &BinCounts, right: &BinCounts) -> BinCounts {
    let mut sum = left.clone();
    sum.merge(right).unwrap();
    sum
}

/// Counts and range to the bit, mean and spread up to rounding.
fn assert_same(left: &BinCounts, right: &BinCounts) {
    assert_eq!(left.bins(), right.bins());
    let beside = |state: &BinCounts| [state.null(), state.nan(), state.minus_infinity(), state.plus_infinity()];
    assert_eq!(beside(left), beside(right));
    let (left, right) = (left.moments(), right.moments());
    assert_eq!(left.n(), right.n());
    for (a, b) in [(left.mean(), right.mean()), (left.variance(), right.variance())] {
        assert!(
            (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-9,
            "{left:?} is not {right:?}"
        );
    }
}

proptest! {
    #[test]
    fn merging_is_addition(reference in column(), a in column(), b in column(), c in column()) {
        let profile = profile_of(reference);
        let [x, y, z] = [&a, &b, &c].map(|rows| profile.count(rows.iter().copied()));
        prop_assert_eq!(merged(&x, &y), merged(&y, &x));
        assert_same(&merged(&merged(&x, &y), &z), &merged(&x, &merged(&y, &z)));
        prop_assert_eq!(merged(&x, &profile.empty_counts()), x.clone());
        let together = profile.count(a.iter().chain(&b).chain(&c).copied());
        let sum = merged(&merged(&x, &y), &z);
        assert_same(&together, &sum);
        prop_assert_eq!((together.moments().min(), together.moments().max()), (sum.moments().min(), sum.moments().max()));
        prop_assert_eq!(sum.rows() as usize, a.len() + b.len() + c.len());
    }

    #[test]
    fn subtracting_takes_back(reference in column(), a in column(), b in column()) {
        let profile = profile_of(reference);
        let (x, y) = (profile.count(a), profile.count(b));
        let mut window = merged(&x, &y);
        window.subtract(&y).unwrap();
        assert_same(&window, &x);
    }

    #[test]
    fn the_order_of_rows_does_not_count(reference in column(), rows in column()) {
        let profile = profile_of(reference.clone());
        let turned = profile_of(reference.into_iter().rev().collect());
        prop_assert_eq!(profile.edges(), turned.edges());
        assert_same(profile.reference(), turned.reference());
        assert_same(&profile.count(rows.clone()), &turned.count(rows.into_iter().rev()));
    }

    #[test]
    fn a_column_does_not_drift_from_itself(reference in column()) {
        let profile = profile_of(reference);
        let own = profile.reference().clone();
        let found = ReferenceProfile::Numeric(profile).measure(&own).unwrap();
        prop_assert_eq!((found.psi, found.psi_of_values), (0.0, Some(0.0)));
        prop_assert_eq!((found.total_variation, found.largest_difference, found.psi_p_value), (0.0, 0.0, 1.0));
        prop_assert_eq!(found.ks.map(|ks| ks.low), Some(0.0));
    }

    #[test]
    fn states_survive_json(reference in column(), rows in column()) {
        let state = profile_of(reference).count(rows);
        let stored = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<BinCounts>(&stored).unwrap(), state);
    }
}

#[test]
fn profiles_of_either_kind_survive_json() {
    let numbers = NumericProfile::new([Some(0.1), Some(1.0 / 3.0), Some(0.1), None]).unwrap();
    let levels = CategoricalProfile::new([Some("a"), None, Some("b")]).unwrap();
    for profile in [
        ReferenceProfile::Numeric(numbers),
        ReferenceProfile::Categorical(levels),
    ] {
        let stored = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<ReferenceProfile>(&stored).unwrap(), profile);
    }
}

#[test]
fn a_failed_merge_changes_nothing() {
    let profile = NumericProfile::new([Some(1.0), Some(2.0)]).unwrap();
    let mut state = profile.count([Some(1.0), None]);
    let before = state.clone();
    let other = NumericProfile::new([Some(1.0)]).unwrap().empty_counts();
    let different = Err(DriftError::DifferentBins { left: 5, right: 3 });
    assert_eq!(
        (state.merge(&other), state.subtract(&other)),
        (different.clone(), different)
    );
    let more_nulls = profile.count([None, None]);
    let not_contained = Err(DriftError::NotContained { subtracted: 2, held: 1 });
    assert_eq!(state.subtract(&more_nulls), not_contained);
    assert_eq!(state, before);
}

fn check(profile: &ReferenceProfile, current: &BinCounts, expected: &Expect) {
    let figures = match profile.measure(current) {
        Err(error) => error.to_string(),
        Ok(found) => format!(
            "psi {:.4} (p {:.4}), of values {:.4?}, ks {:.3?}, χ² {:.3?}",
            found.psi,
            found.psi_p_value,
            found.psi_of_values,
            found.ks.map(|ks| [ks.low, ks.high]),
            found.chi_squared.map(|test| test.statistic),
        ),
    };
    expected.assert_eq(&figures);
}

#[test]
fn missing_values_are_a_bin_of_their_own() {
    let hundred = || (0..100).map(|value| Some(f64::from(value)));
    let profile = ReferenceProfile::Numeric(NumericProfile::new(hundred()).unwrap());
    let half_missing = |missing| hundred().chain(std::iter::repeat_n(missing, 100));
    let count = |missing| profile.count_numbers(half_missing(missing)).unwrap();
    for missing in [None, Some(f64::NAN), Some(f64::INFINITY)] {
        // Values ½ · ln 2, missing (½ − 1e-4) · ln 5,000.
        let expected =
            expect!["psi 4.6043 (p 0.0000), of values Some(0.0000), ks Some([0.000, 0.000]), χ² Some(75.000)"];
        check(&profile, &count(missing), &expected);
    }
    let nothing_but_nulls = profile.count_numbers([None, None]).unwrap();
    check(
        &profile,
        &nothing_but_nulls,
        &expect!["psi 16.1113 (p 0.0005), of values None, ks None, χ² Some(102.000)"],
    );
    check(
        &profile,
        &profile.empty_counts(),
        &expect!["the current side is empty: drift compares two sides"],
    );
}

#[test]
fn levels_have_no_order() {
    let levels = ["a", "a", "b", "b"].map(Some);
    let profile = ReferenceProfile::Categorical(CategoricalProfile::new(levels).unwrap());
    let count = |levels: &[&'static str]| profile.count_levels(levels.iter().copied().map(Some)).unwrap();
    check(
        &profile,
        &count(&["b", "a"]),
        &expect!["psi 0.0000 (p 1.0000), of values Some(0.0000), ks None, χ² Some(0.000)"],
    );
    check(
        &profile,
        &count(&["b", "x"]),
        &expect!["psi 8.5155 (p 0.0034), of values Some(8.5155), ks None, χ² Some(3.000)"],
    );
    assert_eq!(
        profile.count_numbers([]).unwrap_err().to_string(),
        "the profile is of categorical values, the column is not"
    );
}
