//! Losses of predicted probabilities: how far they are from what happened.

use super::EvaluationError;
use super::input::check_probabilities;

/// How far a probability stays from 0 and 1 in [`log_loss`]: the spacing of f64 at 1, as in scikit-learn.
pub const PROBABILITY_CLIP: f64 = f64::EPSILON;

/// Rows summed at a time. Blocks keep the rounding error of a long sum small, and the same for every caller.
const BLOCK_ROWS: usize = 1024;

/// Mean of −ln(probability given to what happened), in nats. Probabilities are clipped to
/// [[`PROBABILITY_CLIP`], 1 − [`PROBABILITY_CLIP`]], so that one certain mistake costs 36 nats and not infinity.
///
/// Errors when the slices differ in length, are empty, or hold a score outside 0..=1. One class is enough.
/// Source: Good 1952; scikit-learn's `log_loss`.
pub fn log_loss(scores: &[f64], labels: &[bool]) -> Result<f64, EvaluationError> {
    mean_loss(scores, labels, |score, label| {
        let score = score.clamp(PROBABILITY_CLIP, 1.0 - PROBABILITY_CLIP);
        // `ln_1p` keeps the digits of small probabilities that `1.0 - score` would drop.
        if label { -score.ln() } else { -(-score).ln_1p() }
    })
}

/// Mean squared difference of probability and outcome (0 or 1).
///
/// Errors as [`log_loss`] does. Source: Brier 1950, Monthly Weather Review 78, for two classes with one term each.
pub fn brier_score(scores: &[f64], labels: &[bool]) -> Result<f64, EvaluationError> {
    mean_loss(scores, labels, |score, label| {
        let outcome = if label { 1.0 } else { 0.0 };
        (score - outcome) * (score - outcome)
    })
}

fn mean_loss(scores: &[f64], labels: &[bool], loss: impl Fn(f64, bool) -> f64) -> Result<f64, EvaluationError> {
    check_probabilities(scores, labels)?;
    let sum: f64 = scores
        .chunks(BLOCK_ROWS)
        .zip(labels.chunks(BLOCK_ROWS))
        .map(|(scores, labels)| scores.iter().zip(labels).map(|(s, l)| loss(*s, *l)).sum::<f64>())
        .sum();
    Ok(sum / scores.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scores: &[f64], labels: &[bool], log: f64, brier: f64) {
        let actual = (log_loss(scores, labels).unwrap(), brier_score(scores, labels).unwrap());
        assert!((actual.0 - log).abs() < 1e-12, "log loss {} is not {log}", actual.0);
        assert!((actual.1 - brier).abs() < 1e-12, "Brier {} is not {brier}", actual.1);
    }

    #[test]
    fn small_tables() {
        check(&[0.5], &[true], 2_f64.ln(), 0.25);
        check(&[0.9, 0.1], &[true, false], -(0.9_f64.ln()), 0.01);
        check(
            &[0.8, 0.4],
            &[true, true],
            -f64::midpoint(0.8_f64.ln(), 0.4_f64.ln()),
            0.2,
        );
        // A certain and right forecast costs nothing that counts; a certain and wrong one is clipped.
        check(&[1.0, 0.0], &[true, false], f64::EPSILON, 0.0);
        check(&[0.0], &[true], -(f64::EPSILON.ln()), 1.0);
    }

    #[test]
    fn only_probabilities_have_a_loss() {
        let error = log_loss(&[0.2, 1.5], &[true, false]).unwrap_err();
        assert_eq!(error, EvaluationError::NotProbability { row: 1, score: 1.5 });
        assert!(brier_score(&[f64::NAN], &[true]).is_err());
        assert_eq!(brier_score(&[], &[]), Err(EvaluationError::Empty));
    }
}
