//! What a commit says about itself: Delta's `commitInfo`, with our part under one key.

use serde_json::{Map, Value};
use tidemill_types::Micros;
use uuid::Uuid;

/// The key in `commitInfo` below which everything of ours stands.
pub(crate) const OWN_KEY: &str = "tidemill";
/// The key in our part that holds the commit's id.
pub(crate) const COMMIT_ID_KEY: &str = "commit_id";

/// One commit of a table, as its log tells.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitRecord {
    /// The Delta version.
    pub version: i64,
    /// When, by the writer's clock.
    pub timestamp: Option<Micros>,
    /// Delta's name for what was done: `WRITE`, `CREATE TABLE`, `OPTIMIZE`, …
    pub operation: Option<String>,
    /// Who wrote: `tidemill/0.1.0`, `Apache-Spark/…`, …
    pub engine: Option<String>,
    /// What tidemill wrote beside the rows; absent for commits of others.
    pub info: Option<Map<String, Value>>,
}

impl CommitRecord {
    /// Reads a `commitInfo` action. What is missing or of another shape is left out: others write there too.
    pub(crate) fn read(version: i64, mut commit_info: Map<String, Value>) -> CommitRecord {
        let mut text = |key: &str| match commit_info.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let operation = text("operation");
        let engine = text("engineInfo");
        let info = match commit_info.remove(OWN_KEY) {
            Some(Value::Object(own)) => Some(own),
            _ => None,
        };
        let timestamp = commit_info
            .get("timestamp")
            .and_then(Value::as_i64)
            .map(Micros::from_millis);
        CommitRecord {
            version,
            timestamp,
            operation,
            engine,
            info,
        }
    }

    /// The id by which its writer knows it again, if tidemill wrote it.
    pub fn commit_id(&self) -> Option<Uuid> {
        self.info.as_ref()?.get(COMMIT_ID_KEY)?.as_str()?.parse().ok()
    }
}

/// The `commitInfo` action of a commit of ours.
pub(crate) fn commit_info(now: Micros, operation: &str, commit_id: Uuid, mut own: Map<String, Value>) -> Value {
    own.insert(COMMIT_ID_KEY.to_owned(), Value::String(commit_id.to_string()));
    serde_json::json!({ "commitInfo": {
        "timestamp": now.as_millis(),
        "operation": operation,
        "operationParameters": { "mode": "Append" },
        "isBlindAppend": operation == "WRITE",
        "engineInfo": concat!("tidemill/", env!("CARGO_PKG_VERSION")),
        OWN_KEY: own,
    }})
}
