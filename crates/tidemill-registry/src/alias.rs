//! Aliases: names that point to a version. Events are the truth; where an alias points is the last of them.

use serde::Serialize;
use tidemill_types::{AliasName, Micros, ModelName, VersionNumber};

use crate::audit::{self, Deed};
use crate::db::{Arguments, Row, Session, sql};
use crate::registry::page;
use crate::{Registry, RegistryError, check, model};

/// Where an alias was pointed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AliasEvent {
    /// The model.
    pub model: ModelName,
    /// The alias.
    pub alias: AliasName,
    /// Where it pointed before; nothing when it was new.
    pub from: Option<VersionNumber>,
    /// Where it points after; nothing when it was removed.
    pub to: Option<VersionNumber>,
    /// When.
    pub at: Micros,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Where an alias points now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// The alias.
    pub alias: AliasName,
    /// The version.
    pub version: VersionNumber,
    /// Since when.
    pub since: Micros,
}

impl Registry {
    /// Points an alias to a version. Where it points there already nothing is written, and the event that put it there
    /// is given.
    pub async fn set_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
        version: VersionNumber,
        actor: &str,
        reason: &str,
    ) -> Result<AliasEvent, RegistryError> {
        self.point(model, alias, Some(version), actor, reason).await
    }

    /// Removes an alias. Errors when it points nowhere.
    pub async fn remove_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
        actor: &str,
        reason: &str,
    ) -> Result<AliasEvent, RegistryError> {
        self.point(model, alias, None, actor, reason).await
    }

    /// Where the aliases of a model point now, by name.
    pub async fn aliases(&self, model: &ModelName) -> Result<Vec<Alias>, RegistryError> {
        let mut session = self.readers().session().await?;
        let model_key = model::find(&mut session, model).await?;
        let rows = session
            .rows(sql!("aliases/of_model"), Arguments::new().int(model_key))
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Alias {
                    alias: row.name("alias")?,
                    version: row.version("version")?,
                    since: row.time("at")?,
                })
            })
            .collect()
    }

    /// Where an alias pointed at `time`; nothing when it did not exist then.
    pub async fn alias_as_of(
        &self,
        model: &ModelName,
        alias: &AliasName,
        time: Micros,
    ) -> Result<Option<VersionNumber>, RegistryError> {
        let mut session = self.readers().session().await?;
        let model_key = model::find(&mut session, model).await?;
        let arguments = Arguments::new().int(model_key).text(alias).time(time);
        match session.row(sql!("aliases/as_of"), arguments).await? {
            Some(row) => row.optional_version("to_version"),
            None => Ok(None),
        }
    }

    /// The newest `limit` events of an alias, the oldest of them first.
    pub async fn alias_history(
        &self,
        model: &ModelName,
        alias: &AliasName,
        limit: usize,
    ) -> Result<Vec<AliasEvent>, RegistryError> {
        let mut session = self.readers().session().await?;
        let model_key = model::find(&mut session, model).await?;
        let arguments = Arguments::new().int(model_key).text(alias).int(page(limit));
        let rows = session.rows(sql!("aliases/history"), arguments).await?;
        rows.iter().rev().map(event).collect()
    }

    async fn point(
        &self,
        model: &ModelName,
        alias: &AliasName,
        version: Option<VersionNumber>,
        actor: &str,
        reason: &str,
    ) -> Result<AliasEvent, RegistryError> {
        check::deed(actor, reason)?;
        let (model, alias, now) = (model.clone(), alias.clone(), self.now());
        let (actor, reason) = (actor.to_owned(), reason.to_owned());
        let event = self
            .write(move |session| {
                Box::pin(async move {
                    let model_key = model::find(session, &model).await?;
                    let pointing = Pointing {
                        model: &model,
                        model_key,
                        alias: &alias,
                        to: version,
                        actor: &actor,
                        reason: &reason,
                    };
                    point(session, pointing, now).await
                })
            })
            .await?;
        self.moved();
        Ok(event)
    }
}

/// Where an alias is to point, and by whom.
pub(crate) struct Pointing<'a> {
    pub model: &'a ModelName,
    pub model_key: i64,
    pub alias: &'a AliasName,
    pub to: Option<VersionNumber>,
    pub actor: &'a str,
    pub reason: &'a str,
}

/// Points an alias within the caller's change.
pub(crate) async fn point(
    session: &mut Session,
    pointing: Pointing<'_>,
    now: Micros,
) -> Result<AliasEvent, RegistryError> {
    let Pointing {
        model,
        model_key,
        alias,
        to,
        actor,
        reason,
    } = pointing;
    let last_of_alias = Arguments::new().int(model_key).text(alias).int(1);
    let last = session.row(sql!("aliases/history"), last_of_alias).await?;
    let last = last.as_ref().map(event).transpose()?;
    let from = last.as_ref().and_then(|last| last.to);
    if let Some(version) = to {
        model::find_version(session, model, model_key, version).await?;
    }
    match &last {
        Some(last) if last.to == to && to.is_some() => return Ok(last.clone()),
        _ if from.is_none() && to.is_none() => {
            return Err(RegistryError::not_found("alias", &format!("{model}@{alias}")));
        }
        _ => (),
    }
    let event = AliasEvent {
        model: model.clone(),
        alias: alias.clone(),
        from,
        to,
        // A clock that was set back does not turn the history around: "as of" stays a question with one answer.
        at: last.map_or(now, |last| last.at.max(now)),
        actor: actor.to_owned(),
        reason: reason.to_owned(),
    };
    let arguments = Arguments::new()
        .int(model_key)
        .text(alias)
        .int(from.map(|version| i64::from(version.0)))
        .int(to.map(|version| i64::from(version.0)))
        .time(event.at)
        .text(actor)
        .text(reason);
    session.execute(sql!("aliases/insert_event"), arguments).await?;
    let deed = Deed {
        at: now,
        actor,
        action: if to.is_some() { "alias.set" } else { "alias.remove" },
        object: format!("models/{model}/aliases/{alias}"),
        before: from.map(|version| version.to_string()),
        after: to.map(|version| version.to_string()),
    };
    audit::append(session, deed).await?;
    Ok(event)
}

fn event(row: &Row) -> Result<AliasEvent, RegistryError> {
    Ok(AliasEvent {
        model: row.name("model")?,
        alias: row.name("alias")?,
        from: row.optional_version("from_version")?,
        to: row.optional_version("to_version")?,
        at: row.time("at")?,
        actor: row.text("actor")?,
        reason: row.text("reason")?,
    })
}
