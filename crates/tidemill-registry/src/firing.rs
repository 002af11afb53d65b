//! Firings of triggers: each is recorded with its evidence before anything is done about it, and goes on from where it
//! was after a restart.

use serde_json::Value;
use tidemill_types::{Micros, ModelName, RunId, TriggerKind, TriggerName, VersionNumber};

use crate::audit::{self, Deed};
use crate::db::{Arguments, Row, Session, sql};
use crate::limits::{DESCRIPTION_CHARS_MAX, PAGE_ROWS_MAX};
use crate::registry::page;
use crate::{Registry, RegistryError, check};

/// A trigger that is to fire.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFiring {
    /// The trigger.
    pub trigger: TriggerName,
    /// The model to train again.
    pub model: ModelName,
    /// Why.
    pub kind: TriggerKind,
    /// The tick, or the time of a schedule or of somebody's word.
    pub at: Micros,
    /// The rows that caused it.
    pub evidence: Value,
    /// The version that served when it fired.
    pub champion: Option<VersionNumber>,
    /// Who fired it.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
}

/// How far what a firing asked for is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FiringState {
    /// Nothing was done yet.
    Due,
    /// A training is under way, or was when the process died.
    Training,
    /// The training came to its end; what follows from it is not done yet.
    Trained,
    /// All is done.
    Ended,
}

/// What came of a firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiringOutcome {
    /// The challenger was better and serves.
    Promoted,
    /// The champion stays.
    Kept,
    /// The gate refused the challenger.
    Refused,
    /// A check stopped the training.
    Stopped,
    /// The training failed.
    Failed,
}

/// A step of a firing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FiringStep {
    /// A training begins. It may begin again after a process died.
    Training,
    /// It came to its end.
    Trained {
        /// The run.
        run: RunId,
        /// The version, where it made one.
        version: Option<VersionNumber>,
    },
    /// All is done.
    Ended {
        /// What came of it.
        outcome: FiringOutcome,
        /// Why, in words.
        detail: String,
    },
}

/// A firing.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// Its number.
    pub id: i64,
    /// The trigger.
    pub trigger: TriggerName,
    /// The model.
    pub model: ModelName,
    /// Why.
    pub kind: TriggerKind,
    /// The time that it fired for.
    pub at: Micros,
    /// The rows that caused it.
    pub evidence: Value,
    /// Who fired it.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// How far it is.
    pub state: FiringState,
    /// What came of it, once it has ended.
    pub outcome: Option<FiringOutcome>,
    /// Why, in words.
    pub detail: String,
    /// The run of its training.
    pub run: Option<RunId>,
    /// The version that it made.
    pub version: Option<VersionNumber>,
    /// The version that served when it fired.
    pub champion_before: Option<VersionNumber>,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// When it ended.
    pub ended_at: Option<Micros>,
}

/// What became of the wish to fire.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedFiring {
    /// The firing of that trigger for that time.
    pub firing: Firing,
    /// Whether it is new; else it had fired for that time before.
    pub is_new: bool,
}

/// Which firings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FiringFilter {
    /// Of this trigger alone.
    pub trigger: Option<TriggerName>,
    /// Of this model alone.
    pub model: Option<ModelName>,
}

impl FiringState {
    const ALL: [FiringState; 4] = [
        FiringState::Due,
        FiringState::Training,
        FiringState::Trained,
        FiringState::Ended,
    ];

    /// Whether a firing that is here may go to `next`. A training that broke off with its process begins again; everything
    /// else happens once, and what cannot be done ends wherever it is.
    pub fn leads_to(self, next: FiringState) -> bool {
        use FiringState::{Due, Ended, Trained, Training};
        matches!(
            (self, next),
            (Due, Training | Ended) | (Training, Training | Trained | Ended) | (Trained, Ended)
        )
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            FiringState::Due => "due",
            FiringState::Training => "training",
            FiringState::Trained => "trained",
            FiringState::Ended => "ended",
        }
    }
}

impl FiringOutcome {
    const ALL: [FiringOutcome; 5] = [
        FiringOutcome::Promoted,
        FiringOutcome::Kept,
        FiringOutcome::Refused,
        FiringOutcome::Stopped,
        FiringOutcome::Failed,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            FiringOutcome::Promoted => "promoted",
            FiringOutcome::Kept => "kept",
            FiringOutcome::Refused => "refused",
            FiringOutcome::Stopped => "stopped",
            FiringOutcome::Failed => "failed",
        }
    }
}

const KINDS: [TriggerKind; 5] = [
    TriggerKind::Drift,
    TriggerKind::Performance,
    TriggerKind::Data,
    TriggerKind::Schedule,
    TriggerKind::Manual,
];

impl FiringStep {
    fn state(&self) -> FiringState {
        match self {
            FiringStep::Training => FiringState::Training,
            FiringStep::Trained { .. } => FiringState::Trained,
            FiringStep::Ended { .. } => FiringState::Ended,
        }
    }
}

impl Registry {
    /// Records a firing with its evidence. A trigger that has fired for that time before is not recorded again.
    pub async fn record_firing(&self, new: NewFiring) -> Result<RecordedFiring, RegistryError> {
        check::deed(&new.actor, &new.reason)?;
        check::length("the evidence", &new.evidence.to_string(), DESCRIPTION_CHARS_MAX)?;
        let now = self.now();
        self.write(move |session| Box::pin(async move { record(session, new, now).await }))
            .await
    }

    /// Notes a step of a firing. Errors when it does not lead there from where it is, or is unknown.
    pub async fn step_firing(&self, id: i64, step: FiringStep) -> Result<Firing, RegistryError> {
        let now = self.now();
        self.write(move |session| Box::pin(async move { go_on(session, id, step, now).await }))
            .await
    }

    /// The firings that are not at their end, the oldest first.
    pub async fn open_firings(&self) -> Result<Vec<Firing>, RegistryError> {
        let limit = Arguments::new().int(page(PAGE_ROWS_MAX));
        let rows = self.readers().rows(sql!("firings/open"), limit).await?;
        rows.iter().map(firing).collect()
    }

    /// Firings, the newest first.
    pub async fn firings(&self, filter: &FiringFilter, limit: usize) -> Result<Vec<Firing>, RegistryError> {
        let arguments = Arguments::new()
            .text(filter.trigger.as_ref().map_or("", TriggerName::as_str))
            .text(filter.model.as_ref().map_or("", ModelName::as_str))
            .int(page(limit));
        let rows = self.readers().rows(sql!("firings/newest"), arguments).await?;
        rows.iter().map(firing).collect()
    }
}

async fn record(session: &mut Session, new: NewFiring, now: Micros) -> Result<RecordedFiring, RegistryError> {
    let arguments = Arguments::new()
        .text(&new.trigger)
        .text(&new.model)
        .text(new.kind.as_str())
        .time(new.at)
        .text(new.evidence.to_string())
        .text(&new.actor)
        .text(&new.reason)
        .int(new.champion.map(|version| i64::from(version.0)))
        .time(now);
    let is_new = session.execute(sql!("firings/insert"), arguments).await? > 0;
    let key = Arguments::new().text(&new.trigger).time(new.at);
    let row = session.row(sql!("firings/of_trigger_at"), key).await?;
    let row = row.ok_or_else(|| RegistryError::not_found("firing of trigger", &new.trigger))?;
    let firing = firing(&row)?;
    if is_new {
        let deed = Deed {
            at: now,
            actor: &new.actor,
            action: "trigger.fire",
            object: object(&firing),
            before: None,
            after: Some(new.evidence.to_string()),
        };
        audit::append(session, deed).await?;
    }
    Ok(RecordedFiring { firing, is_new })
}

async fn go_on(session: &mut Session, id: i64, step: FiringStep, now: Micros) -> Result<Firing, RegistryError> {
    let before = by_id(session, id).await?;
    let to = step.state();
    if !before.state.leads_to(to) {
        return Err(RegistryError::FiringMove {
            trigger: before.trigger,
            at: before.at,
            state: before.state.as_str(),
            to: to.as_str(),
        });
    }
    let (run, version, outcome, detail, ended_at) = match step {
        FiringStep::Training => (None, None, None, String::new(), None),
        FiringStep::Trained { run, version } => (Some(run), version, None, String::new(), None),
        FiringStep::Ended { outcome, detail } => (None, None, Some(outcome), detail, Some(now)),
    };
    check::length("the detail of a firing", &detail, DESCRIPTION_CHARS_MAX)?;
    let arguments = Arguments::new()
        .int(id)
        .text(to.as_str())
        .optional_text(outcome.map(FiringOutcome::as_str))
        .text(&detail)
        .optional_text(run.as_ref())
        .int(version.map(|version| i64::from(version.0)))
        .int(ended_at.map(|at: Micros| at.0));
    session.execute(sql!("firings/step"), arguments).await?;
    if let Some(outcome) = outcome {
        let deed = Deed {
            at: now,
            actor: &before.actor,
            action: "trigger.end",
            object: object(&before),
            before: Some(before.state.as_str().to_owned()),
            after: Some(format!("{}: {detail}", outcome.as_str())),
        };
        audit::append(session, deed).await?;
    }
    by_id(session, id).await
}

async fn by_id(session: &mut Session, id: i64) -> Result<Firing, RegistryError> {
    let row = session.row(sql!("firings/by_id"), Arguments::new().int(id)).await?;
    firing(&row.ok_or_else(|| RegistryError::not_found("firing", &id))?)
}

fn object(firing: &Firing) -> String {
    format!("triggers/{}/{}", firing.trigger, firing.at)
}

fn firing(row: &Row) -> Result<Firing, RegistryError> {
    let evidence = serde_json::from_str(&row.text("evidence")?).map_err(|source| RegistryError::Decode {
        statement: "firings",
        column: "evidence".into(),
        source: Box::new(source),
    })?;
    let outcome = match row.optional_text("outcome")? {
        None => None,
        Some(_) => Some(row.word("outcome", |text| {
            FiringOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text)
        })?),
    };
    let run = match row.optional_text("run_id")? {
        None => None,
        Some(_) => Some(row.name("run_id")?),
    };
    Ok(Firing {
        id: row.int("firing")?,
        trigger: row.name("trigger_name")?,
        model: row.name("model")?,
        kind: row.word("kind", |text| KINDS.into_iter().find(|kind| kind.as_str() == text))?,
        at: row.time("at")?,
        evidence,
        actor: row.text("actor")?,
        reason: row.text("reason")?,
        state: row.word("state", |text| {
            FiringState::ALL.into_iter().find(|state| state.as_str() == text)
        })?,
        outcome,
        detail: row.text("detail")?,
        run,
        version: row.optional_version("version")?,
        champion_before: row.optional_version("champion_before")?,
        recorded_at: row.time("recorded_at")?,
        ended_at: row.optional_time("ended_at")?,
    })
}
