//! What every algorithm keeps, and that the flat form says what the libraries say.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use expect_test::{Expect, expect};
use linfa::traits::Fit as _;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use tidemill_stats::evaluation::roc_auc;
use tidemill_types::Explain;

use super::*;
use crate::linear::sigmoid;
use crate::testing::{cards, data_of, fit_json};
use crate::{Artifact, Matrix, ScoreError};

/// Small enough for every test.
const SETTINGS: [(Algorithm, &str); 4] = [
    (Algorithm::LogisticRegression, "{}"),
    (Algorithm::DecisionTree, r#"{"max_depth": 6}"#),
    (Algorithm::RandomForest, r#"{"n_trees": 13, "max_depth": 10}"#),
    (
        Algorithm::Xgboost,
        r#"{"n_estimators": 20, "subsample": 0.8, "colsample_bytree": 0.75}"#,
    ),
];

fn parameters(algorithm: Algorithm, settings: &str) -> Hyperparameters {
    Hyperparameters::parse(algorithm, &serde_json::from_str(settings).unwrap()).unwrap()
}

fn bytes(algorithm: Algorithm, settings: &str, data: &TrainingData, options: FitOptions) -> Vec<u8> {
    let fitted = fit(&parameters(algorithm, settings), data, options, &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    Artifact::new(fitted.model, data.matrix()).unwrap().encode()
}

#[test]
fn every_algorithm_learns() {
    let (train, test) = (cards(2_000, 1, 0.0), cards(2_000, 2, 0.0));
    for (algorithm, settings) in SETTINGS {
        let fitted = fit_json(algorithm, settings, &train).unwrap();
        let scores = fitted.model.score(test.matrix()).unwrap();
        let auc = roc_auc(&scores, test.labels()).unwrap();
        let least = if algorithm == Algorithm::LogisticRegression {
            0.8
        } else {
            0.92
        };
        assert!(auc > least, "{algorithm}: {auc}");
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{algorithm}");
        assert_eq!(
            (fitted.summary.rows, fitted.summary.positives),
            (2_000, train.positives())
        );
    }
}

#[test]
fn positive_means_true_whichever_class_is_more_frequent() {
    for turn in [false, true] {
        let rare = cards(1_500, 3, 0.0);
        let labels = rare.labels().iter().map(|label| *label != turn).collect();
        let data = TrainingData::new(
            rare.features().to_vec(),
            crate::LabelMap::zero_one("y"),
            rare.matrix().clone(),
            labels,
        );
        let data = data.unwrap();
        for (algorithm, settings) in SETTINGS {
            let fitted = fit_json(algorithm, settings, &data).unwrap();
            let scores = fitted.model.score(data.matrix()).unwrap();
            assert!(
                roc_auc(&scores, data.labels()).unwrap() > 0.8,
                "{algorithm}, turned: {turn}"
            );
            let (mean, share) = (scores.iter().sum::<f64>() / 1_500.0, data.positives() as f64 / 1_500.0);
            assert!((mean - share).abs() < 0.03, "{algorithm}: mean {mean}, share {share}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
    let data = cards(1_200, 4, 0.0);
    for (algorithm, settings) in SETTINGS {
        let with = |seed, threads| {
            let options = FitOptions {
                seed,
                threads: NonZeroUsize::new(threads),
            };
            bytes(algorithm, settings, &data, options)
        };
        let first = with(11, 1);
        assert!(first == with(11, 1), "{algorithm}: again");
        assert!(first == with(11, 3), "{algorithm}: three threads");
        let uses_seed = matches!(algorithm, Algorithm::RandomForest | Algorithm::Xgboost);
        assert_eq!(first != with(12, 2), uses_seed, "{algorithm}: another seed");
    }
}

/// Rows of the training set, rows whose values are thresholds of the model or right beside them, and extremes.
fn probes(data: &TrainingData, model: &FittedModel, missing: bool) -> Vec<Vec<f32>> {
    let mut rows: Vec<Vec<f32>> = (0..data.rows().min(300)).map(|row| data.matrix().row(row)).collect();
    let Scorer::Trees(trees) = model.scorer() else {
        return rows;
    };
    for (at, node) in trees
        .nodes()
        .iter()
        .enumerate()
        .filter(|(_, node)| node.threshold.is_finite())
    {
        for value in [node.threshold, node.threshold.next_up(), node.threshold.next_down()] {
            let mut row = data.matrix().row(at % data.rows());
            row[node.position()] = value;
            rows.push(row);
        }
    }
    for feature in 0..data.matrix().columns() {
        for value in [f32::MAX, f32::MIN, 0.0, -0.0, f32::INFINITY, f32::NAN] {
            let mut row = data.matrix().row(feature);
            row[feature] = value;
            rows.push(row);
        }
    }
    rows.retain(|row| missing || row.iter().all(|value| !value.is_nan()));
    rows
}

fn column_major(rows: &[Vec<f32>]) -> Vec<f32> {
    (0..rows[0].len())
        .flat_map(|column| rows.iter().map(move |row| row[column]))
        .collect()
}

#[test]
fn a_flat_forest_says_what_smartcore_says() {
    let data = cards(1_000, 5, 0.0);
    // One task, so that one forest of smartcore is the whole model.
    let fitted = fit_json(
        Algorithm::RandomForest,
        r#"{"n_trees": 5, "max_depth": 9, "max_features": 2}"#,
        &data,
    )
    .unwrap();
    let train = DenseMatrix::new(data.rows(), 4, data.matrix().values().to_vec(), true).unwrap();
    let labels: Vec<f64> = data.labels().iter().map(|label| f64::from(u8::from(*label))).collect();
    let settings = RandomForestRegressorParameters {
        max_depth: Some(10),
        min_samples_leaf: 1,
        min_samples_split: 2,
        n_trees: 5,
        m: Some(2),
        keep_samples: false,
        seed: smartcore_trees::task_seed(7, 0),
    };
    let forest = RandomForestRegressor::fit(&train, &labels, settings).unwrap();
    let rows = probes(&data, &fitted.model, false);
    let probes = DenseMatrix::new(rows.len(), 4, column_major(&rows), true).unwrap();
    let expected: Vec<f64> = forest.predict(&probes).unwrap();
    for (row, expected) in rows.iter().zip(expected) {
        let actual = fitted.model.score_row(row).unwrap();
        assert!((actual - expected).abs() < 1e-6, "{row:?}: {actual} is not {expected}");
    }
    assert!(rows.len() > 600, "{}", rows.len());
}

#[test]
fn flat_boosting_says_what_forust_says_with_and_without_missing_values() {
    for missing in [0.0, 0.2] {
        let data = cards(1_000, 6, missing);
        let settings = r#"{"n_estimators": 30, "scale_pos_weight": 2, "base_score": "auto"}"#;
        let fitted = fit_json(Algorithm::Xgboost, settings, &data).unwrap();
        let Hyperparameters::Xgboost(parameters) = parameters(Algorithm::Xgboost, settings) else {
            panic!("not boosting");
        };
        let mut booster = boosting::booster(&parameters, 4, FitOptions::with_seed(7));
        let values: Vec<f64> = data.matrix().values().iter().map(|value| f64::from(*value)).collect();
        let labels: Vec<f64> = data.labels().iter().map(|label| f64::from(u8::from(*label))).collect();
        let weights: Vec<f64> = labels.iter().map(|label| 1.0 + label).collect();
        booster
            .fit(
                &forust_ml::Matrix::new(&values, data.rows(), 4),
                &labels,
                &weights,
                None,
            )
            .unwrap();
        let rows = probes(&data, &fitted.model, true);
        let values: Vec<f64> = column_major(&rows).into_iter().map(f64::from).collect();
        let expected = booster.predict(&forust_ml::Matrix::new(&values, rows.len(), 4), false);
        for (row, expected) in rows.iter().zip(expected) {
            let actual = fitted.model.score_row(row).unwrap();
            let expected = sigmoid(expected);
            assert!((actual - expected).abs() < 1e-6, "{row:?}: {actual} is not {expected}");
        }
    }
}

#[test]
fn a_linear_model_says_what_linfa_says() {
    let data = cards(1_000, 8, 0.0);
    let fitted = fit_json(Algorithm::LogisticRegression, "{}", &data).unwrap();
    let Scorer::Linear(linear) = fitted.model.scorer() else {
        panic!("not linear");
    };
    let records = ndarray::Array2::from_shape_fn((1_000, 4), |(row, column)| {
        linear.standardizer().apply(column, data.matrix().column(column)[row])
    });
    let dataset = linfa::DatasetBase::new(records, ndarray::Array1::from(data.labels().to_vec()));
    let theirs = linfa_logistic::LogisticRegression::<f64>::new().fit(&dataset).unwrap();
    assert!(
        !theirs.labels().pos.class,
        "the rare class is true, so linfa calls false positive"
    );
    let scores = fitted.model.score(data.matrix()).unwrap();
    for (actual, inverted) in scores.iter().zip(theirs.predict_probabilities(&dataset.records)) {
        assert!((actual - (1.0 - inverted)).abs() < 1e-9);
    }
    assert!(fitted.summary.gradient_norm.unwrap() < 1e-3, "{:?}", fitted.summary);
}

/// Standardised features, C = 1 ÷ `alpha`: what scikit-learn 1.x finds with `tol=1e-12` (StandardScaler, LogisticRegression).
#[test]
fn logistic_regression_finds_the_weights_that_scikit_learn_finds() {
    let columns = [
        vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        vec![10.0, 30.0, 20.0, 50.0, 40.0, 10.0, 60.0, 20.0],
    ];
    let labels = [0, 0, 1, 0, 1, 1, 0, 1].map(|label| label == 1);
    let check = |alpha: f64, weights: [f64; 2], intercept: f64, first: f64| {
        let settings = format!(r#"{{"alpha": {alpha}, "gradient_tolerance": 1e-9}}"#);
        let fitted = fit_json(
            Algorithm::LogisticRegression,
            &settings,
            &data_of(&columns, labels.to_vec()),
        )
        .unwrap();
        let Scorer::Linear(linear) = fitted.model.scorer() else {
            panic!("not linear");
        };
        assert!(
            (linear.weights()[0] - weights[0]).abs() < 1e-6,
            "{:?}",
            linear.weights()
        );
        assert!(
            (linear.weights()[1] - weights[1]).abs() < 1e-6,
            "{:?}",
            linear.weights()
        );
        assert!((linear.intercept() - intercept).abs() < 1e-6, "{}", linear.intercept());
        assert!((fitted.model.score_row(&[1.0, 10.0]).unwrap() - first).abs() < 1e-6);
    };
    check(1.0, [0.783_254_294, -0.768_961_386], 0.049_461_450, 0.435_595_011);
    check(10.0, [0.152_764_929, -0.151_649_919], 0.000_404_359, 0.485_544_609);
}

#[test]
fn columns_without_information_are_harmless() {
    let labels: Vec<bool> = (0..40).map(|row| row % 3 == 0).collect();
    let informative: Vec<f64> = labels.iter().map(|label| f64::from(u8::from(*label))).collect();
    for (algorithm, settings) in SETTINGS {
        let columns = [informative.clone(), vec![0.1; 40], vec![3e38; 40]];
        let fitted = fit_json(algorithm, settings, &data_of(&columns, labels.clone())).unwrap();
        let high = fitted.model.score_row(&[1.0, 0.1, 3e38]).unwrap();
        let low = fitted.model.score_row(&[0.0, 0.1, 3e38]).unwrap();
        assert!(high > low, "{algorithm}: {high} and {low}");
        // Nothing at all to go by: everybody gets the share of positives.
        let fitted = fit_json(algorithm, settings, &data_of(&[vec![5.0; 40]], labels.clone())).unwrap();
        let score = fitted.model.score_row(&[5.0]).unwrap();
        assert!((score - 0.35).abs() < 0.12, "{algorithm}: {score}");
    }
    // A column that is missing in every row.
    let columns = [informative, vec![f64::NAN; 40]];
    let fitted = fit_json(Algorithm::Xgboost, "{}", &data_of(&columns, labels)).unwrap();
    assert!(fitted.model.score_row(&[1.0, 2.0]).unwrap() > fitted.model.score_row(&[0.0, f32::NAN]).unwrap());
}

fn check_error(algorithm: Algorithm, settings: &str, data: &TrainingData, expected: &Expect) {
    let problem = fit_json(algorithm, settings, data).unwrap_err().problem();
    expected.assert_eq(&format!("{} ({})", problem.message, problem.code));
}

#[test]
fn data_that_cannot_be_learned_from_is_refused_with_its_reason() {
    for (algorithm, settings) in SETTINGS {
        let empty = data_of(&[vec![]], vec![]);
        check_error(
            algorithm,
            settings,
            &empty,
            &expect!["the training set has no rows (not_ready)"],
        );
        let one_class = data_of(&[vec![1.0, 2.0]], vec![true, true]);
        check_error(
            algorithm,
            settings,
            &one_class,
            &expect!["all 2 training rows are positive (not_ready)"],
        );
        let infinite = data_of(&[vec![1.0, 2.0], vec![0.0, 1e39]], vec![true, false]);
        check_error(
            algorithm,
            settings,
            &infinite,
            &expect!["feature `f1` is infinite, or beyond ±3.4e38, in training row 1 (invalid_input)"],
        );
    }
    let missing = data_of(&[vec![1.0, f64::NAN]], vec![true, false]);
    check_error(
        Algorithm::LogisticRegression,
        "{}",
        &missing,
        &expect![
            "feature `f0` is missing in training row 1, and `logistic_regression` takes no missing values (invalid_input)"
        ],
    );
    let data = cards(50, 9, 0.0);
    check_error(
        Algorithm::RandomForest,
        r#"{"max_features": 5}"#,
        &data,
        &expect!["`max_features` = 5 does not fit 4 features: at most the number of features (invalid_input)"],
    );
}

#[test]
fn progress_counts_up_and_can_be_given_up() {
    let data = cards(300, 10, 0.0);
    for (algorithm, settings) in SETTINGS {
        let mut seen: Vec<FitProgress> = Vec::new();
        let parameters = parameters(algorithm, settings);
        fit(&parameters, &data, FitOptions::default(), &mut |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(
            seen.windows(2).all(|pair| pair[0].done < pair[1].done),
            "{algorithm}: {seen:?}"
        );
        assert_eq!(seen.first().map(|progress| progress.done), Some(0));
        assert!(
            seen.last().is_some_and(|progress| progress.done == progress.total),
            "{algorithm}: {seen:?}"
        );
        let given_up = fit(&parameters, &data, FitOptions::default(), &mut |_| {
            ControlFlow::Break(())
        });
        assert!(matches!(given_up, Err(FitError::GivenUp)), "{algorithm}");
    }
    // In the middle, with threads at work.
    let forest = parameters(Algorithm::RandomForest, r#"{"n_trees": 100, "max_depth": 3}"#);
    let given_up = fit(&forest, &data, FitOptions::default(), &mut |progress| {
        if progress.done == 0 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert!(matches!(given_up, Err(FitError::GivenUp)));
}

#[test]
fn rows_that_do_not_fit_the_model_are_refused() {
    let data = cards(200, 12, 0.0);
    let model = |algorithm, settings| fit_json(algorithm, settings, &data).unwrap().model;
    let check = |model: &FittedModel, row: &[f32], expected: &Expect| match model.score_row(row) {
        Ok(score) => expected.assert_eq(&format!("a score: {}", score.is_finite())),
        Err(error) => expected.assert_eq(&error.to_string()),
    };
    let linear = model(Algorithm::LogisticRegression, "{}");
    check(&linear, &[1.0], &expect!["1 values were given for 4 features"]);
    check(
        &linear,
        &[1.0, f32::NAN, 0.0, 0.0],
        &expect!["feature `f1` of row 0 is missing"],
    );
    check(
        &linear,
        &[1.0, 0.0, f32::INFINITY, 0.0],
        &expect!["feature `f2` of row 0 is inf"],
    );
    let tree = model(Algorithm::DecisionTree, "{}");
    check(&tree, &[f32::INFINITY, 0.0, 0.0, 0.0], &expect!["a score: true"]);
    check(
        &tree,
        &[f32::NAN, 0.0, 0.0, 0.0],
        &expect!["feature `f0` of row 0 is missing"],
    );
    check(
        &model(Algorithm::Xgboost, "{}"),
        &[f32::NAN; 4],
        &expect!["a score: true"],
    );
    let narrow = Matrix::from_columns(&[[1.0_f32]]).unwrap();
    assert_eq!(tree.score(&narrow), Err(ScoreError::Width { given: 1, expected: 4 }));
}

#[test]
fn a_row_scores_the_same_alone_and_in_a_batch() {
    let data = cards(1_100, 13, 0.1);
    let model = fit_json(Algorithm::Xgboost, "{}", &data).unwrap().model;
    let batch = model.score(data.matrix()).unwrap();
    for (row, score) in batch.iter().enumerate() {
        assert_eq!(
            model.score_row(&data.matrix().row(row)).unwrap().to_bits(),
            score.to_bits()
        );
    }
}
