//! What a partition knows of idempotent producers: the last five batches of each, and what becomes of the next one.

use std::collections::{HashMap, VecDeque};

use bytes::{Buf, BufMut};

use super::batch::{BatchHeader, sequence_after};

/// Batches of a producer that are recognised when they come again: as many as a producer may have in flight.
const BATCHES_REMEMBERED: usize = 5;

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequencing {
    /// It is new and in order.
    Append,
    /// It is in the log already, from this offset on.
    Duplicate { base_offset: i64 },
    /// Records before it are missing.
    Gap,
    /// A producer with the same id and a later epoch was seen.
    StaleEpoch,
}

/// The idempotent producers of one partition.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
    /// Counts appends, to know who was unheard of for the longest time.
    turn: u64,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    last_turn: u64,
    batches: VecDeque<SeenBatch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeenBatch {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
}

impl Producers {
    /// Decides on a batch. A producer without state may start anywhere; a new epoch starts at 0.
    pub(crate) fn check(&self, header: &BatchHeader) -> Sequencing {
        if header.producer_id < 0 {
            return Sequencing::Append;
        }
        let Some(producer) = self.by_id.get(&header.producer_id) else {
            return Sequencing::Append;
        };
        if header.producer_epoch < producer.epoch {
            return Sequencing::StaleEpoch;
        }
        if producer.epoch < header.producer_epoch {
            return if header.base_sequence == 0 {
                Sequencing::Append
            } else {
                Sequencing::Gap
            };
        }
        let seen = producer
            .batches
            .iter()
            .find(|seen| seen.first_sequence == header.base_sequence && seen.last_sequence == header.last_sequence());
        if let Some(seen) = seen {
            return Sequencing::Duplicate {
                base_offset: seen.base_offset,
            };
        }
        match producer.batches.back() {
            Some(last) if header.base_sequence != sequence_after(last.last_sequence, 1) => Sequencing::Gap,
            _ => Sequencing::Append,
        }
    }

    /// Notes an appended batch, and forgets the producer unheard of for the longest time where there are more than
    /// `producers_max`.
    pub(crate) fn note(&mut self, header: &BatchHeader, producers_max: usize) {
        if header.producer_id < 0 {
            return;
        }
        self.turn += 1;
        let producer = self.by_id.entry(header.producer_id).or_default();
        if producer.epoch != header.producer_epoch {
            producer.batches.clear();
            producer.epoch = header.producer_epoch;
        }
        producer.last_turn = self.turn;
        if producer.batches.len() == BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(SeenBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
        });
        if producers_max < self.by_id.len()
            && let Some(id) = self
                .by_id
                .iter()
                .min_by_key(|(_, producer)| producer.last_turn)
                .map(|(id, _)| *id)
        {
            self.by_id.remove(&id);
        }
    }

    /// The largest producer id seen, so that none is given twice.
    pub(crate) fn id_max(&self) -> Option<i64> {
        self.by_id.keys().copied().max()
    }

    /// The state as bytes, in the order of ids.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut ids: Vec<_> = self.by_id.iter().collect();
        ids.sort_unstable_by_key(|(id, _)| **id);
        out.put_u64(self.turn);
        out.put_u32(ids.len() as u32);
        for (id, producer) in ids {
            out.put_i64(*id);
            out.put_i16(producer.epoch);
            out.put_u64(producer.last_turn);
            out.put_u8(producer.batches.len() as u8);
            for seen in &producer.batches {
                out.put_i32(seen.first_sequence);
                out.put_i32(seen.last_sequence);
                out.put_i64(seen.base_offset);
            }
        }
    }

    /// Reads what [`Producers::write`] wrote; none where the bytes end early.
    pub(crate) fn read(bytes: &mut &[u8]) -> Option<Producers> {
        let turn = bytes.try_get_u64().ok()?;
        let count = bytes.try_get_u32().ok()?;
        let mut by_id = HashMap::new();
        for _ in 0..count {
            let id = bytes.try_get_i64().ok()?;
            let epoch = bytes.try_get_i16().ok()?;
            let last_turn = bytes.try_get_u64().ok()?;
            let batches = (0..bytes.try_get_u8().ok()?)
                .map(|_| {
                    Some(SeenBatch {
                        first_sequence: bytes.try_get_i32().ok()?,
                        last_sequence: bytes.try_get_i32().ok()?,
                        base_offset: bytes.try_get_i64().ok()?,
                    })
                })
                .collect::<Option<_>>()?;
            by_id.insert(
                id,
                Producer {
                    epoch,
                    last_turn,
                    batches,
                },
            );
        }
        Some(Producers { by_id, turn })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::tests::batch_around;

    fn header(id: i64, epoch: i16, first: i32, count: i32, offset: i64) -> BatchHeader {
        let mut header = BatchHeader::read(&batch_around(b"", count, 0, (id, epoch, first), 0)).unwrap();
        header.base_offset = offset;
        header
    }

    #[test]
    fn batches_append_repeat_or_leave_a_gap() {
        let mut producers = Producers::default();
        let mut offset = 0;
        let mut check = |id, epoch, first, count, expected| {
            let header = header(id, epoch, first, count, offset);
            assert_eq!(producers.check(&header), expected, "{id} {epoch} {first}+{count}");
            if expected == Sequencing::Append {
                producers.note(&header, 100);
                offset += i64::from(count);
            }
        };
        // A producer without state may start anywhere; then each batch follows the one before.
        check(1, 0, 70, 10, Sequencing::Append);
        check(1, 0, 80, 5, Sequencing::Append);
        check(1, 0, 80, 5, Sequencing::Duplicate { base_offset: 10 });
        check(1, 0, 70, 10, Sequencing::Duplicate { base_offset: 0 });
        check(1, 0, 80, 4, Sequencing::Gap);
        check(1, 0, 86, 1, Sequencing::Gap);
        for first in 85..89 {
            check(1, 0, first, 1, Sequencing::Append);
        }
        // Five batches are remembered, the sixth last is not.
        check(1, 0, 80, 5, Sequencing::Duplicate { base_offset: 10 });
        check(1, 0, 70, 10, Sequencing::Gap);
        // A new epoch starts at 0, an old one is refused.
        check(1, 2, 5, 1, Sequencing::Gap);
        check(1, 2, 0, 1, Sequencing::Append);
        check(1, 1, 0, 1, Sequencing::StaleEpoch);
        check(1, 2, 1, 1, Sequencing::Append);
        // Another producer, and none at all, are not touched by it.
        check(2, 0, i32::MAX - 1, 2, Sequencing::Append);
        check(2, 0, 0, 3, Sequencing::Append);
        check(2, 0, i32::MAX - 1, 2, Sequencing::Duplicate { base_offset: 21 });
        check(-1, -1, -1, 1, Sequencing::Append);
        check(-1, -1, -1, 1, Sequencing::Append);
    }

    #[test]
    fn a_batch_may_wrap_in_its_middle() {
        let mut producers = Producers::default();
        producers.note(&header(1, 0, i32::MAX - 1, 4, 0), 10);
        assert_eq!(producers.check(&header(1, 0, 2, 1, 4)), Sequencing::Append);
        assert_eq!(producers.check(&header(1, 0, 3, 1, 4)), Sequencing::Gap);
    }

    #[test]
    fn the_longest_unheard_of_is_forgotten() {
        let mut producers = Producers::default();
        for (id, first) in [(1, 0), (2, 0), (1, 1), (3, 0)] {
            producers.note(&header(id, 0, first, 1, 0), 2);
        }
        assert_eq!(producers.check(&header(2, 0, 9, 1, 0)), Sequencing::Append);
        assert_eq!(producers.check(&header(1, 0, 9, 1, 0)), Sequencing::Gap);
    }

    #[test]
    fn state_survives_its_bytes() {
        let mut producers = Producers::default();
        for step in 0..40 {
            producers.note(&header(step % 7, 0, step as i32 / 7, 1, step), 100);
        }
        let mut bytes = Vec::new();
        producers.write(&mut bytes);
        assert_eq!(Producers::read(&mut &bytes[..]), Some(producers));
        for cut in 0..bytes.len() {
            assert_eq!(Producers::read(&mut &bytes[..cut]), None, "cut at {cut}");
        }
    }
}
