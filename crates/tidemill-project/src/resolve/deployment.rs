//! Deployments, those by default too.

use indexmap::IndexMap;
use tidemill_types::{DeploymentName, ModelName};

use super::Resolver;
use crate::settings::{DeploymentSettings, Settings};
use crate::specs::DeploymentSpec;

impl Resolver<'_> {
    /// The deployments that are set, then one for each model that has none.
    pub fn deployments(&mut self, settings: &Settings) -> IndexMap<DeploymentName, DeploymentSpec> {
        let mut deployments = IndexMap::new();
        let by_own_name = |name: &DeploymentName| ModelName::new(name.as_str()).ok();
        for (name, deployment) in &settings.deployments {
            let Some(model) = deployment.model.clone().or_else(|| by_own_name(name)) else {
                continue;
            };
            let at = ["deployments", name.as_str(), "model"];
            let there = settings.models.keys().map(ModelName::as_str);
            self.all_known(&at, "model", std::slice::from_ref(&model), there);
            let spec = DeploymentSpec {
                name: name.clone(),
                model,
                alias: deployment.alias.clone(),
            };
            deployments.insert(name.clone(), spec);
        }
        for model in settings.models.keys() {
            let name = DeploymentName::from(model.clone());
            let deployed = deployments.values().any(|spec: &DeploymentSpec| spec.model == *model);
            if !deployed && !deployments.contains_key(&name) {
                let spec = DeploymentSpec {
                    name: name.clone(),
                    model: model.clone(),
                    alias: DeploymentSettings::default().alias,
                };
                deployments.insert(name, spec);
            }
        }
        deployments
    }
}
