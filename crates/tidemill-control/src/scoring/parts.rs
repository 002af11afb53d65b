//! What the project says of predictions, in the form that serving takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemill_features::feature_hash;
use tidemill_project::Project;
use tidemill_serve::predictions::{ModelPredictions, PredictionContract};
use tidemill_types::ModelName;

use crate::ControlError;

/// How the predictions of each model that has a predictions stream become records.
pub fn model_predictions(project: &Project) -> Result<BTreeMap<ModelName, Arc<ModelPredictions>>, ControlError> {
    let mut models = BTreeMap::new();
    for model in project.models.values() {
        let stream = model.predictions.as_ref().and_then(|name| project.streams.get(name));
        let (Some(stream), Some(source)) = (stream, project.streams.get(&model.stream)) else {
            continue;
        };
        let contract = PredictionContract::new(stream, source);
        let contract = contract.map_err(|fault| ControlError::Predictions(Box::new(fault.into())))?;
        let views = model.views.iter().filter_map(|name| project.views.get(name));
        let predictions = ModelPredictions {
            contract: Arc::new(contract),
            threshold: model.threshold,
            kept: project.settings.predictions.features,
            views: feature_hash(views),
        };
        models.insert(model.name.clone(), Arc::new(predictions));
    }
    Ok(models)
}
