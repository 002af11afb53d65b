//! Feature views, summed up for a person.

use std::fmt::Display;

use tidemill_api::{FeatureSummary, FeatureViewSummary, FeaturesRequest};
use tidemill_features::summarize;
use tidemill_types::{ErrorCode, Problem};

use super::House;
use super::convert::problem;

impl House {
    pub(super) async fn summarise_features(
        &self,
        request: FeaturesRequest,
    ) -> Result<Vec<FeatureViewSummary>, Problem> {
        let views: Vec<_> = match &request.view {
            None => self.project.views.values().collect(),
            Some(name) => {
                let view = self.project.views.get(name);
                vec![view.ok_or_else(|| unknown("feature view", name.as_str(), self.project.views.keys()))?]
            }
        };
        let range = request.range();
        let mut summaries = Vec::new();
        for view in views {
            let started = std::time::Instant::now();
            let summary = summarize(&self.engine, view, range, None).await.map_err(problem)?;
            summaries.push(FeatureViewSummary {
                view: view.name.clone(),
                entity: view.entity.clone(),
                key: view.key.clone(),
                event_time: view.event_time.clone(),
                lookback: view.lookback,
                file: view.file.display().to_string(),
                range,
                rows: summary.first().map_or(0, |column| column.rows.unsigned_abs()),
                columns: summary.into_iter().map(feature_as_shown).collect(),
                elapsed_ms: started.elapsed().as_millis() as u64,
            });
        }
        Ok(summaries)
    }
}

fn feature_as_shown(summary: tidemill_features::FeatureSummary) -> FeatureSummary {
    FeatureSummary {
        name: summary.feature,
        nulls: summary.nulls.unsigned_abs(),
        mean: summary.mean,
        std: summary.std,
        min: summary.min,
        median: summary.p50,
        max: summary.max,
    }
}

/// The problem of a name that the project does not have.
pub(super) fn unknown<N: Display>(kind: &str, name: &str, known: impl Iterator<Item = N>) -> Problem {
    let known: Vec<String> = known.map(|known| known.to_string()).collect();
    let problem = Problem::new(ErrorCode::NotFound, format!("no {kind} is called `{name}`"));
    match tidemill_engine::nearest(name, known.iter().map(String::as_str)) {
        Some(nearest) => problem.with_hint(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => problem.with_hint("the project has none"),
        None => {
            let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
            problem.with_hint(format!("there is {}", names.join(", ")))
        }
    }
}
