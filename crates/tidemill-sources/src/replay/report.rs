//! What a replay did, and how far it is.

use std::time::Duration;

use serde::Serialize;
use tidemill_types::{Micros, StreamName, TopicName};

/// How far a replay is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Records sent now.
    pub sent: u64,
    /// Records that were in the topics before.
    pub skipped: u64,
    /// Records of all streams together, where the number of rows is known.
    pub total: Option<u64>,
    /// Bytes of keys and values sent.
    pub bytes: u64,
    /// When the last record was known.
    pub known: Option<Micros>,
}

/// What one stream got.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamReport {
    /// The stream.
    pub stream: StreamName,
    /// Its topic.
    pub topic: TopicName,
    /// Rows sent now.
    pub rows: u64,
    /// Rows that were in the topic before.
    pub skipped: u64,
    /// Bytes of keys and values sent.
    pub bytes: u64,
    /// The Kafka timestamp of the first record sent.
    pub first_known: Option<Micros>,
    /// That of the last.
    pub last_known: Option<Micros>,
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// By stream, the first stream first.
    pub streams: Vec<StreamReport>,
    /// Which pass over the data it was, from 1.
    pub pass: u32,
    /// Whether it was stopped before its end. Started again it goes on.
    pub stopped: bool,
    /// How long it took, until everything was acknowledged.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

impl ReplayReport {
    /// Records sent, over all streams.
    pub fn rows(&self) -> u64 {
        self.streams.iter().map(|stream| stream.rows).sum()
    }

    /// Records that were there before.
    pub fn skipped(&self) -> u64 {
        self.streams.iter().map(|stream| stream.skipped).sum()
    }

    /// Bytes of keys and values sent.
    pub fn bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.bytes).sum()
    }

    /// When the first and the last row of the first stream happened, of those sent now.
    pub fn events(&self) -> Option<(Micros, Micros)> {
        let first = self.streams.first()?;
        Some((first.first_known?, first.last_known?))
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
