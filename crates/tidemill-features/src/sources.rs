//! What of the streams a computation reads: the range, a view's lookback before it, and only what was known.

use std::collections::BTreeMap;

use tidemill_engine::{Parameter, Scope, TableBounds};
use tidemill_project::{FeatureView, Project, Stream};
use tidemill_types::{ColumnName, KafkaColumn, Micros, TableName, TimeRange};

/// The column by which the rows of a stream are placed in time.
pub(crate) fn time_column(stream: &Stream) -> ColumnName {
    match &stream.event_time {
        Some(column) => column.clone(),
        None => known_time_column(),
    }
}

/// The column of the known time.
pub(crate) fn known_time_column() -> ColumnName {
    ColumnName::new(KafkaColumn::KnownTime.name()).expect("the name obeys the rule for columns")
}

/// The bounds within which a view reads the streams to compute `range`, `lookback_micros` before it included.
///
/// A stream without event time has no end there: what it says about an event is known later than the event happened, so that
/// the event times of a range do not bound it from above. Whether it was known in time is for the view and for `as_of`.
pub fn stream_bounds(project: &Project, range: TimeRange, lookback_micros: i64) -> BTreeMap<TableName, TableBounds> {
    let read = range.with_lookback(lookback_micros);
    let bounds = project.streams.values().map(|stream| {
        let range = match stream.event_time {
            Some(_) => read,
            None => TimeRange {
                from: read.from,
                to: None,
            },
        };
        let bounds = TableBounds {
            column: time_column(stream),
            range,
        };
        (TableName::from(stream.name.clone()), bounds)
    });
    bounds.collect()
}

/// The scope in which a view is computed over `range` with what was known at `as_of`.
pub fn view_scope(project: &Project, view: &FeatureView, range: TimeRange, as_of: Option<Micros>) -> Scope {
    Scope {
        bounds: stream_bounds(project, range, view.lookback.as_micros()),
        known_before: as_of,
        parameters: range_parameters(range),
        ..Scope::default()
    }
}

/// `column >= $range_from and column < $range_to` for the ends that the range has; `true` for all of time.
pub(crate) fn inside(column: &str, range: TimeRange) -> String {
    let from = range.from.map(|_| format!("{column} >= $range_from"));
    let to = range.to.map(|_| format!("{column} < $range_to"));
    let ends: Vec<String> = from.into_iter().chain(to).collect();
    if ends.is_empty() {
        "true".to_owned()
    } else {
        ends.join(" and ")
    }
}

/// The values of what [`inside`] writes.
pub(crate) fn range_parameters(range: TimeRange) -> BTreeMap<String, Parameter> {
    let from = range.from.map(|from| ("range_from".to_owned(), Parameter::Time(from)));
    let to = range.to.map(|to| ("range_to".to_owned(), Parameter::Time(to)));
    from.into_iter().chain(to).collect()
}
