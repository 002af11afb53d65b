//! Both sides from the rows themselves: a condition says which rows are the reference, and nothing is approximated.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, UInt64Type};
use datafusion::common::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::scalar::ScalarValue;

use super::arguments::{drift_fault, list, lists, numbers};
use super::measure::Measure;

/// Bytes that a level is counted with beside its text.
const LEVEL_BYTES: usize = 64;

/// Numbers of both sides. A row whose condition is null is on neither.
#[derive(Debug)]
pub(crate) struct ComparingNumbers {
    measure: Measure,
    reference: Vec<Option<f64>>,
    current: Vec<Option<f64>>,
}

impl ComparingNumbers {
    pub(crate) fn new(measure: Measure) -> ComparingNumbers {
        ComparingNumbers {
            measure,
            reference: Vec::new(),
            current: Vec::new(),
        }
    }
}

impl Accumulator for ComparingNumbers {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let is_reference = values[1].as_boolean();
        for (value, is_reference) in numbers(&values[0])?.iter().zip(is_reference) {
            match is_reference {
                Some(true) => self.reference.push(value),
                Some(false) => self.current.push(value),
                None => (),
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (side, state) in [&mut self.reference, &mut self.current].into_iter().zip(states) {
            for values in lists(state) {
                side.extend(values.as_primitive::<Float64Type>());
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sides = [&mut self.reference, &mut self.current];
        Ok(sides
            .map(|side| list(Arc::new(Float64Array::from(std::mem::take(side)))))
            .into())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.measure.of_numbers(&self.reference, &self.current);
        Ok(ScalarValue::Float64(
            value.map_err(|error| drift_fault(self.measure.name(), &error))?,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self) + (self.reference.capacity() + self.current.capacity()) * size_of::<Option<f64>>()
    }
}

/// Levels of both sides with their rows, the reference's first.
#[derive(Debug)]
pub(crate) struct ComparingLevels {
    measure: Measure,
    levels: BTreeMap<Option<String>, [u64; 2]>,
    text_bytes: usize,
}

impl ComparingLevels {
    pub(crate) fn new(measure: Measure) -> ComparingLevels {
        ComparingLevels {
            measure,
            levels: BTreeMap::new(),
            text_bytes: 0,
        }
    }

    fn add(&mut self, level: Option<&str>, rows: [u64; 2]) {
        let level = level.map(ToOwned::to_owned);
        let bytes = level.as_ref().map_or(0, String::len);
        let held = self.levels.entry(level).or_insert_with(|| {
            self.text_bytes += bytes;
            [0, 0]
        });
        for (held, added) in held.iter_mut().zip(rows) {
            *held += added;
        }
    }
}

impl Accumulator for ComparingLevels {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let levels = cast(&values[0], &DataType::Utf8)?;
        for (level, is_reference) in levels.as_string::<i32>().iter().zip(values[1].as_boolean()) {
            match is_reference {
                Some(true) => self.add(level, [1, 0]),
                Some(false) => self.add(level, [0, 1]),
                None => (),
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sides = lists(&states[1]).zip(lists(&states[2]));
        for (levels, (reference, current)) in lists(&states[0]).zip(sides) {
            let counts = reference.as_primitive::<UInt64Type>().values().iter();
            let counts = counts.zip(current.as_primitive::<UInt64Type>().values());
            for (level, (reference, current)) in levels.as_string::<i32>().iter().zip(counts) {
                self.add(level, [*reference, *current]);
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let levels: StringArray = self.levels.keys().map(Option::as_deref).collect();
        let side = |side: usize| -> ArrayRef {
            Arc::new(self.levels.values().map(|rows| rows[side]).collect::<UInt64Array>())
        };
        Ok(vec![list(Arc::new(levels)), list(side(0)), list(side(1))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let levels = self.levels.iter().map(|(level, rows)| (level.as_deref(), *rows));
        let value = self.measure.of_levels(levels);
        Ok(ScalarValue::Float64(
            value.map_err(|error| drift_fault(self.measure.name(), &error))?,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.text_bytes + self.levels.len() * LEVEL_BYTES
    }
}
