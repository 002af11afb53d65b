//! What of the streams a computation reads: the range, a view's lookback before it, and only what was known.

use tidemill_engine::{Engine, Scope, TableBounds};
use tidemill_project::{FeatureView, Stream};
use tidemill_types::{ColumnName, KafkaColumn, Micros, TableName, TimeRange};

/// The column by which the rows of a stream are placed in time.
pub(crate) fn time_column(stream: &Stream) -> ColumnName {
    match &stream.event_time {
        Some(column) => column.clone(),
        None => ColumnName::new(KafkaColumn::KnownTime.name()).expect("the name obeys the rule for columns"),
    }
}

/// The scope in which a view has its rows of `range`, with what was known at `as_of`: the streams are read over the range and
/// the view's lookback before it, see [`tidemill_engine::Catalog::bounds`].
pub fn view_scope(engine: &Engine, view: &FeatureView, range: TimeRange, as_of: Option<Micros>) -> Scope {
    let mut bounds = engine.catalog().bounds(range, view.lookback.as_micros());
    let of_view = TableBounds {
        column: view.event_time.clone(),
        range,
    };
    bounds.insert(TableName::from(view.name.clone()), of_view);
    Scope {
        bounds,
        known_before: as_of,
        ..Scope::default()
    }
}
