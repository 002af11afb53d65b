//! Which columns of its views and of its stream a model learns from.

use std::collections::BTreeMap;

use tidemill_project::{FeatureView, Stream};
use tidemill_types::{ColumnName, ViewName};

use crate::FeaturesError;
use crate::assemble::Assembly;
use crate::columns::{ViewColumns, fits_model};

impl Assembly<'_> {
    /// The model's features in its order; those it leaves open are all of its views.
    pub(crate) fn choose_features(
        &self,
        stream: &Stream,
        views: &[&FeatureView],
        columns: &[ViewColumns],
    ) -> Result<Vec<ColumnName>, FeaturesError> {
        let mut home: BTreeMap<&str, &ViewName> = BTreeMap::new();
        let mut all = Vec::new();
        let wanted = self.model.features.as_deref();
        for (view, columns) in views.iter().zip(columns) {
            for field in &columns.features {
                let Ok(feature) = ColumnName::new(field.name().clone()) else {
                    continue;
                };
                if wanted.is_some_and(|wanted| !wanted.contains(&feature)) {
                    continue;
                }
                if let Some(first) = home.insert(field.name(), &view.name) {
                    return Err(FeaturesError::AmbiguousFeature {
                        feature,
                        first: first.clone(),
                        second: view.name.clone(),
                    });
                }
                if !fits_model(field.data_type()) {
                    return Err(FeaturesError::NotNumeric {
                        feature: field.name().clone(),
                        data_type: field.data_type().to_string(),
                    });
                }
                all.push(feature);
            }
        }
        let Some(wanted) = wanted else {
            return Ok(all);
        };
        for feature in wanted {
            if all.contains(feature) {
                continue;
            }
            match stream.schema.field(feature.as_str()) {
                Some(field) if fits_model(&field.kind.arrow()) => (),
                Some(field) => {
                    return Err(FeaturesError::NotNumeric {
                        feature: feature.to_string(),
                        data_type: field.kind.arrow().to_string(),
                    });
                }
                None => {
                    let known = columns.iter().flat_map(|columns| &columns.features);
                    return Err(FeaturesError::UnknownFeature {
                        feature: feature.clone(),
                        known: known.map(|field| field.name().clone()).collect(),
                    });
                }
            }
        }
        Ok(wanted.to_vec())
    }
}
