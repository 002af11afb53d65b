//! A segment's sparse index: where in the file to begin to look for an offset or a timestamp.

/// Bytes between two entries. A batch begins less than this after the entry before it, so that one read of this size
/// finds any batch's start.
pub(crate) const INDEX_INTERVAL_BYTES: u64 = 16 * 1024;

/// One batch of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// The batch's first offset.
    pub offset: i64,
    /// Where in the file it begins.
    pub position: u64,
    /// The largest timestamp of all batches of the segment before it.
    pub max_timestamp_before: i64,
}

/// Entries in the order of the file; offsets, positions and timestamps never fall.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct SegmentIndex(pub Vec<IndexEntry>);

impl SegmentIndex {
    /// Notes a batch, if the entry before is far enough away.
    pub(crate) fn note(&mut self, entry: IndexEntry) {
        let due = self
            .0
            .last()
            .is_none_or(|last| last.position + INDEX_INTERVAL_BYTES <= entry.position);
        if due {
            self.0.push(entry);
        }
    }

    /// Where to begin to look for the batch that holds `offset`.
    pub(crate) fn position_for_offset(&self, offset: i64) -> u64 {
        let after = self.0.partition_point(|entry| entry.offset <= offset);
        after.checked_sub(1).map_or(0, |at| self.0[at].position)
    }

    /// Where to begin to look for the first batch that reaches `timestamp`: all batches before lie below it.
    pub(crate) fn position_for_timestamp(&self, timestamp: i64) -> u64 {
        let after = self.0.partition_point(|entry| entry.max_timestamp_before < timestamp);
        after.checked_sub(1).map_or(0, |at| self.0[at].position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_begins_at_the_last_entry_before() {
        let mut index = SegmentIndex::default();
        let mut max = i64::MIN;
        for batch in 0..100_u64 {
            // Timestamps out of order: every tenth batch is late.
            let timestamp = if batch % 10 == 9 { 5 } else { batch as i64 * 100 };
            index.note(IndexEntry {
                offset: batch as i64 * 10,
                position: batch * 4096,
                max_timestamp_before: max,
            });
            max = max.max(timestamp);
        }
        assert_eq!(index.0.len(), 25);
        for batch in 0..100_u64 {
            let position = index.position_for_offset(batch as i64 * 10 + 7);
            assert!(position <= batch * 4096 && batch * 4096 < position + INDEX_INTERVAL_BYTES);
        }
        for timestamp in [i64::MIN, 0, 450, 5_000, 9_800, i64::MAX] {
            let position = index.position_for_timestamp(timestamp);
            let first = (0..100_u64)
                .find(|b| b % 10 != 9 && timestamp <= *b as i64 * 100)
                .unwrap_or(100);
            assert!(position <= first * 4096, "{timestamp}");
        }
        assert_eq!(SegmentIndex::default().position_for_offset(5), 0);
    }
}
