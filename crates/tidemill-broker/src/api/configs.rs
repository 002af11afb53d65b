//! DescribeConfigs and IncrementalAlterConfigs, for topics; of the broker's own settings some can be looked at.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use super::text;
use crate::node::{NODE_ID, Node, blocking};
use crate::topic_config::{CONFIG_KEYS, ConfigKey, ConfigKind, TopicConfig};
use crate::topics::TopicFault;

/// Set for the topic.
pub(super) const SOURCE_TOPIC: i8 = 1;
/// The broker's settings, or a default.
pub(super) const SOURCE_BROKER: i8 = 5;
const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;

/// Answers how topics and the broker are configured.
pub(super) fn describe_configs(node: &Node, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let include_synonyms = request.include_synonyms;
    let describe = |resource: DescribeConfigsResource| {
        let result = DescribeConfigsResult::default().with_resource_type(resource.resource_type);
        match describe_resource(node, &resource, include_synonyms) {
            Ok(configs) => result.with_configs(configs),
            Err(TopicFault(error, reason)) => result
                .with_error_code(error.code())
                .with_error_message(Some(text(reason))),
        }
        .with_resource_name(resource.resource_name)
    };
    DescribeConfigsResponse::default().with_results(request.resources.into_iter().map(describe).collect())
}

fn describe_resource(
    node: &Node,
    resource: &DescribeConfigsResource,
    include_synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, TopicFault> {
    let wants = |name: &str| {
        let keys = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
        keys.is_none_or(|keys| keys.iter().any(|key| **key == *name))
    };
    match resource.resource_type {
        RESOURCE_TOPIC => {
            let topic = node.topics.by_name(&resource.resource_name).ok_or_else(unknown_topic)?;
            let config = topic.config.read();
            let wanted = CONFIG_KEYS.iter().filter(|key| wants(key.name));
            Ok(wanted
                .map(|key| describe_key(node, key, &config, include_synonyms))
                .collect())
        }
        RESOURCE_BROKER if matches!(resource.resource_name.parse(), Ok(NODE_ID)) => Ok(describe_broker(node)
            .into_iter()
            .filter(|config| wants(&config.name))
            .collect()),
        RESOURCE_BROKER => Err(TopicFault(
            ResponseError::InvalidRequest,
            format!("the only broker is {NODE_ID}"),
        )),
        _ => Err(TopicFault(
            ResponseError::InvalidRequest,
            "only topics and the broker have a configuration".to_owned(),
        )),
    }
}

fn unknown_topic() -> TopicFault {
    TopicFault(
        ResponseError::UnknownTopicOrPartition,
        "the broker has no such topic".to_owned(),
    )
}

fn describe_key(
    node: &Node,
    key: &ConfigKey,
    config: &TopicConfig,
    include_synonyms: bool,
) -> DescribeConfigsResourceResult {
    let default = TopicConfig::default_of(key, &node.settings);
    let own = config.own(key.name);
    let synonym = |value: &str, source| {
        DescribeConfigsSynonym::default()
            .with_name(text(key.name))
            .with_value(Some(text(value)))
            .with_source(source)
    };
    let mut synonyms = Vec::new();
    if include_synonyms {
        synonyms.extend(own.map(|own| synonym(own, SOURCE_TOPIC)));
        synonyms.push(synonym(&default, SOURCE_BROKER));
    }
    DescribeConfigsResourceResult::default()
        .with_name(text(key.name))
        .with_value(Some(text(own.unwrap_or(&default))))
        .with_config_source(if own.is_some() { SOURCE_TOPIC } else { SOURCE_BROKER })
        .with_synonyms(synonyms)
        .with_config_type(kind_number(key.kind))
}

/// The numbers of the protocol.
fn kind_number(kind: ConfigKind) -> i8 {
    match kind {
        ConfigKind::Boolean => 1,
        ConfigKind::String => 2,
        ConfigKind::Int => 3,
        ConfigKind::Long => 5,
        ConfigKind::List => 7,
    }
}

/// What tools look for in a broker.
fn describe_broker(node: &Node) -> Vec<DescribeConfigsResourceResult> {
    let settings = &node.settings;
    let entries = [
        (
            "auto.create.topics.enable",
            settings.auto_create_topics.to_string(),
            ConfigKind::Boolean,
        ),
        ("broker.id", NODE_ID.to_string(), ConfigKind::Int),
        ("default.replication.factor", "1".to_owned(), ConfigKind::Int),
        ("delete.topic.enable", "true".to_owned(), ConfigKind::Boolean),
        (
            "fetch.max.bytes",
            settings.limits.fetch_bytes_max.to_string(),
            ConfigKind::Int,
        ),
        ("log.cleanup.policy", "delete".to_owned(), ConfigKind::List),
        ("log.dirs", settings.dir.display().to_string(), ConfigKind::String),
        (
            "message.max.bytes",
            settings.limits.batch_bytes_max.to_string(),
            ConfigKind::Int,
        ),
        (
            "num.partitions",
            settings.default_partitions.to_string(),
            ConfigKind::Int,
        ),
        (
            "socket.request.max.bytes",
            settings.limits.request_bytes_max.to_string(),
            ConfigKind::Int,
        ),
    ];
    let describe = |(name, value, kind): (&str, String, ConfigKind)| {
        DescribeConfigsResourceResult::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
            .with_read_only(true)
            .with_config_source(SOURCE_BROKER)
            .with_config_type(kind_number(kind))
    };
    entries.into_iter().map(describe).collect()
}

/// Sets and unsets keys of topics.
pub(super) async fn alter_configs(
    node: &Arc<Node>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let altering = Arc::clone(node);
    let responses = blocking(move || {
        let answer = |resource: AlterConfigsResource| {
            let altered = alter_topic(&altering, &resource, request.validate_only);
            let response = AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name);
            match altered {
                Ok(()) => response,
                Err(TopicFault(error, reason)) => response
                    .with_error_code(error.code())
                    .with_error_message(Some(text(reason))),
            }
        };
        Ok(request.resources.into_iter().map(answer).collect())
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.await.unwrap_or_default())
}

fn alter_topic(node: &Node, resource: &AlterConfigsResource, dry_run: bool) -> Result<(), TopicFault> {
    if resource.resource_type != RESOURCE_TOPIC {
        return Err(TopicFault(
            ResponseError::InvalidRequest,
            "only topics can be configured here; the broker's settings are in its own file".to_owned(),
        ));
    }
    let topic = node.topics.by_name(&resource.resource_name).ok_or_else(unknown_topic)?;
    let mut config = topic.config.read().clone();
    for change in &resource.configs {
        alter_key(&mut config, change).map_err(|reason| TopicFault(ResponseError::InvalidConfig, reason))?;
    }
    if dry_run {
        Ok(())
    } else {
        node.topics.reconfigure(&topic, config)
    }
}

fn alter_key(config: &mut TopicConfig, change: &AlterableConfig) -> Result<(), String> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    match (change.config_operation, &change.value) {
        (SET, Some(value)) => config.set(&change.name, value),
        (SET, None) => Err(format!("no value for {}", change.name)),
        (DELETE, _) => {
            config.unset(&change.name);
            Ok(())
        }
        _ => Err(format!("{} can be set and deleted, not appended to", change.name)),
    }
}
