//! A view's features in figures: how many, how spread, how many missing.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use serde::Serialize;
use tidemill_engine::{Engine, Scope};
use tidemill_project::FeatureView;
use tidemill_types::{Micros, TableName, TimeRange};

use crate::columns::{ViewColumns, fits_model};
use crate::quote::quoted;
use crate::{FeaturesError, compute};

/// One feature of a view over a range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureSummary {
    /// The feature.
    pub feature: String,
    /// Rows of the view in the range.
    pub rows: i64,
    /// Rows without a value.
    pub nulls: i64,
    /// The mean; absent where no row has a value.
    pub mean: Option<f64>,
    /// The standard deviation of the population.
    pub std: Option<f64>,
    /// The smallest value.
    pub min: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
}

/// Every numeric feature of the view over the range, in the order of the query.
pub async fn summarize(
    engine: &Engine,
    view: &FeatureView,
    range: TimeRange,
    as_of: Option<Micros>,
) -> Result<Vec<FeatureSummary>, FeaturesError> {
    let failed = || FeaturesError::engine(format!("sum up feature view `{}`", view.name));
    let rows = compute(engine, view, range, as_of)
        .await?
        .collect_rows()
        .await
        .map_err(failed())?;
    let columns = ViewColumns::of(view, &rows.schema)?;
    let table = TableName::new("_tm_view").expect("the name obeys the rule for tables");
    let scope = Scope {
        tables: BTreeMap::from([(table, rows)]),
        ..Scope::default()
    };
    let session = engine.scope(scope).await.map_err(failed())?;
    let mut summaries = Vec::new();
    for field in columns.features.iter().filter(|field| fits_model(field.data_type())) {
        let sql = include_str!("sql/summary.sql").replace("{feature}", &quoted(field.name()));
        let answer = session.query(&sql).await.map_err(failed())?;
        let batch = answer.concat().map_err(failed())?;
        summaries.push(summary(field.name(), &batch));
    }
    Ok(summaries)
}

fn summary(feature: &str, batch: &RecordBatch) -> FeatureSummary {
    let count = |place: usize| batch.column(place).as_primitive::<Int64Type>().value(0);
    let figure = |place: usize| {
        let column = batch.column(place).as_primitive::<Float64Type>();
        (!column.is_null(0)).then(|| column.value(0))
    };
    FeatureSummary {
        feature: feature.to_owned(),
        rows: count(0),
        nulls: count(1),
        mean: figure(2),
        std: figure(3),
        min: figure(4),
        p50: figure(5),
        max: figure(6),
    }
}
