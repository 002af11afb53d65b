//! Precision among the k highest-scored entities of each day: what a team that can check k cards a day would find.

use std::collections::{BTreeMap, BTreeSet};

use super::EvaluationError;

/// One scored event of an entity (a card, a customer, a machine).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredRow<E> {
    /// Day of the event, as a count of days from any origin.
    pub day: i64,
    /// Whose event it is.
    pub entity: E,
    /// Finite; higher is more suspect.
    pub score: f64,
    /// Whether it turned out positive.
    pub label: bool,
}

/// What was found on one day.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DayPrecision {
    /// The day as in the rows.
    pub day: i64,
    /// Entities that were still to be checked that day.
    pub entities: u64,
    /// Positive entities among the k highest.
    pub hits: u64,
    /// `hits` ÷ k, also where the day has fewer than k entities: the capacity is what is measured.
    pub precision: f64,
}

/// Precision at k, day by day and over all days.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GroupPrecision {
    /// Mean of the days' precisions, each day with the same weight.
    pub mean: f64,
    /// The days in order.
    pub days: Vec<DayPrecision>,
}

/// Card precision at k of the Fraud Detection Handbook, for any entity.
///
/// Per day, over the rows of entities that were not caught on an earlier day of these rows: each entity has its maximum
/// score and its maximum label; the k entities of highest score are checked; those of them with a positive label are hits
/// and count as caught from the next day on. The value is hits ÷ k, averaged over the days that have rows. Entities that
/// tie in score are checked in the order of their identifiers. Rows may come in any order.
///
/// Errors when there are no rows, a score is not finite, or k is 0. Source: Le Borgne et al., Reproducible Machine
/// Learning for Credit Card Fraud Detection, chapter 4, "card precision top-k".
pub fn group_precision_at_k<E: Ord + Clone>(
    rows: &[ScoredRow<E>],
    k: usize,
) -> Result<GroupPrecision, EvaluationError> {
    if k == 0 {
        return Err(EvaluationError::ZeroK);
    }
    if rows.is_empty() {
        return Err(EvaluationError::Empty);
    }
    let mut days: BTreeMap<i64, BTreeMap<&E, (f64, bool)>> = BTreeMap::new();
    for (row, scored) in rows.iter().enumerate() {
        if !scored.score.is_finite() {
            return Err(EvaluationError::NotFinite {
                row,
                score: scored.score,
            });
        }
        let highest = days
            .entry(scored.day)
            .or_default()
            .entry(&scored.entity)
            .or_insert((scored.score, scored.label));
        highest.0 = highest.0.max(scored.score);
        highest.1 |= scored.label;
    }

    let mut caught: BTreeSet<&E> = BTreeSet::new();
    let mut found = Vec::with_capacity(days.len());
    for (day, entities) in days {
        let mut ranked: Vec<(&E, f64, bool)> = entities
            .into_iter()
            .filter(|(entity, _)| !caught.contains(entity))
            .map(|(entity, (score, label))| (entity, score, label))
            .collect();
        // The map iterates by identifier and the sort is stable, so that ties keep that order. Adding zero makes minus
        // zero plain zero, which `total_cmp` would rank lower.
        ranked.sort_by(|a, b| (b.1 + 0.0).total_cmp(&(a.1 + 0.0)));
        let hits: Vec<&E> = ranked.iter().take(k).filter(|row| row.2).map(|row| row.0).collect();
        found.push(DayPrecision {
            day,
            entities: ranked.len() as u64,
            hits: hits.len() as u64,
            precision: hits.len() as f64 / k as f64,
        });
        caught.extend(hits);
    }
    Ok(GroupPrecision {
        mean: found.iter().map(|day| day.precision).sum::<f64>() / found.len() as f64,
        days: found,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn row(day: i64, entity: &'static str, score: f64, label: u8) -> ScoredRow<&'static str> {
        ScoredRow {
            day,
            entity,
            score,
            label: label == 1,
        }
    }

    fn check(rows: &[ScoredRow<&'static str>], k: usize, expected: &Expect) {
        let result = group_precision_at_k(rows, k).unwrap();
        let days: Vec<String> = result
            .days
            .iter()
            .map(|day| format!("day {}: {} of {}", day.day, day.hits, day.entities))
            .collect();
        expected.assert_eq(&format!("{:.4}; {}", result.mean, days.join(", ")));
    }

    #[test]
    fn an_entity_has_its_highest_score_and_label() {
        // `a` is scored low where it is fraud and high where it is not: both maxima belong to the card.
        let rows = [
            row(0, "a", 0.9, 0),
            row(0, "a", 0.1, 1),
            row(0, "b", 0.5, 0),
            row(0, "c", 0.4, 1),
        ];
        check(&rows, 1, &expect!["1.0000; day 0: 1 of 3"]);
        check(&rows, 2, &expect!["0.5000; day 0: 1 of 3"]);
        check(&rows, 3, &expect!["0.6667; day 0: 2 of 3"]);
    }

    #[test]
    fn fewer_entities_than_k_still_divide_by_k() {
        check(&[row(3, "a", 0.9, 1)], 4, &expect!["0.2500; day 3: 1 of 1"]);
    }

    #[test]
    fn the_caught_are_gone_from_the_next_day_on_and_the_missed_are_not() {
        let rows = [
            row(0, "caught", 0.9, 1),
            row(0, "missed", 0.1, 1),
            row(0, "clean", 0.8, 0),
            row(1, "caught", 0.9, 1),
            row(1, "missed", 0.7, 1),
            row(1, "clean", 0.8, 0),
            row(2, "missed", 0.9, 1),
            row(2, "caught", 1.0, 1),
        ];
        check(
            &rows,
            2,
            &expect!["0.3333; day 0: 1 of 3, day 1: 1 of 2, day 2: 0 of 0"],
        );
    }

    #[test]
    fn ties_are_broken_by_identifier() {
        check(
            &[row(0, "b", 0.5, 1), row(0, "a", 0.5, 0)],
            1,
            &expect!["0.0000; day 0: 0 of 2"],
        );
        check(
            &[row(0, "a", 0.0, 1), row(0, "b", -0.0, 0)],
            1,
            &expect!["1.0000; day 0: 1 of 2"],
        );
    }

    #[test]
    fn input_without_a_value() {
        assert_eq!(group_precision_at_k::<u8>(&[], 1), Err(EvaluationError::Empty));
        assert_eq!(
            group_precision_at_k(&[row(0, "a", 0.5, 1)], 0),
            Err(EvaluationError::ZeroK)
        );
        assert!(group_precision_at_k(&[row(0, "a", f64::NAN, 1)], 1).is_err());
    }

    proptest! {
        #[test]
        fn a_perfect_score_finds_at_least_what_any_other_does_on_the_first_day(
            rows in prop::collection::vec((0_u16..20, 0_u8..5, any::<bool>()), 1..60),
            k in 1_usize..10,
        ) {
            let scored = |perfect: bool| -> Vec<ScoredRow<u16>> {
                rows.iter().map(|(entity, score, label)| ScoredRow {
                    day: 0,
                    entity: *entity,
                    score: if perfect { f64::from(u8::from(*label)) } else { f64::from(*score) },
                    label: *label,
                }).collect()
            };
            let any = group_precision_at_k(&scored(false), k).unwrap();
            let best = group_precision_at_k(&scored(true), k).unwrap();
            prop_assert!(best.mean >= any.mean);
            let positives = rows.iter().filter(|row| row.2).map(|row| row.0).collect::<BTreeSet<_>>().len();
            prop_assert_eq!(best.days[0].hits as usize, positives.min(k));
        }

        #[test]
        fn row_order_does_not_matter(
            rows in prop::collection::vec((0_i64..4, 0_u16..9, 0_u8..5, any::<bool>()), 1..40),
            turn in 0_usize..40,
        ) {
            let mut rows: Vec<ScoredRow<u16>> = rows.into_iter().map(|(day, entity, score, label)| ScoredRow {
                day, entity, score: f64::from(score), label,
            }).collect();
            let before = group_precision_at_k(&rows, 3).unwrap();
            let length = rows.len();
            rows.rotate_left(turn % length);
            prop_assert_eq!(before, group_precision_at_k(&rows, 3).unwrap());
        }
    }
}
