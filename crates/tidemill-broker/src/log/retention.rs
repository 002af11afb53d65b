//! Which segments have outlived their time or size, as a pure decision. What a pipeline has not committed stays.

/// How long and how much a partition keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RetentionPolicy {
    /// Milliseconds after the last append to a segment.
    pub ms: Option<u64>,
    /// Bytes of the whole partition.
    pub bytes: Option<u64>,
}

/// What the decision needs to know of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentFacts {
    pub bytes: u64,
    /// The offset after its last record.
    pub next_offset: i64,
    /// When it was last appended to, by the broker's clock.
    pub appended_at_ms: i64,
}

/// How many segments go, from the oldest on. `held_from` is the first offset that must stay. The last segment may be among
/// them: the caller begins a new one first.
pub(crate) fn segments_to_delete(
    segments: &[SegmentFacts],
    policy: RetentionPolicy,
    held_from: Option<i64>,
    now_ms: i64,
) -> usize {
    let mut bytes_left: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let mut count = 0;
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        let age_ms = now_ms.saturating_sub(segment.appended_at_ms);
        let too_old = policy
            .ms
            .is_some_and(|ms| i64::try_from(ms).is_ok_and(|ms| ms < age_ms));
        // By size only what leaves at least the limit behind, and never the segment that is written to.
        let too_much = !is_last && policy.bytes.is_some_and(|limit| limit <= bytes_left - segment.bytes);
        let is_held = held_from.is_some_and(|held| held < segment.next_offset);
        let is_empty = segment.bytes == 0;
        if is_held || is_empty || !(too_old || too_much) {
            break;
        }
        bytes_left -= segment.bytes;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_or_too_many_go_and_held_ones_stay() {
        // Segments of 100 bytes and ten records, appended at 0, 1000, 2000 and 3000 ms.
        let segments: Vec<_> = (0..4)
            .map(|i| SegmentFacts {
                bytes: 100,
                next_offset: (i + 1) * 10,
                appended_at_ms: i * 1_000,
            })
            .collect();
        let check = |ms, bytes, held, now, expected| {
            let policy = RetentionPolicy { ms, bytes };
            assert_eq!(
                segments_to_delete(&segments, policy, held, now),
                expected,
                "{policy:?} {held:?} {now}"
            );
        };
        check(None, None, None, i64::MAX, 0);
        check(Some(500), None, None, 500, 0);
        check(Some(500), None, None, 501, 1);
        check(Some(500), None, None, 2_501, 3);
        check(Some(500), None, None, 9_000, 4);
        check(None, Some(400), None, 0, 0);
        check(None, Some(300), None, 0, 1);
        check(None, Some(250), None, 0, 1);
        check(None, Some(0), None, 0, 3);
        check(Some(500), Some(0), Some(0), 9_000, 0);
        check(Some(500), Some(0), Some(9), 9_000, 0);
        check(Some(500), Some(0), Some(10), 9_000, 1);
        check(Some(500), Some(0), Some(35), 9_000, 3);
        check(Some(500), None, Some(40), 9_000, 4);
        check(Some(u64::MAX), None, None, i64::MAX, 0);
    }
}
