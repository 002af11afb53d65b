//! Leader epochs: which one began at which offset. The epoch never falls; it rises when the log was cut, so that clients
//! and ingest can tell.

use serde::{Deserialize, Serialize};

/// Epochs with the offset at which each began, both rising.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct EpochHistory(Vec<(i32, i64)>);

/// Epochs that are remembered; the oldest is forgotten first.
const EPOCHS_MAX: usize = 1_000;

impl Default for EpochHistory {
    fn default() -> Self {
        EpochHistory(vec![(0, 0)])
    }
}

impl EpochHistory {
    /// The epoch of the next append.
    pub(crate) fn current(&self) -> i32 {
        self.0.last().map_or(0, |(epoch, _)| *epoch)
    }

    /// Begins a new epoch at `offset`, after a cut there.
    pub(crate) fn raise(&mut self, offset: i64) {
        let next = self.current() + 1;
        self.0.retain(|(_, start)| *start < offset);
        self.0.push((next, offset));
        if EPOCHS_MAX < self.0.len() {
            self.0.remove(0);
        }
    }

    /// The largest epoch not above `epoch`, and where the one after it began (the log's end for the current one). None
    /// for an epoch that never was.
    pub(crate) fn end_of(&self, epoch: i32, log_end: i64) -> Option<(i32, i64)> {
        if epoch < 0 || self.current() < epoch {
            return None;
        }
        let after = self.0.partition_point(|(known, _)| *known <= epoch);
        let end = self.0.get(after).map_or(log_end, |(_, start)| *start);
        let floor = after.checked_sub(1).map_or(epoch, |at| self.0[at].0);
        Some((floor, end))
    }

    /// The epoch that the record at `offset` was written in.
    pub(crate) fn at(&self, offset: i64) -> i32 {
        let after = self.0.partition_point(|(_, start)| *start <= offset);
        after
            .checked_sub(1)
            .or(Some(0))
            .and_then(|at| self.0.get(at))
            .map_or(0, |(epoch, _)| *epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let mut history = EpochHistory::default();
        history.raise(100);
        history.raise(250);
        let ends: Vec<_> = (-1..=3).map(|epoch| history.end_of(epoch, 300)).collect();
        assert_eq!(ends, [None, Some((0, 100)), Some((1, 250)), Some((2, 300)), None]);
        assert_eq!([0, 99, 100, 249, 250, 999].map(|o| history.at(o)), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn a_cut_below_an_epoch_forgets_it_and_still_rises() {
        let mut history = EpochHistory::default();
        history.raise(100);
        history.raise(40);
        assert_eq!(history, EpochHistory(vec![(0, 0), (2, 40)]));
        assert_eq!(history.end_of(1, 50), Some((0, 40)));
        history.raise(0);
        assert_eq!(history, EpochHistory(vec![(3, 0)]));
        assert_eq!(history.end_of(1, 50), Some((1, 0)));
    }
}
