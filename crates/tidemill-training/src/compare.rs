//! Champion and challenger on the same labelled rows: a pure decision over their figures.

use serde::{Deserialize, Serialize};
use tidemill_models::Artifact;
use tidemill_project::CompareRule;
use tidemill_types::{Micros, VersionNumber};

/// The version that serves, for a challenger to be held against.
#[derive(Debug, Clone)]
pub struct Champion {
    /// Its number.
    pub version: VersionNumber,
    /// What scores.
    pub artifact: Artifact,
    /// Where its training window ended; none where its run does not say.
    pub trained_to: Option<Micros>,
}

/// How the challenger came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is better by as much as the rule asks, or there is no champion.
    Better,
    /// It is not.
    NotBetter,
    /// Too few labelled rows to say.
    TooFew,
    /// The two cannot be held against each other.
    Incomparable,
}

impl Verdict {
    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::NotBetter => "not_better",
            Verdict::TooFew => "too_few",
            Verdict::Incomparable => "incomparable",
        }
    }
}

/// A comparison and what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The figure that decides.
    pub metric: String,
    /// The champion; none where nothing served.
    pub champion: Option<VersionNumber>,
    /// The champion's figure, where it could be computed.
    pub champion_value: Option<f64>,
    /// The challenger's.
    pub challenger_value: Option<f64>,
    /// The labelled rows that both scored.
    pub rows: u64,
    /// Those of them with a positive label.
    pub positives: u64,
    /// What follows.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
}

/// What is known when the decision is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareFacts {
    /// The champion; none where nothing serves.
    pub champion: Option<VersionNumber>,
    /// Why the champion cannot be held against the challenger, where it cannot.
    pub obstacle: Option<String>,
    /// The champion's figure.
    pub champion_value: Option<f64>,
    /// The challenger's.
    pub challenger_value: Option<f64>,
    /// Labelled rows.
    pub rows: u64,
    /// Those with a positive label.
    pub positives: u64,
}

/// Decides whether the challenger takes the champion's place.
pub fn judge(rule: &CompareRule, facts: CompareFacts) -> Comparison {
    let metric = &rule.metric;
    let CompareFacts {
        champion,
        obstacle,
        champion_value,
        challenger_value,
        rows,
        positives,
    } = facts;
    let too_few = rows < rule.min_rows || positives < rule.min_positives;
    let (verdict, reason) = match (champion, obstacle, champion_value, challenger_value) {
        (None, ..) => (Verdict::Better, "nothing serves yet".to_owned()),
        (Some(version), Some(obstacle), ..) => (
            Verdict::Incomparable,
            format!("{version} and the challenger cannot be compared: {obstacle}"),
        ),
        _ if too_few => (
            Verdict::TooFew,
            format!(
                "{rows} labelled rows with {positives} positives are fewer than the {} with {} that the rule asks for",
                rule.min_rows, rule.min_positives
            ),
        ),
        (Some(version), None, Some(champion), Some(challenger)) if champion.is_finite() && challenger.is_finite() => {
            let gain = if rule.lower_is_better() {
                champion - challenger
            } else {
                challenger - champion
            };
            let figures = format!("{metric} {challenger:.4} against {champion:.4} of {version} on {rows} rows");
            if gain > rule.min_gain {
                (Verdict::Better, figures)
            } else if gain > 0.0 {
                (
                    Verdict::NotBetter,
                    format!("{figures}: a gain of {gain:.4} is not above {}", rule.min_gain),
                )
            } else {
                (Verdict::NotBetter, figures)
            }
        }
        (Some(version), ..) => (
            Verdict::Incomparable,
            format!("{metric} of {version} and of the challenger are not both there"),
        ),
    };
    Comparison {
        metric: metric.clone(),
        champion,
        champion_value,
        challenger_value,
        rows,
        positives,
        verdict,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(champion: f64, challenger: f64) -> CompareFacts {
        CompareFacts {
            champion: Some(VersionNumber(1)),
            obstacle: None,
            champion_value: Some(champion),
            challenger_value: Some(challenger),
            rows: 5_000,
            positives: 40,
        }
    }

    fn verdict(rule: &CompareRule, facts: CompareFacts) -> Verdict {
        judge(rule, facts).verdict
    }

    #[test]
    fn the_better_one_wins_by_the_rule_s_margin() {
        let rule = CompareRule {
            min_gain: 0.01,
            ..CompareRule::default()
        };
        for (champion, challenger, expected) in [
            (0.50, 0.60, Verdict::Better),
            (0.50, 0.505, Verdict::NotBetter),
            (0.50, 0.50, Verdict::NotBetter),
            (0.50, 0.40, Verdict::NotBetter),
            (f64::NAN, 0.40, Verdict::Incomparable),
            (0.50, f64::NAN, Verdict::Incomparable),
        ] {
            assert_eq!(
                verdict(&rule, facts(champion, challenger)),
                expected,
                "{champion} {challenger}"
            );
        }
        let loss = CompareRule {
            metric: "log_loss".to_owned(),
            ..CompareRule::default()
        };
        assert_eq!(verdict(&loss, facts(0.3, 0.2)), Verdict::Better);
        assert_eq!(verdict(&loss, facts(0.2, 0.3)), Verdict::NotBetter);
    }

    #[test]
    fn few_rows_and_obstacles_decide_nothing() {
        let rule = CompareRule::default();
        let few = CompareFacts {
            rows: 999,
            ..facts(0.1, 0.9)
        };
        assert_eq!(verdict(&rule, few), Verdict::TooFew);
        let few = CompareFacts {
            positives: 19,
            ..facts(0.1, 0.9)
        };
        assert_eq!(verdict(&rule, few), Verdict::TooFew);
        let apart = CompareFacts {
            obstacle: Some("feature `x` is gone".to_owned()),
            ..facts(0.1, 0.9)
        };
        assert_eq!(verdict(&rule, apart), Verdict::Incomparable);
        let alone = CompareFacts {
            champion: None,
            champion_value: None,
            ..facts(0.1, 0.9)
        };
        assert_eq!(verdict(&rule, alone), Verdict::Better);
    }
}
