//! Logistic regression by linfa: L-BFGS on standardised features.

use linfa::DatasetBase;
use linfa::ParamGuard as _;
use linfa::traits::Fit as _;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ShapeBuilder as _};

use super::{FitError, OnProgress, report};
use crate::linear::{LinearModel, sigmoid};
use crate::{Algorithm, LogisticRegressionParameters, Matrix, Standardizer, TrainingData};

/// A model and where its solver ended.
pub(super) struct LinearFit {
    pub(super) model: LinearModel,
    pub(super) gradient_norm: f64,
}

pub(super) fn fit(
    parameters: &LogisticRegressionParameters,
    data: &TrainingData,
    on_progress: OnProgress<'_>,
) -> Result<LinearFit, FitError> {
    let rows = data.rows();
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| FitError::Library {
        algorithm: Algorithm::LogisticRegression,
        rows,
        source,
    };
    report(on_progress, 0, 1)?;
    let standardizer = Standardizer::fit(data.matrix());
    let records = standardise(data.matrix(), &standardizer).map_err(|error| failed(error.into()))?;
    let dataset = DatasetBase::new(records, Array1::from(data.labels().to_vec()));
    let solver = LogisticRegression::<f64>::new()
        .alpha(parameters.alpha)
        .gradient_tolerance(parameters.gradient_tolerance)
        .max_iterations(parameters.max_iterations)
        .check()
        .map_err(|error| failed(error.into()))?;
    let fitted = solver.fit(&dataset).map_err(|error| failed(error.to_string().into()))?;

    // linfa calls the more frequent class positive. Ours is `true`, whatever its frequency; the two models mirror each
    // other.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let weights: Vec<f64> = fitted.params().iter().map(|weight| sign * weight).collect();
    let intercept = sign * fitted.intercept();
    let gradient_norm = gradient_norm(&dataset.records, data.labels(), &weights, intercept, parameters.alpha);
    let model = LinearModel::new(standardizer, weights, intercept).ok_or(FitError::Diverged {
        algorithm: Algorithm::LogisticRegression,
        rows,
    })?;
    report(on_progress, 1, 1)?;
    Ok(LinearFit { model, gradient_norm })
}

fn standardise(matrix: &Matrix, standardizer: &Standardizer) -> Result<Array2<f64>, ndarray::ShapeError> {
    let mut values = Vec::with_capacity(matrix.rows() * matrix.columns());
    for column in 0..matrix.columns() {
        values.extend(
            matrix
                .column(column)
                .iter()
                .map(|value| standardizer.apply(column, *value)),
        );
    }
    Array2::from_shape_vec((matrix.rows(), matrix.columns()).f(), values)
}

/// Euclidean norm of the gradient of the penalised sum of losses.
fn gradient_norm(records: &Array2<f64>, labels: &[bool], weights: &[f64], intercept: f64, alpha: f64) -> f64 {
    let log_odds = records.dot(&Array1::from(weights.to_vec())) + intercept;
    let residuals: Array1<f64> = log_odds
        .iter()
        .zip(labels)
        .map(|(odds, label)| sigmoid(*odds) - f64::from(u8::from(*label)))
        .collect();
    let mut squares = residuals.sum().powi(2);
    for (component, weight) in records.t().dot(&residuals).iter().zip(weights) {
        squares += (component + alpha * weight).powi(2);
    }
    squares.sqrt()
}
