//! The share of dead letters among the newest records: when it is too large, the schema or the producer is wrong, and
//! going on would only fill the dead-letter table.

use std::collections::VecDeque;

/// Counts of the newest records, at least `records_min` of them once there are so many.
#[derive(Debug)]
pub(crate) struct DeadShare {
    records_min: u64,
    chunks: VecDeque<(u64, u64)>,
    records: u64,
    dead: u64,
}

impl DeadShare {
    pub(crate) fn new(records_min: u64) -> DeadShare {
        DeadShare {
            records_min: records_min.max(1),
            chunks: VecDeque::new(),
            records: 0,
            dead: 0,
        }
    }

    /// Adds the counts of a batch and drops batches that are not needed for the newest `records_min`.
    pub(crate) fn add(&mut self, records: u64, dead: u64) {
        self.chunks.push_back((records, dead));
        self.records += records;
        self.dead += dead;
        while let Some((records, dead)) = self.chunks.front().copied() {
            if self.records - records < self.records_min {
                break;
            }
            self.chunks.pop_front();
            self.records -= records;
            self.dead -= dead;
        }
    }

    /// Dead letters and records, if enough records were seen and the share is above `share_max`.
    pub(crate) fn exceeds(&self, share_max: f64) -> Option<(u64, u64)> {
        let enough = self.records >= self.records_min;
        let too_many = self.dead as f64 > share_max * self.records as f64;
        (enough && too_many).then_some((self.dead, self.records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[(u64, u64)], expected: Option<(u64, u64)>) {
        let mut share = DeadShare::new(1_000);
        for (records, dead) in chunks {
            share.add(*records, *dead);
        }
        assert_eq!(share.exceeds(0.05), expected, "{chunks:?}");
    }

    #[test]
    fn more_than_the_share_over_enough_records_is_too_much() {
        check(&[], None);
        check(&[(999, 999)], None);
        check(&[(1_000, 50)], None);
        check(&[(1_000, 51)], Some((51, 1_000)));
        check(&[(900, 0), (100, 100)], Some((100, 1_000)));
        // Old ones no longer count.
        check(&[(1_000, 1_000), (1_000, 0)], None);
        check(&[(500, 500), (600, 0), (600, 0)], None);
    }
}
