//! When a stream is flushed: a pure decision over what is buffered.

use std::fmt;
use std::time::Duration;

use crate::IngestLimits;

/// What the decision looks at.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its rule")]
pub(crate) struct FlushFacts {
    /// Records since the last flush, of any kind: tombstones and dead ones move the fence too.
    pub(crate) records: u64,
    /// Rows and dead letters among them.
    pub(crate) rows: u64,
    /// Their Arrow memory.
    pub(crate) bytes: usize,
    /// How long the first of them has waited.
    pub(crate) waited: Duration,
    /// Whether the watermark lies in a later day than at the last flush.
    pub(crate) day_passed: bool,
    /// Whether somebody asked for it.
    pub(crate) asked: bool,
    /// Whether all streams together hold more than they may.
    pub(crate) over_budget: bool,
    /// Whether other workers have to learn that partitions have fallen silent.
    pub(crate) silence_to_tell: bool,
}

/// Why a flush is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlushReason {
    Rows,
    Bytes,
    Budget,
    EventDay,
    Asked,
    Interval,
    /// Nothing was taken for so long that it is worth a commit.
    Silence,
}

/// Why a flush is due, if one is.
pub(crate) fn flush_reason(limits: &IngestLimits, facts: &FlushFacts) -> Option<FlushReason> {
    if facts.records == 0 {
        return facts.silence_to_tell.then_some(FlushReason::Silence);
    }
    let rules = [
        (FlushReason::Rows, facts.rows >= limits.flush_rows),
        (FlushReason::Bytes, facts.bytes >= limits.flush_bytes),
        (FlushReason::Budget, facts.over_budget && facts.bytes > 0),
        (FlushReason::EventDay, facts.day_passed && limits.flush_each_event_day),
        (FlushReason::Asked, facts.asked),
        (FlushReason::Interval, facts.waited >= limits.flush_interval),
    ];
    rules.iter().find(|(_, due)| *due).map(|(reason, _)| *reason)
}

impl fmt::Display for FlushReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FlushReason::Rows => "rows",
            FlushReason::Bytes => "bytes",
            FlushReason::Budget => "memory",
            FlushReason::EventDay => "the end of a day",
            FlushReason::Asked => "request",
            FlushReason::Interval => "time",
            FlushReason::Silence => "silence",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_has_one_reason() {
        let limits = IngestLimits {
            flush_rows: 100,
            flush_bytes: 1_000,
            flush_interval: Duration::from_secs(10),
            ..IngestLimits::default()
        };
        let some = FlushFacts {
            records: 5,
            rows: 4,
            bytes: 10,
            ..FlushFacts::default()
        };
        let tombstones = FlushFacts {
            records: 5,
            ..FlushFacts::default()
        };
        let waited = Duration::from_secs(10);
        for (facts, expected) in [
            (FlushFacts::default(), None),
            (
                FlushFacts {
                    asked: true,
                    waited,
                    ..FlushFacts::default()
                },
                None,
            ),
            (some, None),
            (FlushFacts { rows: 100, ..some }, Some(FlushReason::Rows)),
            (FlushFacts { bytes: 1_000, ..some }, Some(FlushReason::Bytes)),
            (
                FlushFacts {
                    over_budget: true,
                    ..some
                },
                Some(FlushReason::Budget),
            ),
            (
                FlushFacts {
                    over_budget: true,
                    ..tombstones
                },
                None,
            ),
            (
                FlushFacts {
                    day_passed: true,
                    ..some
                },
                Some(FlushReason::EventDay),
            ),
            (FlushFacts { asked: true, ..some }, Some(FlushReason::Asked)),
            (FlushFacts { waited, ..some }, Some(FlushReason::Interval)),
            (FlushFacts { waited, ..tombstones }, Some(FlushReason::Interval)),
            (
                FlushFacts {
                    silence_to_tell: true,
                    ..FlushFacts::default()
                },
                Some(FlushReason::Silence),
            ),
        ] {
            assert_eq!(flush_reason(&limits, &facts), expected, "{facts:?}");
        }
        let no_days = IngestLimits {
            flush_each_event_day: false,
            ..limits
        };
        assert_eq!(
            flush_reason(
                &no_days,
                &FlushFacts {
                    day_passed: true,
                    ..some
                }
            ),
            None
        );
    }
}
