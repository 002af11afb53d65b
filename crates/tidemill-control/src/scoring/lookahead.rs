//! How many ticks are made at once: pure.

use tidemill_types::{DurationText, Micros};

/// Most ticks of one chunk.
pub(super) const LOOKAHEAD_TICKS_MAX: u64 = 32;
/// Most rows of one chunk, as far as the rows before let expect.
pub(super) const LOOKAHEAD_ROWS_MAX: u64 = 1_000_000;
/// By how much a chunk may be longer than the one before.
const GROWTH: u64 = 4;

/// How large the last chunk of a model was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkSize {
    pub(super) ticks: u64,
    pub(super) rows: u64,
}

/// The ticks from `at` on that the watermark has passed; at least the one that was asked for.
pub(super) fn ready_ticks(at: Micros, tick: DurationText, watermark: Option<Micros>) -> u64 {
    let length = tick.as_micros().max(1);
    let Some(watermark) = watermark else { return 1 };
    // As the event clock has it: a tick is ready when the watermark lies above it.
    let behind = watermark.0.saturating_sub(1).saturating_sub(at.0);
    if behind < 0 {
        return 1;
    }
    (behind / length).unsigned_abs().saturating_add(1)
}

/// How many ticks to make at once, `ready` of which can be: chunks grow step by step, as long as their rows fit.
pub(super) fn chunk_ticks(ready: u64, before: Option<ChunkSize>) -> u64 {
    let Some(before) = before else { return 1 };
    let grown = before.ticks.saturating_mul(GROWTH);
    let that_fit = LOOKAHEAD_ROWS_MAX.saturating_mul(before.ticks) / before.rows.max(1);
    ready.min(grown).min(that_fit).clamp(1, LOOKAHEAD_TICKS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_ready_below_the_watermark() {
        let tick = DurationText::from_millis(1);
        for (watermark, expected) in [
            (None, 1),
            (Some(0), 1),
            (Some(5_000), 1),
            (Some(5_001), 1),
            (Some(6_000), 1),
            (Some(6_001), 2),
            (Some(15_001), 11),
        ] {
            assert_eq!(
                ready_ticks(Micros(5_000), tick, watermark.map(Micros)),
                expected,
                "{watermark:?}"
            );
        }
    }

    #[test]
    fn chunks_grow_within_their_limits() {
        let size = |ticks, rows| Some(ChunkSize { ticks, rows });
        for (ready, before, expected) in [
            (100, None, 1),
            (100, size(1, 10_000), 4),
            (3, size(1, 10_000), 3),
            (100, size(4, 40_000), 16),
            (100, size(16, 160_000), 32),
            (100, size(32, 320_000), 32),
            // 100,000 rows a tick: ten ticks fit.
            (100, size(4, 400_000), 10),
            (100, size(1, LOOKAHEAD_ROWS_MAX), 1),
            (100, size(1, 10 * LOOKAHEAD_ROWS_MAX), 1),
            (0, size(1, 0), 1),
        ] {
            assert_eq!(chunk_ticks(ready, before), expected, "{ready} {before:?}");
        }
    }
}
