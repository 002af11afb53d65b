//! Average precision: the area under the precision–recall steps.

use super::EvaluationError;
use super::input::{check_scores, count_classes, tie_groups};

/// Σ (Rₙ − Rₙ₋₁) · Pₙ over the distinct scores from high to low, where Pₙ and Rₙ are precision and recall of "score at
/// least the n-th". Steps, not trapezoids: between two thresholds nothing is interpolated. Rows that tie are one step.
///
/// Errors as [`roc_auc`](super::roc_auc) does. Source: scikit-learn's `average_precision_score`; Zhu 2004.
pub fn average_precision(scores: &[f64], labels: &[bool]) -> Result<f64, EvaluationError> {
    check_scores(scores, labels)?;
    let (positives, _) = count_classes(labels)?;
    let (mut found, mut alarms) = (0_usize, 0_usize);
    let mut sum = 0.0;
    for group in tie_groups(scores, labels) {
        found += group.positives;
        alarms += group.positives + group.negatives;
        sum += group.positives as f64 * (found as f64 / alarms as f64);
    }
    Ok(sum / positives as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(scores: &[f64], labels: &[u8], expected: f64) {
        let labels: Vec<bool> = labels.iter().map(|label| *label == 1).collect();
        let actual = average_precision(scores, &labels).unwrap();
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    #[test]
    fn small_tables() {
        // Steps: 1 of 1, then the second positive as 2 of 3: ½ · 1 + ½ · ⅔.
        check(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 0.5 + 1.0 / 3.0);
        check(&[0.9, 0.8, 0.2, 0.1], &[1, 1, 0, 0], 1.0);
        // Everything ties: one step, the base rate.
        check(&[0.5, 0.5, 0.5, 0.5], &[1, 0, 0, 0], 0.25);
        // A tie of one positive and one negative at the top is 1 of 2; then 2 of 3.
        check(&[0.9, 0.9, 0.5, 0.1], &[1, 0, 1, 0], 0.5 * 0.5 + 0.5 * (2.0 / 3.0));
        check(&[0.1, 0.2, 0.3], &[1, 0, 0], 1.0 / 3.0);
    }

    #[test]
    fn needs_both_classes() {
        assert!(matches!(
            average_precision(&[0.2, 0.3], &[false, false]),
            Err(EvaluationError::OneClass { positive: false, .. })
        ));
    }

    proptest! {
        #[test]
        fn lies_between_zero_and_one_and_ignores_row_order(
            rows in prop::collection::vec((0_u8..9, any::<bool>()), 1..50),
            turn in 0_usize..50,
        ) {
            let mut rows: Vec<(f64, bool)> = rows.into_iter().map(|(s, l)| (f64::from(s), l)).collect();
            rows.extend([(4.0, true), (4.0, false)]);
            let (scores, labels): (Vec<f64>, Vec<bool>) = rows.iter().copied().unzip();
            let value = average_precision(&scores, &labels).unwrap();
            prop_assert!((0.0..=1.0).contains(&value));
            let length = rows.len();
            rows.rotate_left(turn % length);
            let (scores, labels): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
            prop_assert_eq!(value, average_precision(&scores, &labels).unwrap());
        }
    }
}
