//! Moving a deployment: one change that holds the event, the alias and the audit entry, or nothing of them.
//!
//! The registry records; it serves nothing. Whoever serves loads and tries the version first, then records, then swaps.

use tidemill_types::{AliasName, DeploymentName, Micros, ModelName, VersionNumber};

use crate::alias::{self, Pointing};
use crate::audit::{self, Deed};
use crate::db::{Arguments, Session, sql};
use crate::deployment::{deployment, target};
use crate::limits::{DESCRIPTION_CHARS_MAX, LABEL_CHARS_MAX, PAGE_ROWS_MAX};
use crate::registry::page;
use crate::{Approval, Deployment, DeploymentKind, Registry, RegistryError, ReleasePins, check, model};

/// A version that goes live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// Where.
    pub deployment: DeploymentName,
    /// The model. A deployment serves one model for life.
    pub model: ModelName,
    /// The version.
    pub version: VersionNumber,
    /// What goes live with it.
    pub pins: ReleasePins,
    /// The alias that follows what is live.
    pub alias: AliasName,
    /// Who deploys.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// A move within the history of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMove {
    /// Where.
    pub deployment: DeploymentName,
    /// The version that the caller looked up and tried: where the history leads elsewhere by now, nothing moves.
    pub to: VersionNumber,
    /// The alias that follows what is live.
    pub alias: AliasName,
    /// Who moves it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl Registry {
    /// Records that a version went live, and moves the alias with it.
    ///
    /// Errors when there is no such version, it is rejected, or the deployment serves another model.
    pub async fn record_deployment(&self, new: NewDeployment) -> Result<Deployment, RegistryError> {
        check::deed(&new.actor, &new.reason)?;
        check_pins(&new.pins)?;
        let now = self.now();
        let deployed = self
            .write(move |session| Box::pin(async move { deploy(session, new, now).await }))
            .await?;
        self.moved();
        Ok(deployed)
    }

    /// Records that the release before the live one is live again, and moves the alias with it.
    ///
    /// Errors when there is none before, or when it is not of version `to`.
    pub async fn record_rollback(&self, back: NewMove) -> Result<Deployment, RegistryError> {
        self.record_move(back, DeploymentKind::Rollback).await
    }

    /// Records that the last rollback was undone, and moves the alias with it.
    ///
    /// Errors when the last move was not a rollback, or when it does not lead to version `to`.
    pub async fn record_forward(&self, forward: NewMove) -> Result<Deployment, RegistryError> {
        self.record_move(forward, DeploymentKind::Forward).await
    }

    async fn record_move(&self, new: NewMove, kind: DeploymentKind) -> Result<Deployment, RegistryError> {
        check::deed(&new.actor, &new.reason)?;
        let now = self.now();
        let moved = self
            .write(move |session| {
                Box::pin(async move {
                    let history = history(session, &new.deployment, PAGE_ROWS_MAX).await?;
                    let live = history.last().cloned();
                    let target = target(&new.deployment, history, kind)?;
                    if target.version != new.to {
                        return Err(RegistryError::DeploymentMoved {
                            deployment: new.deployment,
                            expected: new.to,
                            found: target.version,
                        });
                    }
                    let event = Event {
                        model: target.model,
                        version: target.version,
                        release: target.release,
                        kind,
                        live,
                        new,
                    };
                    append(session, event, now).await
                })
            })
            .await?;
        self.moved();
        Ok(moved)
    }
}

/// An event that was decided on.
struct Event {
    model: ModelName,
    version: VersionNumber,
    release: i64,
    kind: DeploymentKind,
    live: Option<Deployment>,
    new: NewMove,
}

async fn deploy(session: &mut Session, new: NewDeployment, now: Micros) -> Result<Deployment, RegistryError> {
    let live = history(session, &new.deployment, 1).await?.pop();
    if let Some(live) = live.as_ref().filter(|live| live.model != new.model) {
        return Err(RegistryError::DeploymentOfAnotherModel {
            deployment: new.deployment,
            model: live.model.clone(),
            other: new.model,
        });
    }
    let model_key = model::find(session, &new.model).await?;
    let version = model::find_version(session, &new.model, model_key, new.version).await?;
    if model::approval_of(&version)? == Approval::Rejected {
        return Err(RegistryError::VersionRejected {
            model: new.model,
            version: new.version,
        });
    }
    let pins = Arguments::new()
        .int(version.int("version_key")?)
        .text(new.pins.features.map_or(String::new(), |hash| hash.0))
        .text(new.pins.thresholds.unwrap_or_default())
        .text(new.pins.schema_hash.unwrap_or_default());
    session
        .execute(sql!("deployments/insert_release"), pins.clone().time(now))
        .await?;
    let release = session
        .row(sql!("deployments/release"), pins)
        .await?
        .ok_or_else(|| RegistryError::not_found("release", &new.version))?
        .int("release_key")?;
    let event = Event {
        model: new.model,
        version: new.version,
        release,
        kind: DeploymentKind::Deploy,
        live,
        new: NewMove {
            deployment: new.deployment,
            to: new.version,
            alias: new.alias,
            actor: new.actor,
            reason: new.reason,
        },
    };
    append(session, event, now).await
}

async fn append(session: &mut Session, event: Event, now: Micros) -> Result<Deployment, RegistryError> {
    let Event { new, live, kind, .. } = event;
    // A clock that was set back does not turn the history around.
    let at = live.as_ref().map_or(now, |live| live.live_from.max(now));
    let arguments = Arguments::new()
        .text(&new.deployment)
        .int(event.release)
        .text(kind.as_str())
        .time(at)
        .text(&new.actor)
        .text(&new.reason);
    session.execute(sql!("deployments/insert_event"), arguments).await?;
    let model_key = model::find(session, &event.model).await?;
    let why = if new.reason.is_empty() {
        format!("{kind} of {}", new.deployment)
    } else {
        new.reason.clone()
    };
    let pointing = Pointing {
        model: &event.model,
        model_key,
        alias: &new.alias,
        to: Some(event.version),
        actor: &new.actor,
        reason: &why,
    };
    alias::point(session, pointing, now).await?;
    let deed = Deed {
        at: now,
        actor: &new.actor,
        action: match kind {
            DeploymentKind::Deploy => "deployment.deploy",
            DeploymentKind::Rollback => "deployment.rollback",
            DeploymentKind::Forward => "deployment.forward",
        },
        object: format!("deployments/{}", new.deployment),
        before: live.map(|live| format!("{} {}", live.model, live.version)),
        after: Some(format!("{} {}", event.model, event.version)),
    };
    audit::append(session, deed).await?;
    history(session, &new.deployment, 1)
        .await?
        .pop()
        .ok_or_else(|| RegistryError::not_found("deployment", &new.deployment))
}

/// The newest `limit` events, the oldest of them first.
async fn history(session: &mut Session, name: &DeploymentName, limit: usize) -> Result<Vec<Deployment>, RegistryError> {
    let arguments = Arguments::new().text(name).int(page(limit));
    let rows = session.rows(sql!("deployments/history"), arguments).await?;
    rows.iter().rev().map(deployment).collect()
}

fn check_pins(pins: &ReleasePins) -> Result<(), RegistryError> {
    let features = pins.features.as_ref().map_or("", |hash| &hash.0);
    check::length("the features' hash", features, LABEL_CHARS_MAX)?;
    let thresholds = pins.thresholds.as_deref().unwrap_or_default();
    check::length("the thresholds", thresholds, DESCRIPTION_CHARS_MAX)?;
    let schema = pins.schema_hash.as_deref().unwrap_or_default();
    check::length("the schema's hash", schema, LABEL_CHARS_MAX)
}
