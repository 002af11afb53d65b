//! What a model costs: scoring in the flat form, decoding, fitting.
//!
//! The yardstick of scoring is a forest of 100 trees of depth 8 over 30 features: at most 1.1 µs a row on one core.
//! Run with `cargo bench -p tidemill-models`; nothing of the heavy tree is built for it.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Map, Value};
use tidemill_models::{
    Algorithm, Artifact, FeatureKind, FeatureSpec, FitOptions, FittedModel, Hyperparameters, LabelMap, Matrix,
    TrainingData, fit,
};

const SEED: u64 = 42;
const FEATURES: usize = 30;
const FIT_ROWS: usize = 20_000;

/// Numbers in 0..1 that look random and are the same in every run (SplitMix64).
fn uniforms(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Rows whose label hangs on several features and on noise, so that trees grow to their full depth.
fn training_data(rows: usize) -> TrainingData {
    let mut next = uniforms(SEED);
    let columns: Vec<Vec<f64>> = (0..FEATURES).map(|_| (0..rows).map(|_| next()).collect()).collect();
    let labels = (0..rows)
        .map(|row| {
            let signal: f64 = (0..8)
                .map(|feature| (columns[feature][row] * (feature + 2) as f64).fract())
                .sum();
            signal + next() > 5.2
        })
        .collect();
    let features = (0..FEATURES).map(|feature| FeatureSpec::new(format!("f{feature}"), FeatureKind::Float64));
    let matrix = Matrix::from_f64_columns(&columns).expect("columns of one length");
    TrainingData::new(features.collect(), LabelMap::zero_one("label"), matrix, labels).expect("data that fits together")
}

fn parameters(algorithm: Algorithm, settings: &Value) -> Hyperparameters {
    let settings: Map<String, Value> = settings.as_object().cloned().unwrap_or_default();
    Hyperparameters::parse(algorithm, &settings).expect("valid hyperparameters")
}

fn fitted(algorithm: Algorithm, settings: &Value, data: &TrainingData) -> FittedModel {
    let parameters = parameters(algorithm, settings);
    let fit = fit(&parameters, data, FitOptions::with_seed(SEED), &mut |_| {
        ControlFlow::Continue(())
    });
    fit.expect("data that can be learned from").model
}

fn scoring(criterion: &mut Criterion) {
    let data = training_data(FIT_ROWS);
    let models = [
        (
            "forest 100×8",
            Algorithm::RandomForest,
            serde_json::json!({"n_trees": 100, "max_depth": 8}),
        ),
        (
            "forest 100×20",
            Algorithm::RandomForest,
            serde_json::json!({"n_trees": 100, "max_depth": 20}),
        ),
        (
            "boosting 100×6",
            Algorithm::Xgboost,
            serde_json::json!({"n_estimators": 100, "max_depth": 6}),
        ),
        (
            "logistic regression",
            Algorithm::LogisticRegression,
            serde_json::json!({}),
        ),
    ];
    for (name, algorithm, settings) in models {
        let model = fitted(algorithm, &settings, &data);
        let mut group = criterion.benchmark_group(format!("score/{name}"));
        for rows in [1_usize, 64, 4_096] {
            let block: Vec<f32> = (0..rows).flat_map(|row| data.matrix().row(row)).collect();
            group.throughput(Throughput::Elements(rows as u64));
            group.bench_function(format!("{rows} rows"), |bencher| {
                let mut at = 0;
                bencher.iter(|| {
                    if rows == 1 {
                        // Another row each time, else the branch predictor learns the one.
                        at = (at + 1) % 1_000;
                        let row: Vec<f32> = data.matrix().row(at);
                        return model.score_row(black_box(&row)).map(|score| vec![score]);
                    }
                    model.score_rows(black_box(&block))
                });
            });
        }
        group.finish();
    }
}

fn artifacts(criterion: &mut Criterion) {
    let data = training_data(FIT_ROWS);
    let model = fitted(
        Algorithm::RandomForest,
        &serde_json::json!({"n_trees": 100, "max_depth": 8}),
        &data,
    );
    let artifact = Artifact::new(model, data.matrix()).expect("rows that the model was fitted on");
    let bytes = artifact.encode();
    let mut group = criterion.benchmark_group("artifact/forest 100×8");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| bencher.iter(|| artifact.encode()));
    group.bench_function("decode", |bencher| bencher.iter(|| Artifact::decode(black_box(&bytes))));
    group.bench_function("replay golden rows", |bencher| {
        bencher.iter(|| artifact.replay_golden().is_ok());
    });
    group.finish();
}

fn fits(criterion: &mut Criterion) {
    let data = training_data(FIT_ROWS);
    let mut group = criterion.benchmark_group(format!("fit/{FIT_ROWS} rows"));
    group.sample_size(10);
    group.throughput(Throughput::Elements(FIT_ROWS as u64));
    for algorithm in Algorithm::ALL {
        let settings = match algorithm {
            Algorithm::RandomForest => serde_json::json!({"n_trees": 20, "max_depth": 8}),
            Algorithm::DecisionTree => serde_json::json!({"max_depth": 8}),
            Algorithm::LogisticRegression | Algorithm::Xgboost => serde_json::json!({}),
        };
        let parameters = parameters(algorithm, &settings);
        group.bench_function(algorithm.as_str(), |bencher| {
            bencher.iter_batched(
                || (),
                |()| {
                    fit(&parameters, &data, FitOptions::with_seed(SEED), &mut |_| {
                        ControlFlow::Continue(())
                    })
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, scoring, artifacts, fits);
criterion_main!(benches);
