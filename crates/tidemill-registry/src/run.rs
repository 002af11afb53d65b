//! Runs: started, described, ended.

use std::fmt;

use serde::Serialize;
use tidemill_types::{CodeVersion, ExperimentName, Metrics, Micros, RunId};

use crate::audit::{self, Deed};
use crate::db::{Arguments, Row, Session, sql};
use crate::limits::{PARAM_CHARS_MAX, PARAMS_PER_BATCH_MAX, REASON_CHARS_MAX, TAG_CHARS_MAX, TAGS_PER_BATCH_MAX};
use crate::{Registry, RegistryError, check, experiment};

/// A run that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Where it belongs; made when it is not there.
    pub experiment: ExperimentName,
    /// What a person calls it.
    pub name: String,
    /// What sort of work it is: `training`, `evaluation` …
    pub kind: String,
    /// Parameters, which never change.
    pub params: Vec<(String, String)>,
    /// Tags, which may.
    pub tags: Vec<(String, String)>,
    /// The seed of what is random in it, up to `i64::MAX`.
    pub seed: Option<u64>,
    /// The binary that runs it.
    pub code_version: Option<CodeVersion>,
    /// The process that answers for it: what a dead process of this owner left running is found by it.
    pub owner: String,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It was started and has not ended.
    Running,
    /// It did what it was to do.
    Finished,
    /// An error ended it.
    Failed,
    /// It was ended on purpose before it was through: a failing check, a person.
    Stopped,
    /// Its process died.
    Killed,
}

/// How a run may end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// It did what it was to do.
    Finished,
    /// An error ended it; the reason in words.
    Failed(String),
    /// It was ended on purpose; the reason in words.
    Stopped(String),
}

/// A run with its latest metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its public id.
    pub id: RunId,
    /// Where it belongs.
    pub experiment: ExperimentName,
    /// What a person calls it.
    pub name: String,
    /// What sort of work it is.
    pub kind: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it failed or was stopped.
    pub status_reason: Option<String>,
    /// The process that answers for it.
    pub owner: String,
    /// The seed of what is random in it.
    pub seed: Option<u64>,
    /// The binary that ran it.
    pub code_version: Option<CodeVersion>,
    /// When it was started.
    pub started_at: Micros,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// The latest value of each metric, by name.
    pub metrics: Metrics,
}

impl RunStatus {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Finished => "finished",
            RunStatus::Failed => "failed",
            RunStatus::Stopped => "stopped",
            RunStatus::Killed => "killed",
        }
    }

    fn parse(text: &str) -> Option<RunStatus> {
        [
            RunStatus::Running,
            RunStatus::Finished,
            RunStatus::Failed,
            RunStatus::Stopped,
            RunStatus::Killed,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl RunEnd {
    /// The status that it leads to.
    pub fn status(&self) -> RunStatus {
        match self {
            RunEnd::Finished => RunStatus::Finished,
            RunEnd::Failed(_) => RunStatus::Failed,
            RunEnd::Stopped(_) => RunStatus::Stopped,
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            RunEnd::Finished => None,
            RunEnd::Failed(reason) | RunEnd::Stopped(reason) => Some(reason),
        }
    }
}

impl Registry {
    /// Starts a run, with its parameters and tags, and gives its public id.
    pub async fn start_run(&self, run: NewRun) -> Result<RunId, RegistryError> {
        check::label("the run's name", &run.name)?;
        check::label("the run's kind", &run.kind)?;
        check::label("the run's owner", &run.owner)?;
        if let Some(version) = &run.code_version {
            check::label("the code version", &version.0)?;
        }
        let seed = run.seed.map(seed_to_store).transpose()?;
        check_params(&run.params)?;
        check_tags(&run.tags)?;
        let (id, now) = (self.ids().next_run_id(), self.now());
        self.write(move |session| {
            Box::pin(async move {
                let experiment_key = experiment::ensure(session, &run.experiment, &run.owner, now).await?;
                let arguments = Arguments::new()
                    .text(&id)
                    .int(experiment_key)
                    .text(&run.name)
                    .text(&run.kind)
                    .text(&run.owner)
                    .int(seed)
                    .optional_text(run.code_version.as_ref().map(|version| &version.0))
                    .time(now);
                session.execute(sql!("runs/insert"), arguments).await?;
                let (run_key, _) = find(session, &id).await?;
                put_params(session, &id, run_key, &run.params).await?;
                put_tags(session, run_key, run.tags).await?;
                let deed = Deed {
                    at: now,
                    actor: &run.owner,
                    action: "run.start",
                    object: format!("runs/{id}"),
                    before: None,
                    after: Some(RunStatus::Running.to_string()),
                };
                audit::append(session, deed).await?;
                Ok(id)
            })
        })
        .await
    }

    /// Adds parameters to a run. The same value again is harmless; another one is refused.
    pub async fn log_params(&self, run: &RunId, params: Vec<(String, String)>) -> Result<(), RegistryError> {
        check_params(&params)?;
        let run = run.clone();
        self.write(move |session| {
            Box::pin(async move {
                let (run_key, _) = find(session, &run).await?;
                put_params(session, &run, run_key, &params).await
            })
        })
        .await
    }

    /// Sets tags of a run, over those of the same names.
    pub async fn set_tags(&self, run: &RunId, tags: Vec<(String, String)>) -> Result<(), RegistryError> {
        check_tags(&tags)?;
        let run = run.clone();
        self.write(move |session| {
            Box::pin(async move {
                let (run_key, _) = find(session, &run).await?;
                put_tags(session, run_key, tags).await
            })
        })
        .await
    }

    /// Ends a run. The same end again is harmless; a run that ended otherwise stays as it is and is an error.
    pub async fn finish_run(&self, run: &RunId, end: RunEnd) -> Result<(), RegistryError> {
        if let Some(reason) = end.reason() {
            check::length("the reason", reason, REASON_CHARS_MAX)?;
        }
        let (run, now) = (run.clone(), self.now());
        self.write(move |session| Box::pin(async move { finish(session, &run, &end, now).await }))
            .await
    }

    /// Marks what a dead process of `owner` left running as killed, and gives those runs.
    ///
    /// To be called when the owner starts, before it starts a run itself.
    pub async fn reap_running(&self, owner: &str) -> Result<Vec<RunId>, RegistryError> {
        check::label("the run's owner", owner)?;
        let (owner, now) = (owner.to_owned(), self.now());
        self.write(move |session| {
            Box::pin(async move {
                let mut reaped = Vec::new();
                for row in session
                    .rows(sql!("runs/running_of_owner"), Arguments::new().text(&owner))
                    .await?
                {
                    let run: RunId = row.name("public_id")?;
                    let reason = "its process died";
                    end_run(
                        session,
                        row.int("run_key")?,
                        &run,
                        &owner,
                        RunStatus::Killed,
                        Some(reason),
                        now,
                    )
                    .await?;
                    reaped.push(run);
                }
                Ok(reaped)
            })
        })
        .await
    }
}

/// The key and status of a run. Errors when there is none of that id.
pub(crate) async fn find(session: &mut Session, run: &RunId) -> Result<(i64, RunStatus), RegistryError> {
    match session.row(sql!("runs/find"), Arguments::new().text(run)).await? {
        Some(row) => Ok((row.int("run_key")?, row.word("status", RunStatus::parse)?)),
        None => Err(RegistryError::not_found("run", run)),
    }
}

/// Ends a run within the caller's change.
pub(crate) async fn finish(session: &mut Session, run: &RunId, end: &RunEnd, now: Micros) -> Result<(), RegistryError> {
    let (run_key, status) = find(session, run).await?;
    if status == end.status() {
        return Ok(());
    }
    if status != RunStatus::Running {
        return Err(RegistryError::RunEnded {
            run: run.clone(),
            status,
        });
    }
    let row = session.row(sql!("runs/owner"), Arguments::new().int(run_key)).await?;
    let owner = row.map_or(Ok(String::new()), |row| row.text("owner"))?;
    end_run(session, run_key, run, &owner, end.status(), end.reason(), now).await
}

async fn end_run(
    session: &mut Session,
    run_key: i64,
    run: &RunId,
    actor: &str,
    status: RunStatus,
    reason: Option<&str>,
    now: Micros,
) -> Result<(), RegistryError> {
    let arguments = Arguments::new()
        .int(run_key)
        .text(status.as_str())
        .optional_text(reason)
        .time(now);
    session.execute(sql!("runs/end"), arguments).await?;
    let deed = Deed {
        at: now,
        actor,
        action: "run.end",
        object: format!("runs/{run}"),
        before: Some(RunStatus::Running.to_string()),
        after: Some(status.to_string()),
    };
    audit::append(session, deed).await
}

async fn put_params(
    session: &mut Session,
    run: &RunId,
    run_key: i64,
    params: &[(String, String)],
) -> Result<(), RegistryError> {
    for (name, new) in params {
        let key = Arguments::new().int(run_key).text(name);
        let inserted = session
            .execute(sql!("runs/insert_param"), key.clone().text(new))
            .await?;
        if inserted > 0 {
            continue;
        }
        let row = session.row(sql!("runs/param"), key).await?;
        let old = row.map_or(Ok(String::new()), |row| row.text("value"))?;
        if old != *new {
            return Err(RegistryError::ParamChanged {
                run: run.clone(),
                name: name.clone(),
                old,
                new: new.clone(),
            });
        }
    }
    Ok(())
}

async fn put_tags(session: &mut Session, run_key: i64, tags: Vec<(String, String)>) -> Result<(), RegistryError> {
    for (name, value) in tags {
        let arguments = Arguments::new().int(run_key).text(name).text(value);
        session.execute(sql!("runs/set_tag"), arguments).await?;
    }
    Ok(())
}

fn check_params(params: &[(String, String)]) -> Result<(), RegistryError> {
    check::count("params", params.len(), PARAMS_PER_BATCH_MAX)?;
    for (name, value) in params {
        check::key("the parameter's name", name)?;
        check::length(&format!("parameter `{name}`"), value, PARAM_CHARS_MAX)?;
    }
    Ok(())
}

fn check_tags(tags: &[(String, String)]) -> Result<(), RegistryError> {
    check::count("tags", tags.len(), TAGS_PER_BATCH_MAX)?;
    for (name, value) in tags {
        check::key("the tag's name", name)?;
        check::length(&format!("tag `{name}`"), value, TAG_CHARS_MAX)?;
    }
    Ok(())
}

/// SQL's integers are signed; a seed above that would read as another number in every query.
pub(crate) fn seed_to_store(seed: u64) -> Result<i64, RegistryError> {
    i64::try_from(seed).map_err(|_| RegistryError::invalid("the seed", format!("must be at most {}", i64::MAX)))
}

/// A row of the view `run_rows`, without its metrics.
pub(crate) fn run(row: &Row) -> Result<Run, RegistryError> {
    Ok(Run {
        id: row.name("public_id")?,
        experiment: row.name("experiment")?,
        name: row.text("name")?,
        kind: row.text("kind")?,
        status: row.word("status", RunStatus::parse)?,
        status_reason: row.optional_text("status_reason")?,
        owner: row.text("owner")?,
        seed: row.optional_int("seed")?.map(|seed| seed as u64),
        code_version: row.optional_text("code_version")?.map(CodeVersion),
        started_at: row.time("started_at")?,
        ended_at: row.optional_time("ended_at")?,
        metrics: Metrics::default(),
    })
}
