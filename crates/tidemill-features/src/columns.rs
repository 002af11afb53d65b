//! The columns of a view: its key, its event time, and the rest, which are features.

use arrow::datatypes::{DataType, FieldRef, Schema};
use tidemill_engine::ScopedSession;
use tidemill_project::FeatureView;
use tidemill_types::{ColumnName, LANDED_COLUMNS};

use crate::FeaturesError;

/// The columns of a view's output beside its key and event time.
#[derive(Debug, Clone)]
pub struct ViewColumns {
    /// The features, in the order of the query.
    pub features: Vec<FieldRef>,
}

impl ViewColumns {
    /// Whether one of the features has that name.
    pub fn has(&self, name: &ColumnName) -> bool {
        self.features.iter().any(|field| field.name() == name.as_str())
    }

    /// The features of a view with this output, or the column of its header that is not in it.
    pub(crate) fn of(view: &FeatureView, schema: &Schema) -> Result<ViewColumns, FeaturesError> {
        for column in view.key.iter().chain([&view.event_time]) {
            if schema.column_with_name(column.as_str()).is_none() {
                return Err(FeaturesError::MissingColumn {
                    view: view.name.clone(),
                    column: column.clone(),
                });
            }
        }
        let is_feature = |name: &str| {
            let of_header = view
                .key
                .iter()
                .chain([&view.event_time])
                .any(|column| column.as_str() == name);
            let of_kafka = LANDED_COLUMNS.iter().any(|column| column.name() == name);
            !of_header && !of_kafka
        };
        Ok(ViewColumns {
            features: schema
                .fields()
                .iter()
                .filter(|field| is_feature(field.name()))
                .cloned()
                .collect(),
        })
    }
}

/// The columns of a view. Plans it, reads nothing.
pub async fn view_columns(session: &ScopedSession, view: &FeatureView) -> Result<ViewColumns, FeaturesError> {
    let planned = session.plan(&format!("select * from {}", view.name)).await;
    let schema = planned.map_err(FeaturesError::engine(format!("plan feature view `{}`", view.name)))?;
    ViewColumns::of(view, &schema)
}

/// Whether a model can take the column as it is: a number or a truth.
pub(crate) fn fits_model(data_type: &DataType) -> bool {
    data_type.is_numeric() || *data_type == DataType::Boolean
}
