//! Deployments as they are read, and the pure decision of where a rollback leads.

use std::fmt;

use serde::Serialize;
use tidemill_types::{DeploymentName, FeatureHash, Micros, ModelName, VersionNumber};

use crate::db::{Arguments, Row, sql};
use crate::limits::PAGE_ROWS_MAX;
use crate::registry::page;
use crate::{Registry, RegistryError, Sha256Hash};

/// Why a deployment moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// Something new went live.
    Deploy,
    /// Back to what was live before.
    Rollback,
    /// A rollback undone.
    Forward,
}

/// What goes live together with a model version, as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ReleasePins {
    /// The SQL of its feature views.
    pub features: Option<FeatureHash>,
    /// Its thresholds, as text of the caller's.
    pub thresholds: Option<String>,
    /// The hash of the schema that it reads.
    pub schema_hash: Option<String>,
}

/// A release that is or was live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// Where.
    pub deployment: DeploymentName,
    /// The model.
    pub model: ModelName,
    /// The version.
    pub version: VersionNumber,
    /// The number of the release: the version with its pins. What a rollback brings back is this as a whole.
    pub release: i64,
    /// What went live with the version.
    pub pins: ReleasePins,
    /// Why it moved.
    pub kind: DeploymentKind,
    /// Since when.
    pub live_from: Micros,
    /// Until when; nothing while it is live.
    pub live_to: Option<Micros>,
    /// Who moved it.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// What the model is.
    pub content_hash: Sha256Hash,
    /// The blob of the model.
    pub artifact: Sha256Hash,
}

impl DeploymentKind {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            DeploymentKind::Deploy => "deploy",
            DeploymentKind::Rollback => "rollback",
            DeploymentKind::Forward => "forward",
        }
    }

    fn parse(text: &str) -> Option<DeploymentKind> {
        [
            DeploymentKind::Deploy,
            DeploymentKind::Rollback,
            DeploymentKind::Forward,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for DeploymentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which event of a history a rollback goes back to: the one before the live one, without those that were rolled back.
///
/// `history` holds kind and release of every event, oldest first; the answer is an index into it.
pub fn rollback_target(history: &[(DeploymentKind, i64)]) -> Option<usize> {
    let (live, _) = fold(history);
    live.len().checked_sub(2).map(|before| live[before])
}

/// Which event of a history undoing the last rollback goes forward to, if nothing was deployed since.
///
/// `history` holds kind and release of every event, oldest first; the answer is an index into it.
pub fn forward_target(history: &[(DeploymentKind, i64)]) -> Option<usize> {
    let (_, undone) = fold(history);
    undone.last().copied()
}

/// The events that lie below each other, the live one last; and those that were rolled back, the latest last.
fn fold(history: &[(DeploymentKind, i64)]) -> (Vec<usize>, Vec<usize>) {
    let mut live: Vec<usize> = Vec::new();
    let mut undone: Vec<usize> = Vec::new();
    for (event, (kind, release)) in history.iter().enumerate() {
        let release_of = |event: &usize| history[*event].1;
        match kind {
            DeploymentKind::Deploy => {
                undone.clear();
                // The same release again is no second step to go back by.
                if live.last().map(release_of) != Some(*release) {
                    live.push(event);
                }
            }
            DeploymentKind::Rollback => {
                undone.extend(live.pop());
                while live.last().is_some_and(|below| release_of(below) != *release) {
                    undone.extend(live.pop());
                }
                // Its deploy may lie before the part of the history that was read.
                if live.is_empty() {
                    live.push(event);
                }
            }
            DeploymentKind::Forward => live.push(undone.pop().unwrap_or(event)),
        }
    }
    (live, undone)
}

impl Registry {
    /// What is live now, by deployment.
    pub async fn current_deployments(&self) -> Result<Vec<Deployment>, RegistryError> {
        self.readers()
            .rows(sql!("deployments/current"), Arguments::new().int(page(PAGE_ROWS_MAX)))
            .await?
            .iter()
            .map(deployment)
            .collect()
    }

    /// What is live in one place. Errors when nothing was ever deployed there.
    pub async fn current_deployment(&self, name: &DeploymentName) -> Result<Deployment, RegistryError> {
        let mut newest = self.deployment_history(name, 1).await?;
        newest.pop().ok_or_else(|| RegistryError::not_found("deployment", name))
    }

    /// What was live at `time`, by deployment.
    pub async fn deployments_as_of(&self, time: Micros) -> Result<Vec<Deployment>, RegistryError> {
        let arguments = Arguments::new().time(time).int(page(PAGE_ROWS_MAX));
        self.readers()
            .rows(sql!("deployments/as_of"), arguments)
            .await?
            .iter()
            .map(deployment)
            .collect()
    }

    /// The newest `limit` events of a deployment, the oldest of them first. Empty when nothing was ever deployed there.
    pub async fn deployment_history(
        &self,
        name: &DeploymentName,
        limit: usize,
    ) -> Result<Vec<Deployment>, RegistryError> {
        let arguments = Arguments::new().text(name).int(page(limit));
        let rows = self.readers().rows(sql!("deployments/history"), arguments).await?;
        rows.iter().rev().map(deployment).collect()
    }

    /// What [`Registry::record_rollback`] would bring back. Errors when there is nothing before the live release.
    pub async fn previous_version(&self, name: &DeploymentName) -> Result<Deployment, RegistryError> {
        let history = self.deployment_history(name, PAGE_ROWS_MAX).await?;
        target(name, history, DeploymentKind::Rollback)
    }

    /// What [`Registry::record_forward`] would bring back. Errors when the last move was not a rollback.
    pub async fn undone_version(&self, name: &DeploymentName) -> Result<Deployment, RegistryError> {
        let history = self.deployment_history(name, PAGE_ROWS_MAX).await?;
        target(name, history, DeploymentKind::Forward)
    }
}

/// Where a rollback or its undoing leads, or why it leads nowhere.
pub(crate) fn target(
    name: &DeploymentName,
    mut history: Vec<Deployment>,
    kind: DeploymentKind,
) -> Result<Deployment, RegistryError> {
    if history.is_empty() {
        return Err(RegistryError::not_found("deployment", name));
    }
    let facts: Vec<_> = history.iter().map(|event| (event.kind, event.release)).collect();
    let found = match kind {
        DeploymentKind::Forward => forward_target(&facts).ok_or_else(|| RegistryError::NothingToUndo {
            deployment: name.clone(),
        }),
        DeploymentKind::Rollback | DeploymentKind::Deploy => {
            rollback_target(&facts).ok_or_else(|| RegistryError::NothingToRollBackTo {
                deployment: name.clone(),
                rolled_back: rolled_back(&history),
            })
        }
    };
    found.map(|event| history.swap_remove(event))
}

/// The version of the newest release that is not the live one.
fn rolled_back(history: &[Deployment]) -> Option<VersionNumber> {
    let live = history.last()?;
    let other = history.iter().rev().find(|event| event.release != live.release)?;
    Some(other.version)
}

/// A row of the view `deployments`.
pub(crate) fn deployment(row: &Row) -> Result<Deployment, RegistryError> {
    let pin = |column: &str| Ok::<_, RegistryError>(Some(row.text(column)?).filter(|text| !text.is_empty()));
    Ok(Deployment {
        deployment: row.name("deployment")?,
        model: row.name("model")?,
        version: row.version("version")?,
        release: row.int("release_key")?,
        pins: ReleasePins {
            features: pin("features_hash")?.map(FeatureHash),
            thresholds: pin("thresholds")?,
            schema_hash: pin("schema_hash")?,
        },
        kind: row.word("kind", DeploymentKind::parse)?,
        live_from: row.time("live_from")?,
        live_to: row.optional_time("live_to")?,
        actor: row.text("actor")?,
        reason: row.text("reason")?,
        content_hash: row.hash("content_hash")?,
        artifact: row.hash("artifact_hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `d1 d2 r1` is: release 1 deployed, release 2 deployed, rolled back to release 1.
    fn history(text: &str) -> Vec<(DeploymentKind, i64)> {
        text.split_whitespace()
            .map(|event| {
                let kind = match &event[..1] {
                    "d" => DeploymentKind::Deploy,
                    "r" => DeploymentKind::Rollback,
                    _ => DeploymentKind::Forward,
                };
                (kind, event[1..].parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn a_rollback_leads_to_the_release_before_without_those_rolled_back() {
        for (events, back, forward) in [
            ("", None, None),
            ("d1", None, None),
            ("d1 d1", None, None),
            ("d1 d2", Some(1), None),
            ("d1 d2 d2", Some(1), None),
            ("d1 d2 r1", None, Some(2)),
            ("d1 d2 r1 f2", Some(1), None),
            ("d1 d2 r1 d2", Some(1), None),
            ("d1 d2 r1 d3", Some(1), None),
            ("d1 d2 d3", Some(2), None),
            ("d1 d2 d3 r2", Some(1), Some(3)),
            ("d1 d2 d3 r2 r1", None, Some(2)),
            ("d1 d2 d3 r2 r1 f2", Some(1), Some(3)),
            ("d1 d2 d3 r2 r1 f2 f3", Some(2), None),
            ("d1 d2 d3 r2 d4", Some(2), None),
            ("d1 d2 d1", Some(2), None),
            ("d3 r2", None, Some(3)),
            ("d1 d2 d1 r2", Some(1), Some(1)),
        ] {
            let history = history(events);
            let release = |event: usize| history[event].1;
            assert_eq!(rollback_target(&history).map(release), back, "back after `{events}`");
            assert_eq!(
                forward_target(&history).map(release),
                forward,
                "forward after `{events}`"
            );
        }
    }
}
