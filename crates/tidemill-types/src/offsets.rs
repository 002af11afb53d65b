//! Kafka offsets, and the two pure decisions of ingest: may this fence be read from, and what becomes of this record.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A partition of a Kafka topic (Delta and DataFusion have partitions of their own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KafkaPartition(pub i32);

impl fmt::Display for KafkaPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The offset of a record that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LastOffset(pub i64);

/// The offset that comes next: what a fence, a group and a position hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NextOffset(pub i64);

impl LastOffset {
    /// Where to go on after this record.
    pub fn next(self) -> NextOffset {
        NextOffset(self.0 + 1)
    }
}

impl NextOffset {
    /// The start of a partition that nothing was read from.
    pub const ZERO: NextOffset = NextOffset(0);

    /// The record before this position, if there can be one.
    pub fn last(self) -> Option<LastOffset> {
        (self.0 > 0).then(|| LastOffset(self.0 - 1))
    }

    /// Records between this position and the partition's end, never negative.
    pub fn lag(self, high_watermark: NextOffset) -> u64 {
        (high_watermark.0 - self.0).max(0) as u64
    }
}

impl fmt::Display for LastOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for NextOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What becomes of a record at the position of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is the next one, or lies behind a gap that compaction or a transaction marker left.
    Append,
    /// It was taken before: the fence has passed it.
    Skip,
}

/// Decides what becomes of the record at `offset` when `position` comes next.
pub fn plan(position: NextOffset, offset: LastOffset) -> Plan {
    if offset.0 < position.0 {
        Plan::Skip
    } else {
        Plan::Append
    }
}

/// Why a fence cannot be read from. The log is not the one that the table was filled from, or it has lost records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FenceFault {
    /// The table holds rows past the end of the log.
    #[error("the table goes up to offset {fence}, the log only to {high_watermark}")]
    AboveHighWatermark {
        /// What the table wants next.
        fence: NextOffset,
        /// The end of the log.
        high_watermark: NextOffset,
    },
    /// Records that the table does not have are gone from the log.
    #[error("the table wants offset {fence} next, the log starts at {log_start}")]
    BelowLogStart {
        /// What the table wants next.
        fence: NextOffset,
        /// The first offset that is still there.
        log_start: NextOffset,
    },
}

/// Where to start reading: the fence if the log still holds it, else the log's start for a table that has no fence yet.
pub fn check_fence(
    fence: Option<NextOffset>,
    log_start: NextOffset,
    high_watermark: NextOffset,
) -> Result<NextOffset, FenceFault> {
    match fence {
        None => Ok(log_start),
        Some(fence) if fence > high_watermark => Err(FenceFault::AboveHighWatermark { fence, high_watermark }),
        Some(fence) if fence < log_start => Err(FenceFault::BelowLogStart { fence, log_start }),
        Some(fence) => Ok(fence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_once() {
        for (position, offset, expected) in [
            (5, 4, Plan::Skip),
            (5, 5, Plan::Append),
            (5, 9, Plan::Append),
            (0, 0, Plan::Append),
        ] {
            assert_eq!(
                plan(NextOffset(position), LastOffset(offset)),
                expected,
                "{position} {offset}"
            );
        }
    }

    #[test]
    fn a_fence_outside_the_log_is_never_reset() {
        let check = |fence: Option<i64>, start, end| {
            check_fence(fence.map(NextOffset), NextOffset(start), NextOffset(end)).map(|next| next.0)
        };
        assert_eq!(check(None, 0, 0), Ok(0));
        assert_eq!(check(None, 7, 9), Ok(7));
        assert_eq!(check(Some(7), 7, 9), Ok(7));
        assert_eq!(check(Some(9), 7, 9), Ok(9));
        assert!(matches!(
            check(Some(10), 7, 9),
            Err(FenceFault::AboveHighWatermark { .. })
        ));
        assert!(matches!(check(Some(6), 7, 9), Err(FenceFault::BelowLogStart { .. })));
    }

    #[test]
    fn lag_is_never_negative() {
        assert_eq!(NextOffset(3).lag(NextOffset(10)), 7);
        assert_eq!(NextOffset(10).lag(NextOffset(3)), 0);
    }
}
