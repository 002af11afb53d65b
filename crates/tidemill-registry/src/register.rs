//! Registering a version: one change that holds the version, its artifacts, its lineage, its alias and the end of its
//! run, or nothing of them.

use serde::Serialize;
use tidemill_types::{AliasName, Lineage, Micros, ModelName, RunId, VersionNumber};

use crate::alias::{self, Pointing};
use crate::artifact::{self, ArtifactEntry};
use crate::audit::{self, Deed};
use crate::db::{Arguments, Session, sql};
use crate::limits::{ARTIFACTS_PER_VERSION_MAX, DESCRIPTION_CHARS_MAX};
use crate::{Approval, Registry, RegistryError, RunEnd, Sha256Hash, check, lineage, run};

/// A version that is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The model; made when it is not there.
    pub model: ModelName,
    /// The run that made it.
    pub run: RunId,
    /// The blob of the model itself, stored before.
    pub artifact: Sha256Hash,
    /// What the model is: the same hash again is the same version.
    pub content_hash: Sha256Hash,
    /// Artifacts beside the model, their blobs stored before: reports, plots.
    pub files: Vec<ArtifactEntry>,
    /// What it was made from. Must be the run's lineage where that was recorded before.
    pub lineage: Lineage,
    /// In words.
    pub description: String,
    /// What the gate said.
    pub gate: Option<String>,
    /// Whether it was let pass.
    pub approval: Approval,
    /// An alias that points to it from now on.
    pub alias: Option<AliasName>,
    /// Whether the run ends with this, as finished: then a process that dies leaves neither a version of a run that is
    /// still running, nor a finished run without its version.
    pub finish_run: bool,
    /// Who registers.
    pub actor: String,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// The version's number.
    pub version: VersionNumber,
    /// Whether the model had a version of this content already. It stays as it was; the run is noted beside it.
    pub existing: bool,
}

impl Registry {
    /// Registers a version in one change. The same content again gives the version that is there.
    ///
    /// Errors when the run is unknown, a blob was not stored, or the run recorded another lineage.
    pub async fn register_version(&self, version: NewVersion) -> Result<Registered, RegistryError> {
        check::deed(&version.actor, "")?;
        check::length("the description", &version.description, DESCRIPTION_CHARS_MAX)?;
        if let Some(gate) = &version.gate {
            check::length("the gate's verdict", gate, DESCRIPTION_CHARS_MAX)?;
        }
        check::count("artifacts", version.files.len(), ARTIFACTS_PER_VERSION_MAX)?;
        for file in &version.files {
            artifact::check_path(&file.path)?;
        }
        lineage::check_lineage(&version.lineage)?;
        let now = self.now();
        let moves_alias = version.alias.is_some();
        let registered = self
            .write(move |session| Box::pin(async move { register(session, &version, now).await }))
            .await?;
        if moves_alias {
            self.moved();
        }
        Ok(registered)
    }
}

async fn register(session: &mut Session, new: &NewVersion, now: Micros) -> Result<Registered, RegistryError> {
    let (run_key, _) = run::find(session, &new.run).await?;
    lineage::put(session, &new.run, run_key, &new.lineage, now).await?;
    let model_key = ensure_model(session, &new.model, &new.actor, now).await?;
    let same_content = Arguments::new().int(model_key).hash(&new.content_hash);
    let existing = session.row(sql!("models/version_of_content"), same_content).await?;
    let (registered, version_key) = match &existing {
        Some(row) => {
            let version = row.version("version")?;
            (
                Registered {
                    version,
                    existing: true,
                },
                row.int("version_key")?,
            )
        }
        None => add(session, new, model_key, run_key, now).await?,
    };
    let produced = Arguments::new().int(version_key).int(run_key).time(now);
    session.execute(sql!("models/insert_version_run"), produced).await?;
    if let Some(alias) = &new.alias {
        let reason = format!("registered by run {}", new.run);
        let pointing = Pointing {
            model: &new.model,
            model_key,
            alias,
            to: Some(registered.version),
            actor: &new.actor,
            reason: &reason,
        };
        alias::point(session, pointing, now).await?;
    }
    if new.finish_run {
        run::finish(session, &new.run, &RunEnd::Finished, now).await?;
    }
    Ok(registered)
}

async fn add(
    session: &mut Session,
    new: &NewVersion,
    model_key: i64,
    run_key: i64,
    now: Micros,
) -> Result<(Registered, i64), RegistryError> {
    artifact::require_blob(session, &new.artifact).await?;
    let arguments = Arguments::new()
        .int(model_key)
        .int(run_key)
        .hash(&new.content_hash)
        .hash(&new.artifact)
        .text(&new.description)
        .optional_text(new.gate.as_ref())
        .text(new.approval.as_str())
        .time(now);
    let row = session
        .row(sql!("models/insert_version"), arguments)
        .await?
        .ok_or_else(|| RegistryError::not_found("model", &new.model))?;
    let version = row.version("version")?;
    let root = artifact::root_of_version(&new.model, version);
    artifact::put(session, &root, &new.files, now).await?;
    let after = serde_json::json!({
        "run": new.run,
        "content_hash": new.content_hash,
        "artifact": new.artifact,
        "approval": new.approval,
    });
    let deed = Deed {
        at: now,
        actor: &new.actor,
        action: "version.register",
        object: root,
        before: None,
        after: Some(after.to_string()),
    };
    audit::append(session, deed).await?;
    let registered = Registered {
        version,
        existing: false,
    };
    Ok((registered, row.int("version_key")?))
}

async fn ensure_model(
    session: &mut Session,
    model: &ModelName,
    actor: &str,
    now: Micros,
) -> Result<i64, RegistryError> {
    let made = session
        .row(sql!("models/insert"), Arguments::new().text(model).time(now))
        .await?;
    let Some(row) = made else {
        return crate::model::find(session, model).await;
    };
    let deed = Deed {
        at: now,
        actor,
        action: "model.create",
        object: format!("models/{model}"),
        before: None,
        after: Some(model.to_string()),
    };
    audit::append(session, deed).await?;
    row.int("model_key")
}
