//! Two samples in ascending order, walked through together.

use super::{DriftError, Side};

/// One distinct value of two samples, and how much of each lies at or below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) value: f64,
    /// F, the share of the reference that is ≤ `value`.
    pub(super) reference: f64,
    /// G, the share of the current sample that is ≤ `value`.
    pub(super) current: f64,
}

/// Both distribution functions at every value of either sample, ascending.
///
/// Errors when a sample is empty or holds a value that is not finite.
pub(super) fn steps(reference: &[f64], current: &[f64]) -> Result<Vec<Step>, DriftError> {
    let reference = sorted(reference, Side::Reference)?;
    let current = sorted(current, Side::Current)?;
    let (mut below, mut current_below) = (0, 0);
    let mut steps = Vec::with_capacity(reference.len() + current.len());
    loop {
        let value = match (reference.get(below), current.get(current_below)) {
            (Some(r), Some(c)) => r.min(*c),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => return Ok(steps),
        };
        below += reference[below..].iter().take_while(|v| **v == value).count();
        current_below += current[current_below..].iter().take_while(|v| **v == value).count();
        steps.push(Step {
            value,
            reference: below as f64 / reference.len() as f64,
            current: current_below as f64 / current.len() as f64,
        });
    }
}

fn sorted(values: &[f64], side: Side) -> Result<Vec<f64>, DriftError> {
    if values.is_empty() {
        return Err(DriftError::Empty { side });
    }
    if let Some(position) = values.iter().position(|value| !value.is_finite()) {
        let value = values[position];
        return Err(DriftError::NotFinite { side, position, value });
    }
    // Minus zero becomes zero: they are one value, and the order below tells them apart.
    let mut sorted: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}
