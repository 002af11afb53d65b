//! `[kafka.schema_registry]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::DurationText;

use super::forms::DurationForm;
use crate::secret::{Place, Secret};

/// The registry whose schemas the records of `confluent-avro` streams name, by Confluent's API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct SchemaRegistrySettings {
    /// Its address, as `https://registry:8081`, or with a path, as `http://host:8080/apis/ccompat/v7`.
    pub url: Option<Place>,
    /// The user, where it asks for one (HTTP Basic).
    pub user: Option<String>,
    /// The password of that user. Never shown.
    #[schemars(with = "Option<String>")]
    pub password: Option<Secret>,
    /// How long one question may take. A registry that does not answer makes the stream wait; nothing is lost.
    #[schemars(with = "DurationForm")]
    pub request_timeout: DurationText,
    /// How many schemas are kept in memory; the one that was fetched first makes room.
    #[schemars(range(min = 1))]
    pub schemas_max: u32,
    /// How long an id that the registry does not know is taken as unknown before it is asked again.
    #[schemars(with = "DurationForm")]
    pub unknown_for: DurationText,
}

impl Default for SchemaRegistrySettings {
    fn default() -> SchemaRegistrySettings {
        SchemaRegistrySettings {
            url: None,
            user: None,
            password: None,
            request_timeout: DurationText::from_secs(10),
            schemas_max: 1_000,
            unknown_for: DurationText::from_secs(30),
        }
    }
}
