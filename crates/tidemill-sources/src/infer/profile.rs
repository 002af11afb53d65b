//! What a sample says of one column.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use arrow::array::{Array as _, ArrayRef};
use tidemill_project::Field;

use super::columns::Candidate;
use crate::SourceError;
use crate::encode::Values;

/// What was seen of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredColumn {
    /// As it would stand in the schema.
    pub field: Field,
    /// Nulls in all rows.
    pub nulls: u64,
    /// Distinct values in the sample.
    pub distinct: u64,
    /// How often a value in the sample is smaller than the one before; for times only.
    pub steps_back: Option<u64>,
    /// Whether every value in the sample is 0 or 1, or a truth.
    pub zero_or_one: bool,
    /// What its values may lose in the schema's type, as a clause: `Decimal128(18, 2) becomes double, which keeps 15 digits`.
    pub loss: Option<String>,
}

pub(super) struct Profile {
    pub column: InferredColumn,
}

impl Profile {
    pub(super) fn of(array: &ArrayRef, candidate: &Candidate) -> Result<Profile, SourceError> {
        let values = Values::convert(array, &candidate.field, 0)?;
        let hashes = RandomState::new();
        let (mut seen, mut text) = (HashSet::new(), Vec::new());
        let mut zero_or_one = true;
        for place in (0..array.len()).filter(|place| !values.is_absent(*place)) {
            text.clear();
            values
                .write_text(place, &mut text)
                .map_err(|fault| SourceError::BadValue {
                    column: candidate.field.name.clone(),
                    row: place as u64,
                    fault,
                })?;
            zero_or_one &= matches!(text.as_slice(), b"0" | b"1" | b"true" | b"false");
            // Two values with one hash among a hundred thousand are a chance of one in billions.
            seen.insert(hashes.hash_one(&text));
        }
        Ok(Profile {
            column: InferredColumn {
                field: candidate.field.clone(),
                nulls: candidate.nulls,
                distinct: seen.len() as u64,
                steps_back: values.steps_back(),
                zero_or_one,
                loss: candidate.loss.clone(),
            },
        })
    }
}

impl Values {
    /// How often a time is earlier than the one before it.
    fn steps_back(&self) -> Option<u64> {
        let Values::Time(times) = self else { return None };
        let steps = times.values().windows(2).filter(|pair| pair[1] < pair[0]);
        Some(steps.count() as u64)
    }
}
