//! Evaluation figures by name, and the gate that decides over them.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};

/// Evaluation figures by name (`auc`, `average_precision`, `cp_at_100`, `log_loss`, `brier`), in a stable order.
///
/// In JSON a figure that is not a number is null, and null is read as one.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Metrics(pub IndexMap<String, f64>);

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Metrics, D::Error> {
        let figures = IndexMap::<String, Option<f64>>::deserialize(deserializer)?;
        let figures = figures
            .into_iter()
            .map(|(name, value)| (name, value.unwrap_or(f64::NAN)));
        Ok(Metrics(figures.collect()))
    }
}

impl Metrics {
    /// The figure called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Adds a figure, or replaces the one of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), value);
    }
}

/// One rule of a gate: a figure and the bounds it must keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRule {
    /// The figure's name.
    pub metric: String,
    /// Smallest value that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Largest value that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

/// What a run must show before its model is registered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gate(pub Vec<GateRule>);

/// How one rule came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: GateRule,
    /// The figure, absent where the run has none of that name.
    pub value: Option<f64>,
    /// Whether it passed. A figure that is absent or not a number never passes.
    pub passed: bool,
}

/// How a gate came out, rule by rule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GateVerdict {
    /// In the order of the configuration.
    pub outcomes: Vec<RuleOutcome>,
}

impl Gate {
    /// Holds the figures against every rule.
    pub fn judge(&self, metrics: &Metrics) -> GateVerdict {
        let outcomes = self.0.iter().map(|rule| {
            let value = metrics.get(&rule.metric);
            let passed = value.is_some_and(|value| {
                let high_enough = rule.at_least.is_none_or(|bound| value >= bound);
                let low_enough = rule.at_most.is_none_or(|bound| value <= bound);
                !value.is_nan() && high_enough && low_enough
            });
            RuleOutcome {
                rule: rule.clone(),
                value,
                passed,
            }
        });
        GateVerdict {
            outcomes: outcomes.collect(),
        }
    }
}

impl GateVerdict {
    /// Whether every rule passed. A gate without rules lets everything through.
    pub fn passed(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.passed)
    }

    /// The verdict as a sentence, as `auc 0.871 ≥ 0.85, log_loss 0.031 > 0.02 (failed)`.
    pub fn describe(&self) -> String {
        let parts = self.outcomes.iter().map(|outcome| {
            let name = &outcome.rule.metric;
            let value = outcome
                .value
                .map_or_else(|| "absent".to_owned(), |value| format!("{value:.4}"));
            let mut text = format!("{name} {value}");
            if let Some(bound) = outcome.rule.at_least {
                text.push_str(&format!(", at least {bound}"));
            }
            if let Some(bound) = outcome.rule.at_most {
                text.push_str(&format!(", at most {bound}"));
            }
            text.push_str(if outcome.passed { ": passed" } else { ": failed" });
            text
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: (&str, Option<f64>, Option<f64>), value: Option<f64>, expected: bool) {
        let gate = Gate(vec![GateRule {
            metric: rule.0.into(),
            at_least: rule.1,
            at_most: rule.2,
        }]);
        let mut metrics = Metrics::default();
        if let Some(value) = value {
            metrics.set("auc", value);
        }
        assert_eq!(gate.judge(&metrics).passed(), expected, "{rule:?} {value:?}");
    }

    #[test]
    fn a_gate_lets_through_what_is_inside_its_bounds() {
        check(("auc", Some(0.8), None), Some(0.8), true);
        check(("auc", Some(0.8), None), Some(0.79), false);
        check(("auc", None, Some(0.9)), Some(0.91), false);
        check(("auc", Some(0.8), Some(0.9)), Some(0.85), true);
        check(("auc", Some(0.8), None), Some(f64::NAN), false);
        check(("ap", Some(0.8), None), Some(0.9), false);
        assert!(Gate::default().judge(&Metrics::default()).passed());
    }
}
