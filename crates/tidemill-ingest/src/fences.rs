//! The offset plan: which record is taken, and which fences move to where with two tables and no common transaction.
//!
//! Dead letters are committed first, then rows. After a crash between the two the dead-letter table's fence is ahead:
//! reading resumes at the main table's fence, and the dead letters that are in their table already are not taken again.
//! They are known one by one, so that nothing depends on a message being judged twice the same.
//! Invariant: an offset below the main fence is in exactly one of the tables, or was a tombstone.

use std::collections::BTreeSet;

use tidemill_lake::FenceUpdate;
use tidemill_types::{KafkaPartition, LastOffset, NextOffset, Plan, plan};

/// Where one Kafka partition stands in both tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionFences {
    /// Of the main table.
    pub(crate) main: Option<NextOffset>,
    /// Of the dead-letter table.
    pub(crate) dead: Option<NextOffset>,
    /// Offsets from the main fence on that the dead-letter table already holds.
    pub(crate) dead_known: BTreeSet<i64>,
    /// How many commits have brought dead letters of it.
    pub(crate) dead_commits: Option<i64>,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// Decode it.
    Decode,
    /// It was taken before.
    Skip,
    /// It is a dead letter that a commit before a crash has landed.
    AlreadyDead,
}

/// Decides what becomes of the record at `offset` when `position` comes next.
#[inline]
pub(crate) fn take(position: NextOffset, dead_known: &BTreeSet<i64>, offset: LastOffset) -> Take {
    match plan(position, offset) {
        Plan::Skip => Take::Skip,
        Plan::Append if !dead_known.is_empty() && dead_known.contains(&offset.0) => Take::AlreadyDead,
        Plan::Append => Take::Decode,
    }
}

/// The offsets of dead letters that must be looked up before reading resumes: those between the fences.
pub(crate) fn unsure_range(main: Option<NextOffset>, dead: Option<NextOffset>) -> Option<(NextOffset, NextOffset)> {
    let from = main.unwrap_or(NextOffset::ZERO);
    dead.filter(|dead| *dead > from).map(|dead| (from, dead))
}

impl PartitionFences {
    /// How the main table's fence moves in a commit that holds everything below `next`.
    pub(crate) fn main_update(&self, app_id: &str, next: NextOffset) -> FenceUpdate {
        FenceUpdate {
            app_id: app_id.to_owned(),
            expected: self.main.map(|main| main.0),
            next: next.0,
        }
    }

    /// How the dead-letter table's fences move in a commit of dead letters of the partition. Offsets alone would not fence a
    /// second process: after a crash the fence of offsets can stand still over several commits, so that these are counted.
    pub(crate) fn dead_updates(&self, app_id: &str, next: NextOffset) -> [FenceUpdate; 2] {
        let offsets = FenceUpdate {
            app_id: app_id.to_owned(),
            expected: self.dead.map(|dead| dead.0),
            next: self.dead.map_or(next, |dead| dead.max(next)).0,
        };
        let counted = FenceUpdate {
            app_id: dead_commits_app_id(app_id),
            expected: self.dead_commits,
            next: self.dead_commits.unwrap_or(0) + 1,
        };
        [offsets, counted]
    }

    /// Takes in that everything below `next` has landed.
    pub(crate) fn landed(&mut self, next: NextOffset, with_dead_letters: bool) {
        self.main = Some(next);
        if with_dead_letters {
            self.dead_commits = Some(self.dead_commits.unwrap_or(0) + 1);
            self.dead = Some(self.dead.map_or(next, |dead| dead.max(next)));
        }
        self.dead_known = self.dead_known.split_off(&next.0);
    }
}

/// What the app ids of a topic's fences begin with, in both tables.
pub(crate) fn app_prefix(pipeline: &str, cluster: &str, topic: &str) -> String {
    format!("tidemill/{pipeline}/{cluster}/{topic}/")
}

/// The app id of a partition's fence, in both tables.
pub(crate) fn app_id(prefix: &str, partition: KafkaPartition) -> String {
    format!("{prefix}{partition}")
}

/// The app id of the fence that counts a partition's commits of dead letters, from that of its offsets.
pub(crate) fn dead_commits_app_id(app_id: &str) -> String {
    format!("{app_id}/dead_letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_once() {
        let known: BTreeSet<i64> = [7].into();
        for (offset, expected) in [
            (4, Take::Skip),
            (5, Take::Decode),
            (7, Take::AlreadyDead),
            (8, Take::Decode),
        ] {
            assert_eq!(take(NextOffset(5), &known, LastOffset(offset)), expected, "{offset}");
        }
    }

    #[test]
    fn only_what_lies_between_the_fences_is_unsure() {
        let range = |main: Option<i64>, dead: Option<i64>| {
            unsure_range(main.map(NextOffset), dead.map(NextOffset)).map(|(from, to)| (from.0, to.0))
        };
        assert_eq!(range(None, None), None);
        assert_eq!(range(Some(5), None), None);
        assert_eq!(range(Some(5), Some(5)), None);
        assert_eq!(range(Some(5), Some(3)), None);
        assert_eq!(range(Some(5), Some(9)), Some((5, 9)));
        assert_eq!(range(None, Some(9)), Some((0, 9)));
    }

    #[test]
    fn the_dead_letter_fence_never_goes_back() {
        let mut fences = PartitionFences {
            main: Some(NextOffset(5)),
            dead: Some(NextOffset(9)),
            dead_known: [6, 8].into(),
            dead_commits: Some(2),
        };
        let [offsets, counted] = fences.dead_updates("a", NextOffset(7));
        assert_eq!((offsets.next, counted.expected, counted.next), (9, Some(2), 3));
        assert_eq!(fences.main_update("a", NextOffset(7)).expected, Some(5));
        fences.landed(NextOffset(7), true);
        assert_eq!((fences.main, fences.dead), (Some(NextOffset(7)), Some(NextOffset(9))));
        assert_eq!(fences.dead_known, [8].into());
    }
}
