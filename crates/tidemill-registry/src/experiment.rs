//! Experiments: named groups of runs.

use serde::Serialize;
use tidemill_types::{ExperimentName, Micros};

use crate::audit::{self, Deed};
use crate::db::{Arguments, Row, Session, sql};
use crate::limits::PAGE_ROWS_MAX;
use crate::registry::page;
use crate::{Registry, RegistryError, check};

/// An experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Experiment {
    /// Its name.
    pub name: ExperimentName,
    /// When it was made.
    pub created_at: Micros,
    /// How many runs it has.
    pub runs: u64,
}

impl Registry {
    /// Makes the experiment unless it is there; gives it either way.
    pub async fn create_experiment(&self, name: &ExperimentName, actor: &str) -> Result<Experiment, RegistryError> {
        check::deed(actor, "")?;
        let (wanted, actor, now) = (name.clone(), actor.to_owned(), self.now());
        self.write(move |session| Box::pin(async move { ensure(session, &wanted, &actor, now).await }))
            .await?;
        self.experiment(name).await
    }

    /// All experiments by name.
    pub async fn experiments(&self) -> Result<Vec<Experiment>, RegistryError> {
        self.readers()
            .rows(sql!("experiments/list"), Arguments::new().int(page(PAGE_ROWS_MAX)))
            .await?
            .iter()
            .map(experiment)
            .collect()
    }

    /// The experiment of that name. Errors when there is none.
    pub async fn experiment(&self, name: &ExperimentName) -> Result<Experiment, RegistryError> {
        let row = self
            .readers()
            .row(sql!("experiments/by_name"), Arguments::new().text(name))
            .await?;
        match row {
            Some(row) => experiment(&row),
            None => Err(RegistryError::not_found("experiment", name)),
        }
    }
}

/// The key of the experiment, made when it is not there.
pub(crate) async fn ensure(
    session: &mut Session,
    name: &ExperimentName,
    actor: &str,
    now: Micros,
) -> Result<i64, RegistryError> {
    let made = session
        .row(sql!("experiments/insert"), Arguments::new().text(name).time(now))
        .await?;
    if let Some(row) = made {
        let deed = Deed {
            at: now,
            actor,
            action: "experiment.create",
            object: format!("experiments/{name}"),
            before: None,
            after: Some(name.to_string()),
        };
        audit::append(session, deed).await?;
        return row.int("experiment_key");
    }
    match session
        .row(sql!("experiments/key"), Arguments::new().text(name))
        .await?
    {
        Some(row) => row.int("experiment_key"),
        None => Err(RegistryError::not_found("experiment", name)),
    }
}

fn experiment(row: &Row) -> Result<Experiment, RegistryError> {
    Ok(Experiment {
        name: row.name("name")?,
        created_at: row.time("created_at")?,
        runs: row.count("run_count")?,
    })
}
