//! Area under the receiver operating characteristic.

use super::EvaluationError;
use super::input::{check_scores, count_classes, tie_groups};

/// Probability that a random positive scores above a random negative; a tie counts one half.
///
/// Equal to the Mann–Whitney U statistic with mid-ranks, divided by positives × negatives, and so to the area under the
/// ROC curve by trapezoids. Errors when the slices differ in length, are empty, hold a score that is not finite, or one
/// class only. Source: Hanley and McNeil 1982, Radiology 143.
pub fn roc_auc(scores: &[f64], labels: &[bool]) -> Result<f64, EvaluationError> {
    check_scores(scores, labels)?;
    let (positives, negatives) = count_classes(labels)?;
    // Twice the number of pairs that are in order, in integers: exact for any number of rows that fits in memory.
    let mut ordered_pairs_twice: u128 = 0;
    let mut negatives_below = negatives;
    for group in tie_groups(scores, labels) {
        negatives_below -= group.negatives;
        ordered_pairs_twice += group.positives as u128 * (2 * negatives_below + group.negatives) as u128;
    }
    Ok(ordered_pairs_twice as f64 / (2.0 * positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(scores: &[f64], labels: &[u8], expected: Result<f64, EvaluationError>) {
        let labels: Vec<bool> = labels.iter().map(|label| *label == 1).collect();
        match (roc_auc(scores, &labels), expected) {
            (Ok(actual), Ok(expected)) => assert!((actual - expected).abs() < 1e-15, "{actual} is not {expected}"),
            (actual, expected) => assert_eq!(actual, expected),
        }
    }

    #[test]
    fn small_tables() {
        // The example of scikit-learn's documentation of roc_auc_score's parts: three of four pairs are in order.
        check(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], Ok(0.75));
        check(&[1.0, 2.0, 3.0, 4.0], &[0, 0, 1, 1], Ok(1.0));
        check(&[4.0, 3.0, 2.0, 1.0], &[0, 0, 1, 1], Ok(0.0));
        check(&[0.5, 0.5, 0.5], &[0, 1, 0], Ok(0.5));
        // Pairs: .6 over .5 and .2; .5 ties .5 and is over .2: 3.5 of 4.
        check(&[0.6, 0.5, 0.5, 0.2], &[1, 1, 0, 0], Ok(0.875));
        // Minus zero is zero.
        check(&[0.0, -0.0], &[1, 0], Ok(0.5));
    }

    #[test]
    fn input_without_a_value() {
        check(&[], &[], Err(EvaluationError::Empty));
        check(
            &[0.1],
            &[0, 1],
            Err(EvaluationError::LengthMismatch { scores: 1, labels: 2 }),
        );
        check(
            &[0.1, 0.2],
            &[1, 1],
            Err(EvaluationError::OneClass {
                rows: 2,
                positive: true,
            }),
        );
        check(
            &[0.1, 0.2],
            &[0, 0],
            Err(EvaluationError::OneClass {
                rows: 2,
                positive: false,
            }),
        );
        let infinite = f64::INFINITY;
        check(
            &[0.1, infinite],
            &[0, 1],
            Err(EvaluationError::NotFinite {
                row: 1,
                score: infinite,
            }),
        );
        assert!(matches!(
            roc_auc(&[f64::NAN, 0.1], &[true, false]),
            Err(EvaluationError::NotFinite { row: 0, .. })
        ));
    }

    #[test]
    fn one_class_says_which() {
        let error = roc_auc(&[0.1], &[true]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "all 1 rows are positive: a ranking needs both classes"
        );
    }

    /// Coarse scores, so that ties are frequent, with at least one row of each class.
    fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
        prop::collection::vec((0_u8..12, any::<bool>()), 0..60).prop_map(|mut rows| {
            rows.push((3, true));
            rows.push((5, false));
            rows.into_iter()
                .map(|(score, label)| (f64::from(score) / 12.0, label))
                .unzip()
        })
    }

    proptest! {
        #[test]
        fn equals_the_count_of_pairs((scores, labels) in rows()) {
            let (mut ordered, mut pairs) = (0.0, 0.0);
            for (positive, _) in scores.iter().zip(&labels).filter(|(_, label)| **label) {
                for (negative, _) in scores.iter().zip(&labels).filter(|(_, label)| !**label) {
                    pairs += 1.0;
                    ordered += if positive > negative { 1.0 } else if positive == negative { 0.5 } else { 0.0 };
                }
            }
            prop_assert!((roc_auc(&scores, &labels).unwrap() - ordered / pairs).abs() < 1e-12);
        }

        #[test]
        fn mirrors_when_the_scores_turn_round((scores, labels) in rows()) {
            let turned: Vec<f64> = scores.iter().map(|score| -score).collect();
            let sum = roc_auc(&scores, &labels).unwrap() + roc_auc(&turned, &labels).unwrap();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }

        #[test]
        fn only_the_order_counts((scores, labels) in rows()) {
            let stretched: Vec<f64> = scores.iter().map(|score| (8.0 * score).exp()).collect();
            prop_assert_eq!(roc_auc(&scores, &labels).unwrap(), roc_auc(&stretched, &labels).unwrap());
        }
    }
}
