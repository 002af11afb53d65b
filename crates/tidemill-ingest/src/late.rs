//! The late flag: a row is late when its event lies below the watermark of its own Kafka partition.
//!
//! Each partition is judged by itself. Producers write a partition in order, but a consumer that catches up reads a lot of
//! one partition before it turns to the next; one watermark for all would then call punctual rows late.

use std::collections::BTreeMap;

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use serde_json::Value;
use tidemill_types::{KafkaPartition, Micros};

use crate::stage::{BatchStage, HeldState, StagedBatch};

/// Its name, and its mask's.
pub(crate) const LATE: &str = "late";

/// Flags late rows and follows the newest event of each partition.
pub(crate) struct LateStage {
    lateness_micros: i64,
    newest: BTreeMap<KafkaPartition, i64>,
}

impl LateStage {
    pub(crate) fn new(lateness_micros: i64) -> LateStage {
        LateStage {
            lateness_micros,
            newest: BTreeMap::new(),
        }
    }

    /// The newest event of a partition.
    pub(crate) fn newest_event(&self, partition: KafkaPartition) -> Option<Micros> {
        self.newest.get(&partition).copied().map(Micros)
    }
}

/// The newest event that a commit keeps of a partition, from what it keeps under [`LATE`].
pub(crate) fn kept(state: &Value) -> Option<Micros> {
    state.as_i64().map(Micros)
}

impl BatchStage for LateStage {
    fn name(&self) -> &'static str {
        LATE
    }

    fn see(&mut self, batch: &mut StagedBatch<'_>) {
        let newest = self.newest.get(&batch.partition).copied();
        let mut seen = newest.unwrap_or(i64::MIN);
        let flags = BooleanBuffer::collect_bool(batch.rows.num_rows(), |row| match batch.times[row] {
            None => false,
            Some(time) => {
                let late = time < seen.saturating_sub(self.lateness_micros);
                seen = seen.max(time);
                late
            }
        });
        if seen > i64::MIN {
            self.newest.insert(batch.partition, seen);
        }
        batch.masks.set(LATE, BooleanArray::new(flags, None));
    }

    fn state(&self, partition: KafkaPartition) -> Value {
        self.newest.get(&partition).copied().into()
    }

    fn restore(&mut self, partition: KafkaPartition, held: HeldState<'_>) {
        self.newest.remove(&partition);
        if let Some(time) = held.state.and_then(kept) {
            self.newest.insert(partition, time.0);
        }
    }

    fn release(&mut self, partition: KafkaPartition) {
        self.newest.remove(&partition);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use tidemill_types::NextOffset;

    use super::*;
    use crate::stage::Masks;

    fn see(stage: &mut LateStage, partition: i32, times: &[Option<i64>]) -> Vec<bool> {
        let schema = Schema::new(vec![Field::new("x", DataType::Int64, true)]);
        let column: Int64Array = times.iter().copied().collect();
        let rows = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).unwrap();
        let mut masks = Masks::default();
        stage.see(&mut StagedBatch {
            partition: KafkaPartition(partition),
            rows: &rows,
            offsets: &[],
            known_micros: &[],
            times,
            masks: &mut masks,
        });
        masks.get(LATE).unwrap().iter().map(Option::unwrap).collect()
    }

    #[test]
    fn a_row_is_late_against_its_own_partition_only() {
        let mut stage = LateStage::new(10);
        let first = see(
            &mut stage,
            0,
            &[Some(100), Some(90), Some(89), None, Some(120), Some(109)],
        );
        assert_eq!(first, [false, false, true, false, false, true]);
        // Another partition starts from nothing, whatever the first has seen.
        assert_eq!(see(&mut stage, 1, &[Some(5), Some(6)]), [false, false]);
        assert_eq!(see(&mut stage, 0, &[Some(110), Some(109)]), [false, true]);
        assert_eq!(stage.newest_event(KafkaPartition(0)), Some(Micros(120)));
    }

    #[test]
    fn its_state_survives_a_commit() {
        let mut stage = LateStage::new(10);
        see(&mut stage, 3, &[Some(100)]);
        let mut again = LateStage::new(10);
        let partition = KafkaPartition(3);
        let held = stage.state(partition);
        let next = NextOffset(1);
        let state = Some(&held);
        again.restore(partition, HeldState { state, next });
        assert_eq!(see(&mut again, 3, &[Some(89), Some(90)]), [true, false]);
        again.restore(partition, HeldState { state: None, next });
        assert_eq!(see(&mut again, 3, &[Some(1)]), [false]);
        again.restore(partition, HeldState { state, next });
        again.release(partition);
        assert_eq!(again.state(partition), Value::Null);
    }
}
