//! Training sets and models for the tests of this crate.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use crate::{
    Algorithm, FeatureKind, FeatureSpec, Fit, FitError, FitOptions, Hyperparameters, LabelMap, Matrix, TrainingData,
    fit,
};

/// Numbers in 0..1 that look random and are the same for ever (SplitMix64).
pub(crate) fn uniforms(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Puts columns named `f0`, `f1`, … and labels together.
pub(crate) fn data_of(columns: &[Vec<f64>], labels: Vec<bool>) -> TrainingData {
    let specs = (0..columns.len()).map(|column| FeatureSpec::new(format!("f{column}"), FeatureKind::Float64));
    let matrix = Matrix::from_f64_columns(columns).unwrap();
    TrainingData::new(specs.collect(), LabelMap::zero_one("label"), matrix, labels).unwrap()
}

/// Rows of an amount, a count with many ties, a flag and a constant; large amounts and flagged high counts are positive,
/// with some noise. `missing` is the share of amounts that are NaN.
pub(crate) fn cards(rows: usize, seed: u64, missing: f64) -> TrainingData {
    let mut next = uniforms(seed);
    let (mut columns, mut labels) = (vec![Vec::new(); 4], Vec::new());
    for _ in 0..rows {
        let amount = (next() * 25_000.0).round() / 100.0;
        let count = (next() * 12.0).floor();
        let flag = f64::from(u8::from(next() < 0.3));
        let positive = amount > 200.0 || (flag > 0.5 && count > 8.0);
        labels.push(positive != (next() < 0.03));
        let row = [if next() < missing { f64::NAN } else { amount }, count, flag, 7.5];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    data_of(&columns, labels)
}

/// Fits with settings given as JSON, seed 7.
pub(crate) fn fit_json(algorithm: Algorithm, settings: &str, data: &TrainingData) -> Result<Fit, FitError> {
    let settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
    let parameters = Hyperparameters::parse(algorithm, &settings).unwrap();
    fit(&parameters, data, FitOptions::with_seed(7), &mut |_| {
        ControlFlow::Continue(())
    })
}
