//! A view over a range of event time.

use tidemill_engine::{BatchStream, Engine};
use tidemill_project::FeatureView;
use tidemill_types::{Micros, TimeRange};

use crate::FeaturesError;
use crate::sources::view_scope;

/// The rows of a view whose event time lies in `range`, as they were known at `as_of`.
///
/// Reads the streams over the range and the view's lookback before it. The engine's catalog must be the project's.
pub async fn compute(
    engine: &Engine,
    view: &FeatureView,
    range: TimeRange,
    as_of: Option<Micros>,
) -> Result<BatchStream, FeaturesError> {
    let action = || format!("compute feature view `{}`", view.name);
    let session = engine.scope(view_scope(engine, view, range, as_of)).await;
    let session = session.map_err(FeaturesError::engine(action()))?;
    let sql = format!("select * from {}", view.name);
    session.stream(&sql).await.map_err(FeaturesError::engine(action()))
}
