//! Models, versions, aliases and lineage, as the API shows them.

use tidemill_api::{Alias, AliasEvent, Model, ModelVersion, SetAlias, VersionLineage};
use tidemill_control::AliasOrder;
use tidemill_registry::{Deployment, VersionRef};
use tidemill_training::ALGORITHM_PARAM;
use tidemill_types::{AliasName, ErrorCode, Metrics, ModelName, Problem, VersionNumber};

use super::House;
use super::convert::{actor, problem, serving};

impl House {
    pub(super) async fn list_models(&self) -> Result<Vec<Model>, Problem> {
        let current = self.registry.current_deployments().await.map_err(problem)?;
        let mut models = Vec::new();
        for model in self.registry.models().await.map_err(problem)? {
            let aliases = self.registry.aliases(&model.name).await.map_err(problem)?;
            models.push(Model {
                deployments: serving(&current, &model.name),
                name: model.name,
                created_at: model.created_at,
                versions: model.versions,
                latest: model.newest,
                aliases: aliases.into_iter().map(|alias| (alias.alias, alias.version)).collect(),
            });
        }
        Ok(models)
    }

    pub(super) async fn show_model(&self, model: &ModelName) -> Result<Model, Problem> {
        let models = self.list_models().await?;
        let names: Vec<String> = models.iter().map(|model| format!("`{}`", model.name)).collect();
        models.into_iter().find(|known| known.name == *model).ok_or_else(|| {
            let problem = Problem::new(ErrorCode::NotFound, format!("no model is called `{model}`"));
            match names.is_empty() {
                true => problem.with_hint("nothing was trained yet: tidemill train"),
                false => problem.with_hint(format!("there is {}", names.join(", "))),
            }
        })
    }

    pub(super) async fn list_versions(&self, model: &ModelName) -> Result<Vec<ModelVersion>, Problem> {
        let current = self.registry.current_deployments().await.map_err(problem)?;
        let mut versions = Vec::new();
        for version in self.registry.versions(model).await.map_err(problem)? {
            versions.push(self.version_as_shown(version, &current).await?);
        }
        Ok(versions)
    }

    pub(super) async fn show_version(&self, model: &ModelName, number: VersionNumber) -> Result<ModelVersion, Problem> {
        let current = self.registry.current_deployments().await.map_err(problem)?;
        let details = self
            .registry
            .version(model, &VersionRef::Number(number))
            .await
            .map_err(problem)?;
        self.version_as_shown(details.version, &current).await
    }

    async fn version_as_shown(
        &self,
        version: tidemill_registry::ModelVersion,
        current: &[Deployment],
    ) -> Result<ModelVersion, Problem> {
        let (mut algorithm, mut metrics) = (String::new(), Metrics::default());
        if let Some(run) = &version.run {
            let details = self.registry.run(run).await.map_err(problem)?;
            algorithm = details.params.get(ALGORITHM_PARAM).cloned().unwrap_or_default();
            metrics = details.run.metrics;
        }
        let serves =
            |deployment: &&Deployment| deployment.model == version.model && deployment.version == version.version;
        Ok(ModelVersion {
            deployments: current
                .iter()
                .filter(serves)
                .map(|deployment| deployment.deployment.clone())
                .collect(),
            model: version.model,
            version: version.version,
            run: version.run,
            algorithm,
            content_hash: version.content_hash.to_string(),
            created_at: version.created_at,
            metrics,
            aliases: version.aliases,
        })
    }

    pub(super) async fn show_lineage(
        &self,
        model: &ModelName,
        number: VersionNumber,
    ) -> Result<VersionLineage, Problem> {
        let details = self
            .registry
            .version(model, &VersionRef::Number(number))
            .await
            .map_err(problem)?;
        let history = self.registry.current_deployments().await.map_err(problem)?;
        let experiment = match &details.version.run {
            Some(run) => Some(self.registry.run(run).await.map_err(problem)?.run.experiment),
            None => None,
        };
        let lineage = details.lineage.ok_or_else(|| {
            Problem::new(
                ErrorCode::NotFound,
                format!("no lineage was recorded for `{model}` {number}"),
            )
        })?;
        let serves = |deployment: &&Deployment| deployment.model == *model && deployment.version == number;
        Ok(VersionLineage {
            model: model.clone(),
            version: number,
            content_hash: details.version.content_hash.to_string(),
            run: details.version.run,
            experiment,
            lineage,
            deployments: history
                .iter()
                .filter(serves)
                .map(|deployment| deployment.deployment.clone())
                .collect(),
        })
    }

    pub(super) async fn list_aliases(&self, model: &ModelName) -> Result<Vec<Alias>, Problem> {
        let aliases = self.registry.aliases(model).await.map_err(problem)?;
        Ok(aliases.into_iter().map(|alias| alias_as_shown(model, alias)).collect())
    }

    pub(super) async fn list_alias_events(&self, model: &ModelName) -> Result<Vec<AliasEvent>, Problem> {
        let mut events: Vec<AliasEvent> = Vec::new();
        let mut history = Vec::new();
        for alias in self.registry.aliases(model).await.map_err(problem)? {
            history.extend(
                self.registry
                    .alias_history(model, &alias.alias, ALIAS_EVENTS_MAX)
                    .await
                    .map_err(problem)?,
            );
        }
        history.sort_by(|a, b| (a.at, &a.alias).cmp(&(b.at, &b.alias)));
        for event in history {
            if let Some(before) = events.iter_mut().rev().find(|before| before.alias == event.alias) {
                before.to = Some(event.at);
            }
            events.push(AliasEvent {
                alias: event.alias,
                version: event.to,
                from: event.at,
                to: None,
                actor: event.actor,
                reason: Some(event.reason).filter(|reason| !reason.is_empty()),
            });
        }
        Ok(events)
    }

    pub(super) async fn point_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
        request: SetAlias,
    ) -> Result<Alias, Problem> {
        let order = AliasOrder {
            model: model.clone(),
            alias: alias.clone(),
            version: request.version,
            actor: actor(request.actor),
            reason: request.reason.unwrap_or_default(),
        };
        let pointed = self.lifecycle.move_alias(order).await.map_err(problem)?;
        Ok(alias_as_shown(model, pointed))
    }
}

/// Most moves of one alias that are shown.
const ALIAS_EVENTS_MAX: usize = 1_000;

fn alias_as_shown(model: &ModelName, alias: tidemill_registry::Alias) -> Alias {
    Alias {
        model: model.clone(),
        alias: alias.alias,
        version: alias.version,
        since: alias.since,
    }
}
