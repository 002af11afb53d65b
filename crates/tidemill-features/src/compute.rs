//! A view over a range of event time.

use tidemill_engine::{BatchStream, Engine};
use tidemill_project::{FeatureView, Project};
use tidemill_types::{Micros, TimeRange};

use crate::FeaturesError;
use crate::quote::quoted;
use crate::sources::{inside, view_scope};

/// The rows of a view whose event time lies in `range`, as they were known at `as_of`.
///
/// Reads the streams over the range and the view's lookback before it. The engine's catalog must be the project's.
pub async fn compute(
    engine: &Engine,
    project: &Project,
    view: &FeatureView,
    range: TimeRange,
    as_of: Option<Micros>,
) -> Result<BatchStream, FeaturesError> {
    let action = || format!("compute feature view `{}`", view.name);
    let session = engine.scope(view_scope(project, view, range, as_of)).await;
    let session = session.map_err(FeaturesError::engine(action()))?;
    let condition = inside(&quoted(&view.event_time), range);
    let sql = format!("select * from {} where {condition}", view.name);
    session.stream(&sql).await.map_err(FeaturesError::engine(action()))
}
