//! When drift is worth an alarm: the effect is large, and chance does not explain it.

use serde::{Deserialize, Serialize};

use super::DriftError;

/// Settings of the alarm of one monitor.
///
/// The default is for the population stability index in ten bins. Below its minimum of rows an index of .1 is no rarity
/// without drift: χ²_{.999} of nine degrees times (1/n + 1/m) is .11 with 500 rows on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlarmRule {
    /// The effect from which a column is worth a warning.
    pub warn: f64,
    /// The effect from which it is called drift.
    pub drift: f64,
    /// The rate of false discoveries among the columns that are called significant.
    pub alpha: f64,
    /// Rows that either side needs before anything is decided.
    pub min_rows: u64,
}

impl Default for AlarmRule {
    fn default() -> AlarmRule {
        AlarmRule {
            warn: 0.1,
            drift: 0.25,
            alpha: 0.001,
            min_rows: 500,
        }
    }
}

/// What one column brings to the decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The measure that the rule's thresholds are of.
    pub effect: f64,
    /// Probability of such an effect without drift.
    pub p_value: f64,
    /// Rows of the reference.
    pub reference_rows: u64,
    /// Rows of the window.
    pub current_rows: u64,
}

/// What is decided on one column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision.
    pub outcome: Outcome,
    /// The p-value adjusted for the number of columns; `None` where there were too few rows to ask.
    pub adjusted_p_value: Option<f64>,
}

/// The decision on one column. Ordered by how bad it is; *too few* is not a kind of *stable*, it decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A side has fewer rows than the rule asks for: nothing is known.
    TooFew,
    /// The effect is small, or chance explains it.
    Stable,
    /// Worth a look.
    Warn,
    /// Drift.
    Drift,
}

impl AlarmRule {
    /// Decides on all columns of one window together, in their order.
    ///
    /// Columns with too few rows are not among those that share the rate of false discoveries. An adjusted p-value is never
    /// below the column's own: a column that alarms is above the χ² quantile at 1 − `alpha` as well. Errors when a setting
    /// is out of range or a piece of evidence is not a number.
    pub fn judge(&self, columns: &[Evidence]) -> Result<Vec<Verdict>, DriftError> {
        self.check()?;
        for (position, column) in columns.iter().enumerate() {
            if !column.effect.is_finite() || !(0.0..=1.0).contains(&column.p_value) {
                return Err(DriftError::Evidence {
                    position,
                    effect: column.effect,
                    p_value: column.p_value,
                });
            }
        }
        let enough = |column: &Evidence| column.reference_rows.min(column.current_rows) >= self.min_rows.max(1);
        let asked: Vec<f64> = columns.iter().filter(|c| enough(c)).map(|c| c.p_value).collect();
        let mut adjusted = benjamini_hochberg(&asked).into_iter();
        let verdicts = columns.iter().map(|column| {
            // One adjusted p-value per column that has enough rows, in the same order.
            let adjusted_p_value = if enough(column) { adjusted.next() } else { None };
            let outcome = match adjusted_p_value {
                None => Outcome::TooFew,
                Some(p_value) if p_value > self.alpha || column.effect < self.warn => Outcome::Stable,
                Some(_) if column.effect < self.drift => Outcome::Warn,
                Some(_) => Outcome::Drift,
            };
            Verdict {
                outcome,
                adjusted_p_value,
            }
        });
        Ok(verdicts.collect())
    }

    fn check(&self) -> Result<(), DriftError> {
        let settings = [
            ("alpha", self.alpha, self.alpha > 0.0 && self.alpha < 1.0),
            ("warn", self.warn, self.warn.is_finite() && self.warn >= 0.0),
            ("drift", self.drift, self.drift.is_finite() && self.drift >= self.warn),
        ];
        match settings.into_iter().find(|(_, _, fits)| !fits) {
            Some((setting, value, _)) => Err(DriftError::Setting { setting, value }),
            None => Ok(()),
        }
    }
}

/// P-values adjusted for the rate of false discoveries, in their order; each at least as large as before.
///
/// Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut ranked: Vec<usize> = (0..p_values.len()).collect();
    ranked.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, position) in ranked.iter().enumerate().rev() {
        least = least.min(p_values[*position] * p_values.len() as f64 / (rank + 1) as f64);
        adjusted[*position] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Effect, p-value and rows of the smaller side; what the default rule makes of them.
    fn check(columns: &[(f64, f64, u64)], expected: &[Outcome]) {
        let evidence: Vec<Evidence> = columns
            .iter()
            .map(|(effect, p_value, current_rows)| Evidence {
                effect: *effect,
                p_value: *p_value,
                reference_rows: 10_000,
                current_rows: *current_rows,
            })
            .collect();
        let verdicts = AlarmRule::default().judge(&evidence).unwrap();
        let outcomes: Vec<Outcome> = verdicts.iter().map(|verdict| verdict.outcome).collect();
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn effect_and_significance() {
        use Outcome::{Drift, Stable, TooFew, Warn};
        check(&[(0.1, 1e-9, 500)], &[Warn]);
        check(&[(0.25, 1e-9, 500)], &[Drift]);
        // Large and explained by chance; small and certain.
        check(&[(0.9, 0.01, 500), (0.09, 0.0, 500)], &[Stable, Stable]);
        // Few rows are no decision, whatever the figures.
        check(&[(0.0, 1.0, 499), (9.0, 0.0, 0)], &[TooFew, TooFew]);
        // .001 alone is significant, among two it is not; a column of few rows does not count among them.
        check(&[(0.3, 0.001, 500)], &[Drift]);
        check(&[(0.3, 0.001, 500), (0.0, 0.5, 500)], &[Stable, Stable]);
        check(&[(0.3, 0.001, 500), (0.0, 0.5, 9)], &[Drift, TooFew]);
        check(&[], &[]);
    }

    #[test]
    fn adjusts_as_published() {
        // Benjamini and Hochberg 1995, section 3.2: of 15 comparisons at .05 the first four are rejected.
        let published = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0000,
        ];
        let rejected = |p_values: &[f64]| benjamini_hochberg(p_values).iter().filter(|p| **p <= 0.05).count();
        assert_eq!(rejected(&published), 4);
        let mut turned = published;
        turned.reverse();
        assert_eq!(rejected(&turned), 4);
        // .04 · 3 ÷ 2 is more than .05 · 3 ÷ 3: the smaller one rules.
        let adjusted = benjamini_hochberg(&[0.05, 0.01, 0.04]);
        for (actual, expected) in adjusted.iter().zip([0.05, 0.03, 0.05]) {
            assert!((actual - expected).abs() < 1e-15, "{adjusted:?}");
        }
    }

    #[test]
    fn wrong_settings_and_evidence_are_refused() {
        let rule = AlarmRule::default();
        let refused = |rule: AlarmRule| rule.judge(&[]).unwrap_err().to_string();
        assert_eq!(
            refused(AlarmRule { alpha: 0.0, ..rule }),
            "the alarm rule's alpha cannot be 0"
        );
        assert_eq!(
            refused(AlarmRule { drift: 0.05, ..rule }),
            "the alarm rule's drift cannot be 0.05"
        );
        let evidence = Evidence {
            effect: f64::NAN,
            p_value: 0.5,
            reference_rows: 1,
            current_rows: 1,
        };
        let error = rule.judge(&[evidence]).unwrap_err();
        assert_eq!(error.to_string(), "evidence 0 has effect NaN and p-value 0.5");
    }
}
