//! `[kafka]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_types::{DurationText, PipelineName};

use super::forms::{DurationForm, IdentifierForm};
use super::schema_registry::SchemaRegistrySettings;
use super::security::KafkaSecurity;
use crate::secret::Properties;

/// Where Kafka is and how to speak with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct KafkaSettings {
    /// The brokers, as `host:9092,other:9092`. Without it the broker in the process is used.
    pub bootstrap: Option<String>,
    /// Names the pipeline in the consumer group `tidemill-<pipeline>` and in the fences of the tables. Two installations that
    /// read the same topics into different lakes need different names.
    #[schemars(with = "IdentifierForm")]
    pub pipeline: PipelineName,
    /// How tidemill calls itself in the brokers' logs and quotas.
    pub client_id: String,
    /// Only for brokers that tell none: names the cluster in the fences of the tables.
    pub cluster_id: Option<String>,
    /// How often topics are looked through for new partitions.
    #[schemars(with = "DurationForm")]
    pub discovery_interval: DurationText,
    /// Encryption and authentication towards the brokers. The broker in the process demands the same of whoever connects.
    pub security: KafkaSecurity,
    /// Settings of the Kafka client by librdkafka's names, as `{ "socket.timeout.ms" = "10000" }`. Passwords and keys among them
    /// are never shown.
    pub properties: Properties,
    /// The schema registry, for streams with `format = "confluent-avro"`.
    pub schema_registry: SchemaRegistrySettings,
}

impl Default for KafkaSettings {
    fn default() -> KafkaSettings {
        KafkaSettings {
            bootstrap: None,
            pipeline: PipelineName::new("tidemill").expect("the literal obeys the rule of its type"),
            client_id: "tidemill".to_owned(),
            cluster_id: None,
            discovery_interval: DurationText::from_secs(30),
            security: KafkaSecurity::default(),
            properties: Properties::default(),
            schema_registry: SchemaRegistrySettings::default(),
        }
    }
}
