//! Registered models and their versions, as they are read and approved.

use std::fmt;

use serde::Serialize;
use tidemill_types::{AliasName, Lineage, Micros, ModelName, RunId, VersionNumber};

use crate::artifact::{self, ArtifactEntry};
use crate::audit::{self, Deed};
use crate::db::{Arguments, Row, Session, sql};
use crate::limits::PAGE_ROWS_MAX;
use crate::registry::page;
use crate::{Registry, RegistryError, Sha256Hash, check, lineage};

/// A registered model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Its name.
    pub name: ModelName,
    /// What it is for.
    pub description: String,
    /// When its first version was registered.
    pub created_at: Micros,
    /// How many versions it has.
    pub versions: u64,
    /// The newest of them.
    pub newest: Option<VersionNumber>,
}

/// Whether a person or a gate let a version pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody decided.
    #[default]
    Pending,
    /// It may go live.
    Approved,
    /// It may not.
    Rejected,
}

/// A version of a model. Immutable but for its approval and the aliases that point to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelVersion {
    /// The model.
    pub model: ModelName,
    /// Counts from 1.
    pub version: VersionNumber,
    /// The run that made it first.
    pub run: Option<RunId>,
    /// The hash of what the model is, not of when or by whom it was made.
    pub content_hash: Sha256Hash,
    /// The blob of the model itself.
    pub artifact: Sha256Hash,
    /// In words.
    pub description: String,
    /// What the gate said of it.
    pub gate: Option<String>,
    /// Whether it was let pass.
    pub approval: Approval,
    /// When it was registered.
    pub created_at: Micros,
    /// The aliases that point to it now.
    pub aliases: Vec<AliasName>,
}

/// A version with everything that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionDetails {
    /// The version.
    #[serde(flatten)]
    pub version: ModelVersion,
    /// What it was made from.
    pub lineage: Option<Lineage>,
    /// Its artifacts beside the model itself.
    pub artifacts: Vec<ArtifactEntry>,
    /// Every run that made these bytes, the first one first.
    pub runs: Vec<RunId>,
}

/// A version, by its number or by an alias.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionRef {
    /// That very version.
    Number(VersionNumber),
    /// The one that the alias points to now.
    Alias(AliasName),
}

impl Approval {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Approval::Pending => "pending",
            Approval::Approved => "approved",
            Approval::Rejected => "rejected",
        }
    }

    fn parse(text: &str) -> Option<Approval> {
        [Approval::Pending, Approval::Approved, Approval::Rejected]
            .into_iter()
            .find(|approval| approval.as_str() == text)
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for VersionRef {
    type Err = tidemill_types::InvalidName;

    /// `3` and `v3` are numbers; everything else is an alias.
    fn from_str(text: &str) -> Result<VersionRef, Self::Err> {
        match text.parse() {
            Ok(number) => Ok(VersionRef::Number(number)),
            Err(_) => AliasName::new(text).map(VersionRef::Alias),
        }
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VersionRef::Number(number) => number.fmt(f),
            VersionRef::Alias(alias) => alias.fmt(f),
        }
    }
}

impl Registry {
    /// All registered models by name.
    pub async fn models(&self) -> Result<Vec<Model>, RegistryError> {
        let rows = self
            .readers()
            .rows(sql!("models/list"), Arguments::new().int(page(PAGE_ROWS_MAX)))
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Model {
                    name: row.name("name")?,
                    description: row.text("description")?,
                    created_at: row.time("created_at")?,
                    versions: row.count("version_count")?,
                    newest: row.optional_version("newest")?,
                })
            })
            .collect()
    }

    /// All versions of a model, the newest first. Errors when there is no such model.
    pub async fn versions(&self, model: &ModelName) -> Result<Vec<ModelVersion>, RegistryError> {
        let mut session = self.readers().session().await?;
        let model_key = find(&mut session, model).await?;
        let arguments = Arguments::new().int(model_key).int(page(PAGE_ROWS_MAX));
        let rows = session.rows(sql!("models/versions"), arguments).await?;
        let aliases = session
            .rows(sql!("aliases/of_model"), Arguments::new().int(model_key))
            .await?;
        rows.iter().map(|row| version(row, &aliases)).collect()
    }

    /// One version of a model with its lineage and artifacts. Errors when there is no such model, version or alias.
    pub async fn version(&self, model: &ModelName, wanted: &VersionRef) -> Result<VersionDetails, RegistryError> {
        let mut session = self.readers().session().await?;
        let model_key = find(&mut session, model).await?;
        let aliases = session
            .rows(sql!("aliases/of_model"), Arguments::new().int(model_key))
            .await?;
        let number = match wanted {
            VersionRef::Number(number) => *number,
            VersionRef::Alias(alias) => pointed_to(&aliases, alias)?
                .ok_or_else(|| RegistryError::not_found("alias", &format!("{model}@{alias}")))?,
        };
        let row = find_version(&mut session, model, model_key, number).await?;
        let version = version(&row, &aliases)?;
        let version_key = row.int("version_key")?;
        let runs = session
            .rows(sql!("models/runs_of_version"), Arguments::new().int(version_key))
            .await?;
        let lineage = match runs.first() {
            Some(first) => lineage::of_run(&mut session, first.int("run_key")?).await?,
            None => None,
        };
        Ok(VersionDetails {
            lineage,
            artifacts: artifact::of_root(&mut session, &artifact::root_of_version(model, number)).await?,
            runs: runs.iter().map(|row| row.name("public_id")).collect::<Result<_, _>>()?,
            version,
        })
    }

    /// Lets a version pass, or not.
    pub async fn set_approval(
        &self,
        model: &ModelName,
        number: VersionNumber,
        approval: Approval,
        actor: &str,
        reason: &str,
    ) -> Result<(), RegistryError> {
        check::deed(actor, reason)?;
        let (model, actor, reason, now) = (model.clone(), actor.to_owned(), reason.to_owned(), self.now());
        self.write(move |session| {
            Box::pin(async move {
                let model_key = find(session, &model).await?;
                let row = find_version(session, &model, model_key, number).await?;
                let before = approval_of(&row)?;
                if before == approval {
                    return Ok(());
                }
                let arguments = Arguments::new().int(row.int("version_key")?).text(approval.as_str());
                session.execute(sql!("models/set_approval"), arguments).await?;
                let why = if reason.is_empty() {
                    String::new()
                } else {
                    format!(": {reason}")
                };
                let deed = Deed {
                    at: now,
                    actor: &actor,
                    action: "version.approval",
                    object: artifact::root_of_version(&model, number),
                    before: Some(before.to_string()),
                    after: Some(format!("{approval}{why}")),
                };
                audit::append(session, deed).await
            })
        })
        .await
    }
}

/// The key of a model. Errors when there is none of that name.
pub(crate) async fn find(session: &mut Session, model: &ModelName) -> Result<i64, RegistryError> {
    match session.row(sql!("models/key"), Arguments::new().text(model)).await? {
        Some(row) => row.int("model_key"),
        None => Err(RegistryError::not_found("model", model)),
    }
}

/// The row of `version_rows` of a version. Errors when there is none of that number.
pub(crate) async fn find_version(
    session: &mut Session,
    model: &ModelName,
    model_key: i64,
    number: VersionNumber,
) -> Result<Row, RegistryError> {
    let arguments = Arguments::new().int(model_key).int(i64::from(number.0));
    session
        .row(sql!("models/version"), arguments)
        .await?
        .ok_or_else(|| RegistryError::not_found("version", &format!("{model} {number}")))
}

/// The approval in a row of `version_rows`.
pub(crate) fn approval_of(row: &Row) -> Result<Approval, RegistryError> {
    row.word("approval", Approval::parse)
}

fn pointed_to(aliases: &[Row], alias: &AliasName) -> Result<Option<VersionNumber>, RegistryError> {
    for row in aliases {
        if row.text("alias")? == alias.as_str() {
            return row.version("version").map(Some);
        }
    }
    Ok(None)
}

fn version(row: &Row, aliases: &[Row]) -> Result<ModelVersion, RegistryError> {
    let number = row.version("version")?;
    let mut pointing = Vec::new();
    for alias in aliases {
        if alias.version("version")? == number {
            pointing.push(alias.name("alias")?);
        }
    }
    Ok(ModelVersion {
        model: row.name("model")?,
        version: number,
        run: row.optional_text("run")?.map(|_| row.name("run")).transpose()?,
        content_hash: row.hash("content_hash")?,
        artifact: row.hash("artifact_hash")?,
        description: row.text("description")?,
        gate: row.optional_text("gate")?,
        approval: approval_of(row)?,
        created_at: row.time("created_at")?,
        aliases: pointing,
    })
}
