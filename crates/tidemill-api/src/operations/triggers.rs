//! Triggers: when a model is trained again without anybody asking, and what came of it each time.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidemill_types::{DurationText, Micros, ModelName, RunId, TriggerKind, TriggerName, VersionNumber};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// Firings in a list when nobody says how many.
pub const FIRINGS_LISTED: u32 = 50;
/// Most firings in a list.
pub const FIRINGS_LISTED_MAX: u32 = 10_000;

/// A trigger of the project, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// Its name.
    #[schema(value_type = String)]
    pub name: TriggerName,
    /// What it looks at.
    #[schema(value_type = schema::TriggerKind)]
    pub kind: TriggerKind,
    /// The model that it trains.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its schedule with the zone, as `0 3 * * 1 Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Which clock it follows: `event` or `wall`.
    pub clock: String,
    /// Shortest time from one firing to the next.
    #[schema(value_type = String)]
    pub cooldown: DurationText,
    /// Fewest labelled rows that became known since the newest training.
    pub rows_min: u64,
    /// Most firings in a time, as `4 per 30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
    /// Its SQL file, from the project's folder.
    pub file: String,
    /// Its newest firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_firing: Option<Firing>,
    /// Until then it cools down; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub cooling_until: Option<Micros>,
    /// The next instant of its schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next_due: Option<Micros>,
}

/// Which firings to list, newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FiringsRequest {
    /// Only this trigger's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub trigger: Option<TriggerName>,
    /// Only this model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub model: Option<ModelName>,
    /// At most this many; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// How far a firing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FiringState {
    /// It is written down and nothing was begun.
    Due,
    /// The model is being trained.
    Training,
    /// It is trained; whether it takes over is being decided.
    Trained,
    /// It is over: `outcome` says how.
    Ended,
}

/// How a firing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FiringOutcome {
    /// The new version is better: it took over.
    Promoted,
    /// The version before is not worse: it stays.
    Kept,
    /// The gate refused the new version.
    Refused,
    /// A check stopped the training.
    Stopped,
    /// It broke off.
    Failed,
}

/// One time that a trigger fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Firing {
    /// The trigger.
    #[schema(value_type = String)]
    pub trigger: TriggerName,
    /// What it looked at.
    #[schema(value_type = schema::TriggerKind)]
    pub kind: TriggerKind,
    /// The model.
    #[schema(value_type = String)]
    pub model: ModelName,
    /// The instant; a trigger fires once at most at each.
    #[schema(value_type = String)]
    pub at: Micros,
    /// The first rows that caused it.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<serde_json::Map<String, serde_json::Value>>,
    /// How many more there were.
    pub evidence_more: u64,
    /// Who fired it.
    pub actor: String,
    /// Why, where somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How far it is.
    pub state: FiringState,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<FiringOutcome>,
    /// The outcome in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The run of its training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// The version that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub version: Option<VersionNumber>,
    /// The champion when it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub champion_before: Option<VersionNumber>,
    /// When it was written down, in wall time.
    #[schema(value_type = String)]
    pub recorded_at: Micros,
    /// When it ended, in wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ended_at: Option<Micros>,
}

/// Fires a trigger by hand: whatever its query, cooldown and quota say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FireRequest {
    /// Why, for the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who, for the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

impl fmt::Display for FiringState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FiringState::Due => "due",
            FiringState::Training => "training",
            FiringState::Trained => "trained",
            FiringState::Ended => "ended",
        })
    }
}

impl fmt::Display for FiringOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FiringOutcome::Promoted => "promoted",
            FiringOutcome::Kept => "kept",
            FiringOutcome::Refused => "refused",
            FiringOutcome::Stopped => "stopped",
            FiringOutcome::Failed => "failed",
        })
    }
}
