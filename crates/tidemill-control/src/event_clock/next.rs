//! Which tick is next: pure.

use tidemill_types::{DurationText, Micros};

/// A stream as the clock sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamClock {
    /// How far event time has come in what has landed.
    pub watermark: Option<Micros>,
    /// Whether nothing is to be expected of it.
    pub idle: bool,
    /// Whether its rows are scored: then it holds the clock even when it is idle, so that the clock ends where the events do.
    pub drives: bool,
}

/// How far the clock may go: the least watermark of the streams that count. A stream of labels that has fallen idle does not
/// hold back what needs no labels. None as long as a stream that counts has shown no event.
pub fn clock_watermark(streams: &[StreamClock]) -> Option<Micros> {
    let mut least: Option<Micros> = None;
    for stream in streams.iter().filter(|stream| stream.drives || !stream.idle) {
        let watermark = stream.watermark?;
        least = Some(least.map_or(watermark, |least| least.min(watermark)));
    }
    least
}

/// The next tick that may be stepped: the one after `last`, else the first one above the earliest event; none while the
/// watermark has not passed it.
///
/// A tick is stepped when the watermark is above it: an event or label of the very instant of the tick may still come as long as
/// the watermark stands there.
pub fn next_tick(
    last: Option<Micros>,
    earliest: Option<Micros>,
    watermark: Option<Micros>,
    tick: DurationText,
) -> Option<Micros> {
    let length = tick.as_micros().max(1);
    let next = match last {
        Some(last) => last.plus(length),
        None => Micros(earliest?.0.div_euclid(length).saturating_add(1).saturating_mul(length)),
    };
    (watermark? > next).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_one_by_one_up_to_the_watermark() {
        let tick = DurationText::from_millis(1);
        for (last, earliest, watermark, expected) in [
            (None, None, None, None),
            (None, Some(2_500), Some(9_000), Some(3_000)),
            (None, Some(3_000), Some(9_000), Some(4_000)),
            (None, Some(-1), Some(9_000), Some(0)),
            (Some(3_000), None, Some(9_000), Some(4_000)),
            (Some(3_000), Some(2_500), Some(4_001), Some(4_000)),
            (Some(3_000), Some(2_500), Some(4_000), None),
            (Some(3_000), Some(2_500), None, None),
            (None, None, Some(9_000), None),
        ] {
            let next = next_tick(last.map(Micros), earliest.map(Micros), watermark.map(Micros), tick);
            assert_eq!(next, expected.map(Micros), "{last:?} {earliest:?} {watermark:?}");
        }
    }

    #[test]
    fn idle_labels_do_not_hold_the_clock() {
        let stream = |watermark: Option<i64>, idle, drives| StreamClock {
            watermark: watermark.map(Micros),
            idle,
            drives,
        };
        for (streams, expected) in [
            (vec![], None),
            (
                vec![stream(Some(5), false, true), stream(Some(3), false, false)],
                Some(3),
            ),
            (
                vec![stream(Some(5), false, true), stream(Some(3), true, false)],
                Some(5),
            ),
            (vec![stream(Some(5), false, true), stream(None, false, false)], None),
            (vec![stream(Some(5), false, true), stream(None, true, false)], Some(5)),
            (
                vec![stream(Some(5), true, true), stream(Some(9), false, false)],
                Some(5),
            ),
            (vec![stream(None, true, true), stream(Some(9), false, false)], None),
        ] {
            assert_eq!(clock_watermark(&streams), expected.map(Micros), "{streams:?}");
        }
    }
}
