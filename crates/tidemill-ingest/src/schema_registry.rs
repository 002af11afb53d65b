//! The schema registry, by Confluent's API: the text of a writer's schema by its id, asked for once and kept.
//!
//! Invariants: what is kept is bounded; an id is unknown only where a schema registry says so, so that a wrong address or a
//! proxy in between stops the stream and turns nothing into dead letters; credentials are in no message.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde::Deserialize;
use tidemill_project::{Place, SchemaRegistrySettings, Secret};
use tidemill_types::{ErrorCode, Explain};

use crate::decode::WriterText;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// The registry's own code for a schema that is not there; a status of 404 alone may come from anybody.
const SCHEMA_NOT_FOUND: u32 = 40_403;

/// A registry and what it has said. Cheap to clone; clones share what is kept.
#[derive(Clone)]
pub struct SchemaRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    client: reqwest::Client,
    url: Place,
    user: Option<String>,
    password: Option<Secret>,
    schemas_max: usize,
    unknown_for: Duration,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    texts: HashMap<u32, Known>,
    /// In the order in which they were fetched.
    order: VecDeque<u32>,
}

struct Known {
    text: WriterText,
    since: Instant,
}

/// Why the registry did not say what a schema is.
#[derive(Debug, thiserror::Error)]
pub enum SchemaRegistryError {
    /// The settings are no address, or no client can be made of them.
    #[error("`{url}` is no address of a schema registry")]
    Settings {
        /// The address, without a password.
        url: Place,
        /// What is wrong with it.
        #[source]
        source: reqwest::Error,
    },
    /// It does not answer.
    #[error("the schema registry at {url} does not answer")]
    Unreachable {
        /// The address, without a password.
        url: Place,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// It answers that it cannot for now.
    #[error("the schema registry at {url} cannot answer now: status {status}")]
    Busy {
        /// The address, without a password.
        url: Place,
        /// The HTTP status.
        status: u16,
    },
    /// It does not let us in.
    #[error("the schema registry at {url} refuses us: status {status}")]
    Refused {
        /// The address, without a password.
        url: Place,
        /// The HTTP status.
        status: u16,
    },
    /// What answers is no schema registry.
    #[error("{url} does not answer as a schema registry does: {reason}")]
    Strange {
        /// The address, without a password.
        url: Place,
        /// What it answered.
        reason: String,
    },
}

impl SchemaRegistryError {
    /// Whether a later try may succeed with the same settings.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            SchemaRegistryError::Unreachable { .. } | SchemaRegistryError::Busy { .. }
        )
    }
}

impl Explain for SchemaRegistryError {
    fn code(&self) -> ErrorCode {
        match self {
            SchemaRegistryError::Settings { .. } | SchemaRegistryError::Strange { .. } => ErrorCode::InvalidInput,
            SchemaRegistryError::Unreachable { .. } | SchemaRegistryError::Busy { .. } => ErrorCode::Unavailable,
            SchemaRegistryError::Refused { .. } => ErrorCode::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            SchemaRegistryError::Settings { .. } => "set kafka.schema_registry.url to its address",
            SchemaRegistryError::Unreachable { .. } | SchemaRegistryError::Busy { .. } => {
                "the stream goes on by itself when it answers; kafka.schema_registry.url says where it is"
            }
            SchemaRegistryError::Refused { .. } => "set kafka.schema_registry.user and kafka.schema_registry.password",
            SchemaRegistryError::Strange { .. } => {
                "kafka.schema_registry.url is the address before `/schemas/ids/…`, its path included"
            }
        };
        Some(hint.to_owned())
    }
}

/// `GET /schemas/ids/{id}`.
#[derive(Deserialize)]
struct Answer {
    schema: String,
    #[serde(rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
}

impl SchemaRegistry {
    /// The registry of these settings; none where they name none. Nothing is asked yet.
    pub fn new(settings: &SchemaRegistrySettings) -> Result<Option<SchemaRegistry>, SchemaRegistryError> {
        let Some(url) = settings.url.clone() else {
            return Ok(None);
        };
        let client = reqwest::Client::builder().timeout(settings.request_timeout.duration());
        let client = client.build().map_err(|source| SchemaRegistryError::Settings {
            url: url.clone(),
            source: source.without_url(),
        })?;
        let inner = Inner {
            client,
            url,
            user: settings.user.clone(),
            password: settings.password.clone(),
            schemas_max: settings.schemas_max.max(1) as usize,
            unknown_for: settings.unknown_for.duration(),
            kept: Mutex::default(),
        };
        Ok(Some(SchemaRegistry { inner: Arc::new(inner) }))
    }

    /// How many schemas are kept.
    pub(crate) fn schemas_max(&self) -> usize {
        self.inner.schemas_max
    }

    /// What the schema `id` is. Asks only for what it has not said before, or has said long ago that it does not know.
    pub(crate) async fn schema(&self, id: u32) -> Result<WriterText, SchemaRegistryError> {
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let text = self.inner.fetch(id).await?;
        self.inner.kept().keep(id, text.clone(), self.inner.schemas_max);
        Ok(text)
    }

    fn known(&self, id: u32) -> Option<WriterText> {
        let kept = self.inner.kept();
        let known = kept.texts.get(&id)?;
        let stale = known.text == WriterText::Unknown && known.since.elapsed() >= self.inner.unknown_for;
        (!stale).then(|| known.text.clone())
    }
}

impl Kept {
    fn keep(&mut self, id: u32, text: WriterText, schemas_max: usize) {
        let since = Instant::now();
        if self.texts.insert(id, Known { text, since }).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > schemas_max {
            if let Some(oldest) = self.order.pop_front() {
                self.texts.remove(&oldest);
            }
        }
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, id: u32) -> Result<WriterText, SchemaRegistryError> {
        let base = self.url.expose().trim_end_matches('/');
        let mut request = self.client.get(format!("{base}/schemas/ids/{id}"));
        if let Some(user) = &self.user {
            request = request.basic_auth(user, self.password.as_ref().map(Secret::expose));
        }
        let request = request.header(
            "accept",
            "application/vnd.schemaregistry.v1+json, application/json;q=0.9, */*;q=0.1",
        );
        let response = request.send().await.map_err(|source| self.failed(source))?;
        let status = response.status();
        let body = self.body(response).await?;
        let strange = |reason: String| SchemaRegistryError::Strange {
            url: self.url.clone(),
            reason,
        };
        if status.is_success() {
            let answer: Answer = serde_json::from_slice(&body)
                .map_err(|error| strange(format!("the answer for schema {id} is none: {error}")))?;
            return Ok(answer.text());
        }
        let (url, code) = (self.url.clone(), status.as_u16());
        match status {
            StatusCode::NOT_FOUND => match serde_json::from_slice::<Refusal>(&body) {
                Ok(refusal) if refusal.error_code == SCHEMA_NOT_FOUND => Ok(WriterText::Unknown),
                _ => Err(strange("status 404 without the registry's own code 40403".to_owned())),
            },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(SchemaRegistryError::Refused { url, status: code }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(SchemaRegistryError::Busy { url, status: code })
            }
            status if status.is_server_error() => Err(SchemaRegistryError::Busy { url, status: code }),
            status => Err(strange(format!("status {status}"))),
        }
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, SchemaRegistryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| self.failed(source))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(SchemaRegistryError::Strange {
                    url: self.url.clone(),
                    reason: format!("more than {ANSWER_BYTES_MAX} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// An error of the client, which would print the address with its password.
    fn failed(&self, source: reqwest::Error) -> SchemaRegistryError {
        let (url, builder) = (self.url.clone(), source.is_builder());
        let source = source.without_url();
        if builder {
            SchemaRegistryError::Settings { url, source }
        } else {
            SchemaRegistryError::Unreachable { url, source }
        }
    }
}

impl Answer {
    fn text(self) -> WriterText {
        match self.kind.as_deref() {
            None | Some("AVRO") if self.references.is_empty() => WriterText::Avro(self.schema.into()),
            None | Some("AVRO") => WriterText::Unusable("refers to other schemas".to_owned()),
            Some(other) => WriterText::Unusable(format!("is of type {other}, not AVRO")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> WriterText {
        serde_json::from_str::<Answer>(text).unwrap().text()
    }

    #[test]
    fn only_whole_avro_schemas_are_read() {
        assert_eq!(answer(r#"{"schema":"\"int\""}"#), WriterText::Avro("\"int\"".into()));
        assert_eq!(
            answer(r#"{"schema":"\"int\"","schemaType":"AVRO","id":3}"#),
            WriterText::Avro("\"int\"".into())
        );
        assert_eq!(
            answer(r#"{"schema":"syntax","schemaType":"PROTOBUF"}"#),
            WriterText::Unusable("is of type PROTOBUF, not AVRO".to_owned())
        );
        assert_eq!(
            answer(r#"{"schema":"{}","references":[{"name":"a"}]}"#),
            WriterText::Unusable("refers to other schemas".to_owned())
        );
    }

    #[test]
    fn the_one_fetched_first_makes_room() {
        let mut kept = Kept::default();
        for id in 0..5 {
            kept.keep(id, WriterText::Unknown, 3);
        }
        let mut ids: Vec<u32> = kept.texts.keys().copied().collect();
        ids.sort_unstable();
        assert_eq!(ids, [2, 3, 4]);
        kept.keep(3, WriterText::Avro("x".into()), 3);
        assert_eq!((kept.texts.len(), kept.order.len()), (3, 3));
    }
}
