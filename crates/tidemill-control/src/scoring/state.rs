//! What a scored tick leaves behind, and what it tells of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidemill_serve::Spent;
use tidemill_types::{DeploymentName, KafkaPartition, Micros, ModelName, NextOffset, StreamName, VersionNumber};

/// Where scoring stands after a tick: what the next one, or the next process, goes on from. Kept with the finished tick.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoringState {
    /// The last tick that was scored; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Micros>,
    /// Where the Kafka partitions of each predictions stream ended then: no prediction of a later tick lies below.
    pub ends: BTreeMap<StreamName, BTreeMap<KafkaPartition, NextOffset>>,
}

/// A tick that was scored; its predictions have landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredTick {
    /// The tick.
    pub at: Micros,
    /// What to give to the next.
    pub state: ScoringState,
    /// What each deployment did, in the order of the project. One that serves nothing is not in it.
    pub deployments: Vec<ScoredDeployment>,
    /// What its parts took.
    pub times: ScoringTimes,
}

/// What a deployment did in a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredDeployment {
    /// The deployment.
    pub deployment: DeploymentName,
    /// The model that it serves.
    pub model: ModelName,
    /// The version that scored.
    pub version: VersionNumber,
    /// Rows of the tick.
    pub rows: u64,
    /// Predictions that were sent now.
    pub sent: u64,
    /// Predictions that were in the topic already.
    pub already: u64,
    /// Rows without a score: a feature is missing, and the model needs every value.
    pub unscored: u64,
}

/// What the parts of a tick took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScoringTimes {
    /// Features of the rows.
    pub features: Spent,
    /// Scores.
    pub scoring: Spent,
    /// Records, until the broker had them.
    pub sending: Spent,
    /// Until they were in the lake.
    pub landing: Spent,
}

impl ScoredTick {
    pub(super) fn new(at: Micros, noted: ScoringState) -> ScoredTick {
        ScoredTick {
            at,
            state: noted,
            deployments: Vec::new(),
            times: ScoringTimes::default(),
        }
    }

    /// Predictions that were sent now, over all deployments.
    pub fn sent(&self) -> u64 {
        self.deployments.iter().map(|deployment| deployment.sent).sum()
    }

    /// Predictions of the tick, sent now or before, over all deployments.
    pub fn predictions(&self) -> u64 {
        let all = self.deployments.iter();
        all.map(|deployment| deployment.sent + deployment.already).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_from_json() {
        let state = ScoringState {
            at: Some(Micros(1_522_540_800_000_000)),
            ends: [(
                StreamName::new("predictions").unwrap(),
                [(KafkaPartition(0), NextOffset(7)), (KafkaPartition(11), NextOffset(0))].into(),
            )]
            .into(),
        };
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(
            json.to_string(),
            r#"{"at":"2018-04-01T00:00:00Z","ends":{"predictions":{"0":7,"11":0}}}"#
        );
        assert_eq!(serde_json::from_value::<ScoringState>(json).unwrap(), state);
        assert_eq!(
            serde_json::from_str::<ScoringState>("{}").unwrap(),
            ScoringState::default()
        );
    }
}
