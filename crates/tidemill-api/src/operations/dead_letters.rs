//! Records that could not be used: where they came from, why, and their raw bytes.

use serde::{Deserialize, Serialize};
use tidemill_types::{ErrorCode, KafkaPartition, LastOffset, Micros, Problem, StreamName, TopicName};
use utoipa::{IntoParams, ToSchema};

/// Dead letters in a list when nobody says how many.
pub const DEAD_LETTERS_LISTED: u32 = 50;
/// Most dead letters in a list.
pub const DEAD_LETTERS_LISTED_MAX: u32 = 10_000;

/// Which dead letters to list, newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeadLettersRequest {
    /// Only this stream's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub stream: Option<StreamName>,
    /// At most this many; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The record of one dead letter: a stream and a position in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterId {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamName,
    /// The Kafka partition.
    #[schema(value_type = i32)]
    pub partition: KafkaPartition,
    /// The offset.
    #[schema(value_type = i64)]
    pub offset: LastOffset,
}

/// A dead letter in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterSummary {
    /// Which record it is.
    #[serde(flatten)]
    pub id: DeadLetterId,
    /// The topic it came from.
    #[schema(value_type = String)]
    pub topic: TopicName,
    /// Its Kafka timestamp.
    #[schema(value_type = String)]
    pub kafka_time: Micros,
    /// Where on the way it failed, as `decode`.
    pub stage: String,
    /// What kind of failure it was.
    pub code: String,
    /// The failure in words.
    pub error: String,
    /// Length of its value; absent for a record without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_bytes: Option<u64>,
}

/// A dead letter in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// What a list shows.
    #[serde(flatten)]
    pub summary: DeadLetterSummary,
    /// Its key, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RawBytes>,
    /// Its value, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<RawBytes>,
    /// Its headers in order.
    pub headers: Vec<RawHeader>,
}

/// Which dead letters of a stream to send again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// These, each by its position; every one that was not sent again before when empty.
    pub letters: Vec<ReplayLetter>,
    /// Send those too that were sent again before, or may have been.
    pub again: bool,
}

/// A dead letter to be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayLetter {
    /// The Kafka partition in which it stood.
    #[schema(value_type = i32)]
    pub partition: KafkaPartition,
    /// The offset at which it stood.
    #[schema(value_type = i64)]
    pub offset: LastOffset,
    /// Its repaired value; absent, it is sent as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<RawBytes>,
}

/// What was sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayReport {
    /// The stream.
    #[schema(value_type = String)]
    pub stream: StreamName,
    /// The number of the replay, as in the header `tm_replay` and in the table `dead_letter_replays`; absent where nothing
    /// was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<i64>,
    /// Records sent and acknowledged.
    pub sent: u64,
    /// Those among them with another value than the one that came.
    pub repaired: u64,
    /// Letters that an earlier replay has sent: they were left alone.
    pub sent_before: u64,
    /// Letters of an earlier replay that did not come to its end: whether they were sent is not known, and they were left
    /// alone.
    pub unsure: Vec<DeadLetterId>,
}

/// One header of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RawHeader {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: RawBytes,
}

/// Bytes as they came: as text where they are UTF-8, else as hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawBytes {
    /// They are UTF-8.
    Text(String),
    /// They are not; two digits a byte.
    Hex(String),
}

impl RawBytes {
    /// The bytes. Errors where digits are no hexadecimal.
    pub fn bytes(&self) -> Result<Vec<u8>, Problem> {
        match self {
            RawBytes::Text(text) => Ok(text.clone().into_bytes()),
            RawBytes::Hex(digits) => hex::decode(digits)
                .map_err(|error| Problem::new(ErrorCode::InvalidInput, format!("a value is no hexadecimal: {error}"))),
        }
    }
}

impl From<&[u8]> for RawBytes {
    fn from(bytes: &[u8]) -> RawBytes {
        match std::str::from_utf8(bytes) {
            Ok(text) => RawBytes::Text(text.to_owned()),
            Err(_) => RawBytes::Hex(hex::encode(bytes)),
        }
    }
}
