//! What the pipeline's commits say they landed, and the count of what is there: pure.
//!
//! A commit says which offsets it took of each Kafka partition, and how many records, rows, dead letters and tombstones
//! they were. So a commit can be proven without the topic: as many rows and dead letters as it counted must stand at its
//! offsets, whatever compaction left out between them.

use std::collections::BTreeMap;

use tidemill_types::KafkaPartition;

use crate::commit_state::CommitState;
use crate::intake::Counts;

/// One commit, or everything before the oldest that the log still has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Landing {
    /// Its version; none for what lies before the log.
    pub(crate) version: Option<i64>,
    /// Rows and dead letters that it says are there.
    pub(crate) expected: Found,
    /// Rows and dead letters that were found at its offsets.
    pub(crate) found: Found,
}

/// Rows and dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Found {
    pub(crate) rows: u64,
    pub(crate) dead: u64,
}

/// The offsets `[from, to)` of a partition that a landing took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i64,
    to: i64,
    landing: usize,
}

/// All landings of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    pub(crate) landings: Vec<Landing>,
    spans: BTreeMap<KafkaPartition, Vec<Span>>,
    /// What does not continue: in words.
    pub(crate) breaks: Vec<String>,
    commits: u64,
}

impl Ledger {
    /// Takes in the next commit.
    pub(crate) fn add(&mut self, version: i64, state: &CommitState) {
        if self.commits == 0 {
            self.add_before_log(state);
        }
        self.commits += 1;
        let landing = self.landings.len();
        self.landings.push(Landing {
            version: Some(version),
            expected: expected(&state.counts),
            found: Found::default(),
        });
        for held in &state.partitions {
            let spans = self.spans.entry(held.partition).or_default();
            if let Some(before) = spans.last()
                && before.to != held.start.0
            {
                self.breaks.push(format!(
                    "version {version} goes on at offset {} of Kafka partition {} where the commit before ended at {}",
                    held.start, held.partition, before.to
                ));
            }
            if held.next > held.start || spans.is_empty() {
                spans.push(Span {
                    from: held.start.0,
                    to: held.next.0,
                    landing,
                });
            }
        }
    }

    /// What was landed before the oldest commit that the log still has: its totals tell how much.
    fn add_before_log(&mut self, oldest: &CommitState) {
        let (rows, dead) = (expected(&oldest.totals), expected(&oldest.counts));
        let before = Found {
            rows: rows.rows.saturating_sub(dead.rows),
            dead: rows.dead.saturating_sub(dead.dead),
        };
        if before == Found::default() {
            return;
        }
        self.landings.push(Landing {
            version: None,
            expected: before,
            found: Found::default(),
        });
        for held in &oldest.partitions {
            let span = Span {
                from: 0,
                to: held.start.0,
                landing: 0,
            };
            self.spans.insert(held.partition, vec![span]);
        }
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    /// Every partition with the offsets `[from, to)` that the commits cover.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (KafkaPartition, i64, i64)> {
        self.spans.iter().filter_map(|(partition, spans)| {
            let (first, last) = (spans.first()?, spans.last()?);
            Some((*partition, first.from, last.to))
        })
    }

    /// Counts sorted offsets of a partition, all of them in `[from, to)`, for the landings that took them.
    pub(crate) fn count(&mut self, partition: KafkaPartition, from: i64, to: i64, rows: &[i64], dead: &[i64]) {
        let Some(spans) = self.spans.get(&partition) else {
            return;
        };
        let first = spans.partition_point(|span| span.to <= from);
        for span in spans[first..].iter().take_while(|span| span.from < to) {
            let within = |offsets: &[i64]| {
                let below = |end: i64| offsets.partition_point(|offset| *offset < end);
                (below(span.to) - below(span.from)) as u64
            };
            let found = &mut self.landings[span.landing].found;
            found.rows += within(rows);
            found.dead += within(dead);
        }
    }
}

/// Rows and dead letters that a commit with these counts stands for. A dead letter that an interrupted commit had landed
/// before is among the records alone.
fn expected(counts: &Counts) -> Found {
    Found {
        rows: counts.rows,
        dead: counts.records.saturating_sub(counts.rows + counts.tombstones),
    }
}

/// Walks sorted offsets and tells where some are missing and how many stand twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The offset that comes next.
    pub(crate) next: i64,
    /// Offsets that stand more than once, or in both tables: the surplus.
    pub(crate) doubled: u64,
    /// The first of them.
    pub(crate) first_doubled: Option<i64>,
}

impl Walk {
    pub(crate) fn from(start: i64) -> Walk {
        Walk {
            next: start,
            doubled: 0,
            first_doubled: None,
        }
    }

    /// Takes in sorted offsets below `end`, and gives runs `[from, to)` without any to `gap`.
    pub(crate) fn step(&mut self, offsets: &[i64], mut gap: impl FnMut(i64, i64)) {
        for offset in offsets {
            if *offset < self.next {
                self.doubled += 1;
                self.first_doubled.get_or_insert(*offset);
                continue;
            }
            if *offset > self.next {
                gap(self.next, *offset);
            }
            self.next = *offset + 1;
        }
    }

    /// Ends at `end`.
    pub(crate) fn finish(&mut self, end: i64, mut gap: impl FnMut(i64, i64)) {
        if self.next < end {
            gap(self.next, end);
            self.next = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// `[rows, dead, tombstones]` of a commit and of all up to it, at offsets `[start, next)` of partition 0.
    fn state(own: [u64; 3], all: [u64; 3], start: i64, next: i64) -> CommitState {
        let counts = |[rows, dead, tombstones]: [u64; 3]| -> Value {
            json!({ "records": rows + dead + tombstones, "rows": rows, "dead": dead, "tombstones": tombstones })
        };
        let state = json!({
            "pipeline": "p", "cluster": "c", "topic": "t", "counts": counts(own), "totals": counts(all),
            "partitions": [{ "partition": 0, "start": start, "next": next }],
        });
        serde_json::from_value(state).unwrap()
    }

    #[test]
    fn a_commit_is_held_against_what_stands_at_its_offsets() {
        let mut ledger = Ledger::default();
        // Two rows, a dead letter and a tombstone at 0..5, of which compaction took one; then one row at 5.
        ledger.add(1, &state([2, 1, 1], [2, 1, 1], 0, 5));
        ledger.add(2, &state([1, 0, 0], [3, 1, 1], 5, 6));
        assert_eq!(ledger.breaks, Vec::<String>::new());
        assert_eq!(ledger.partitions().collect::<Vec<_>>(), [(KafkaPartition(0), 0, 6)]);
        // In pieces, as the tables are read.
        ledger.count(KafkaPartition(0), 0, 3, &[0, 2], &[1]);
        ledger.count(KafkaPartition(0), 3, 6, &[], &[]);
        let balanced: Vec<bool> = ledger.landings.iter().map(|l| l.expected == l.found).collect();
        assert_eq!(balanced, [true, false]);
    }

    #[test]
    fn what_lies_before_the_log_is_known_by_its_totals() {
        let mut ledger = Ledger::default();
        ledger.add(51, &state([1, 0, 0], [8, 2, 0], 10, 11));
        assert_eq!(ledger.landings[0].expected, Found { rows: 7, dead: 2 });
        ledger.count(KafkaPartition(0), 0, 11, &[0, 1, 2, 3, 4, 5, 6, 10], &[7, 8]);
        assert!(ledger.landings.iter().all(|landing| landing.expected == landing.found));
    }

    #[test]
    fn commits_that_do_not_continue_one_another_are_told() {
        let mut ledger = Ledger::default();
        ledger.add(1, &state([2, 0, 0], [2, 0, 0], 0, 2));
        ledger.add(3, &state([2, 0, 0], [4, 0, 0], 3, 5));
        assert_eq!(ledger.breaks.len(), 1, "{:?}", ledger.breaks);
    }

    #[test]
    fn gaps_and_doubles_are_seen_across_pieces() {
        let mut walk = Walk::from(0);
        let mut gaps = Vec::new();
        walk.step(&[0, 1, 1, 4], |from, to| gaps.push((from, to)));
        walk.step(&[6, 6], |from, to| gaps.push((from, to)));
        walk.finish(9, |from, to| gaps.push((from, to)));
        assert_eq!(gaps, [(2, 4), (5, 6), (7, 9)]);
        assert_eq!((walk.doubled, walk.first_doubled), (2, Some(1)));
    }
}
