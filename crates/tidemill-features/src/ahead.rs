//! Rows of several ticks that were made at once, cut to those of one, and held against those that were made alone.

use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use tidemill_types::{ColumnName, KafkaColumn, Micros, TimeRange, ViewName};

use crate::{FeatureRows, FeaturesError};

/// Where two makings of the same rows differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureDifference {
    /// The first column that differs; none where they are not even the same rows.
    pub column: Option<ColumnName>,
    /// The view that gives it; none for a column of the stream.
    pub view: Option<ViewName>,
}

impl FeatureRows {
    /// The rows of `range` that were known at `known_at`: where every view keeps the promise `known: by the event`, the same that
    /// [`crate::feature_rows`] makes as of then.
    pub fn cut(&self, range: TimeRange, known_at: Micros) -> Result<FeatureRows, FeaturesError> {
        let failed = || FeaturesError::arrow("cut the rows of a tick");
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let column = |name: &str| {
            let found = self.batch.column_by_name(name);
            let found = found.ok_or_else(|| {
                let missing = arrow::error::ArrowError::SchemaError(format!("there is no column `{name}`"));
                FeaturesError::arrow("cut the rows of a tick")(missing)
            })?;
            cast(found, &time).map_err(failed())
        };
        let times = column(self.time_column.as_str())?;
        let known = column(KafkaColumn::KnownTime.name())?;
        let times = times.as_primitive::<TimestampMicrosecondType>().iter();
        let known = known.as_primitive::<TimestampMicrosecondType>().iter();
        let inside = times.zip(known).map(|(time, known)| {
            let happened = time.is_some_and(|time| range.contains(Micros(time)));
            Some(happened && known.is_some_and(|known| Micros(known) <= known_at))
        });
        let inside: BooleanArray = inside.collect();
        Ok(FeatureRows {
            batch: filter_record_batch(&self.batch, &inside).map_err(failed())?,
            ..self.clone()
        })
    }

    /// The first difference between two makings of the same rows, bit by bit; none where they are the same.
    pub fn difference(&self, other: &FeatureRows) -> Option<FeatureDifference> {
        let (one, two) = (&self.batch, &other.batch);
        let other_rows = one.num_rows() != two.num_rows() || one.schema_ref().fields() != two.schema_ref().fields();
        if other_rows {
            return Some(FeatureDifference {
                column: None,
                view: None,
            });
        }
        let columns = one.columns().iter().zip(two.columns());
        let place = columns
            .map(|(one, two)| one.to_data() == two.to_data())
            .position(|same| !same)?;
        let column = ColumnName::new(one.schema_ref().field(place).name().clone()).ok();
        Some(FeatureDifference {
            view: column
                .as_ref()
                .and_then(|column| self.feature_homes.get(column))
                .cloned(),
            column,
        })
    }
}
