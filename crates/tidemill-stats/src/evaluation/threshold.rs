//! What a decision threshold makes of the scores.

use super::EvaluationError;
use super::input::check_scores;

/// Rows by label and by decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    /// Positives that were flagged.
    pub true_positives: u64,
    /// Negatives that were flagged.
    pub false_positives: u64,
    /// Positives that were missed.
    pub false_negatives: u64,
    /// Negatives that were left alone.
    pub true_negatives: u64,
}

/// Counts decisions "score ≥ threshold" against labels.
///
/// Errors when the slices differ in length, are empty, hold a score that is not finite, or the threshold is NaN.
pub fn confusion_at(scores: &[f64], labels: &[bool], threshold: f64) -> Result<Confusion, EvaluationError> {
    check_scores(scores, labels)?;
    if threshold.is_nan() {
        return Err(EvaluationError::NotAThreshold);
    }
    let mut counts = Confusion::default();
    for (score, label) in scores.iter().zip(labels) {
        match (*score >= threshold, *label) {
            (true, true) => counts.true_positives += 1,
            (true, false) => counts.false_positives += 1,
            (false, true) => counts.false_negatives += 1,
            (false, false) => counts.true_negatives += 1,
        }
    }
    Ok(counts)
}

impl Confusion {
    /// Share of the flagged that are positive; `None` where nothing was flagged.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Share of the positives that were flagged; `None` where there are no positives.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Harmonic mean of precision and recall, 2·TP ÷ (2·TP + FP + FN); `None` where nothing is positive or flagged.
    pub fn f1(&self) -> Option<f64> {
        let hits_twice = 2 * self.true_positives;
        share(hits_twice, hits_twice + self.false_positives + self.false_negatives)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 5] = [0.9, 0.7, 0.5, 0.3, 0.1];
    const LABELS: [bool; 5] = [true, false, true, true, false];

    fn check(threshold: f64, precision: Option<f64>, recall: Option<f64>, f1: Option<f64>) {
        let counts = confusion_at(&SCORES, &LABELS, threshold).unwrap();
        assert_eq!(
            (counts.precision(), counts.recall(), counts.f1()),
            (precision, recall, f1)
        );
    }

    #[test]
    fn a_score_at_the_threshold_is_flagged() {
        check(0.5, Some(2.0 / 3.0), Some(2.0 / 3.0), Some(2.0 / 3.0));
        check(0.51, Some(0.5), Some(1.0 / 3.0), Some(0.4));
        check(0.0, Some(0.6), Some(1.0), Some(0.75));
        check(0.95, None, Some(0.0), Some(0.0));
    }

    #[test]
    fn shares_of_nothing_are_absent() {
        let counts = confusion_at(&[0.1], &[false], 0.5).unwrap();
        assert_eq!((counts.precision(), counts.recall(), counts.f1()), (None, None, None));
        assert_eq!(counts.true_negatives, 1);
        assert_eq!(
            confusion_at(&[0.1], &[false], f64::NAN),
            Err(EvaluationError::NotAThreshold)
        );
    }
}
