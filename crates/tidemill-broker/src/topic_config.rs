//! A topic's configuration: the keys of Kafka that mean something here, and those that are kept because tools set them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::log::partition::AppendRules;
use crate::log::retention::RetentionPolicy;
use crate::settings::BrokerSettings;

/// What was set for a topic, as text, under Kafka's keys. What was not set follows the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct TopicConfig(BTreeMap<String, String>);

/// How a key's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigKind {
    Boolean,
    String,
    Int,
    Long,
    List,
}

/// A key that topics may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConfigKey {
    pub name: &'static str,
    pub kind: ConfigKind,
    /// Smallest number, where the value is one.
    min: i64,
    /// The words that may be said, where the value is a word.
    words: &'static [&'static str],
    /// What it is where nobody sets it; `None` for what the broker's settings decide.
    fixed_default: Option<&'static str>,
}

const fn key(name: &'static str, kind: ConfigKind, fixed_default: Option<&'static str>) -> ConfigKey {
    ConfigKey {
        name,
        kind,
        min: i64::MIN,
        words: &[],
        fixed_default,
    }
}

const fn number(name: &'static str, kind: ConfigKind, min: i64, fixed_default: Option<&'static str>) -> ConfigKey {
    ConfigKey {
        name,
        kind,
        min,
        words: &[],
        fixed_default,
    }
}

const fn word(name: &'static str, words: &'static [&'static str], fixed_default: &'static str) -> ConfigKey {
    ConfigKey {
        name,
        kind: ConfigKind::String,
        min: i64::MIN,
        words,
        fixed_default: Some(fixed_default),
    }
}

/// In the order of their names. The first group is obeyed; of `cleanup.policy`, `compact` keeps everything.
pub(crate) const CONFIG_KEYS: &[ConfigKey] = &[
    key("cleanup.policy", ConfigKind::List, Some("delete")),
    word(
        "compression.type",
        &["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"],
        "producer",
    ),
    number("delete.retention.ms", ConfigKind::Long, 0, Some("86400000")),
    number("file.delete.delay.ms", ConfigKind::Long, 0, Some("60000")),
    number("flush.messages", ConfigKind::Long, 1, Some("9223372036854775807")),
    number("flush.ms", ConfigKind::Long, 0, Some("9223372036854775807")),
    number("index.interval.bytes", ConfigKind::Int, 0, Some("16384")),
    number(
        "max.compaction.lag.ms",
        ConfigKind::Long,
        1,
        Some("9223372036854775807"),
    ),
    number("max.message.bytes", ConfigKind::Int, 0, None),
    key(
        "message.timestamp.difference.max.ms",
        ConfigKind::Long,
        Some("9223372036854775807"),
    ),
    word("message.timestamp.type", &["CreateTime", "LogAppendTime"], "CreateTime"),
    key("min.cleanable.dirty.ratio", ConfigKind::String, Some("0.5")),
    number("min.compaction.lag.ms", ConfigKind::Long, 0, Some("0")),
    number("min.insync.replicas", ConfigKind::Int, 1, Some("1")),
    key("preallocate", ConfigKind::Boolean, Some("false")),
    number("retention.bytes", ConfigKind::Long, -1, None),
    number("retention.ms", ConfigKind::Long, -1, None),
    number("segment.bytes", ConfigKind::Int, 1024, None),
    number("segment.ms", ConfigKind::Long, 1, Some("604800000")),
    key("unclean.leader.election.enable", ConfigKind::Boolean, Some("false")),
];

impl TopicConfig {
    /// Sets a key, or says in words why it cannot be.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let Some(key) = CONFIG_KEYS.iter().find(|key| key.name == name) else {
            return Err(format!("unknown topic config name: {name}"));
        };
        let is_valid = match key.kind {
            ConfigKind::Boolean => matches!(value, "true" | "false"),
            ConfigKind::Int => value.parse::<i32>().is_ok_and(|number| key.min <= i64::from(number)),
            ConfigKind::Long => value.parse::<i64>().is_ok_and(|number| key.min <= number),
            ConfigKind::List => value.split(',').all(|word| matches!(word.trim(), "delete" | "compact")),
            ConfigKind::String => key.words.is_empty() || key.words.contains(&value),
        };
        if !is_valid {
            return Err(format!("invalid value {value} for configuration {name}"));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Goes back to the default of a key.
    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// What was set for the topic itself.
    pub(crate) fn own(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn own_number(&self, name: &str) -> Option<i64> {
        self.own(name).and_then(|value| value.parse().ok())
    }

    /// The value that holds where the topic says nothing.
    pub(crate) fn default_of(key: &ConfigKey, settings: &BrokerSettings) -> String {
        let or_never = |limit: Option<u64>| limit.map_or("-1".to_owned(), |limit| limit.to_string());
        match key.fixed_default {
            Some(value) => value.to_owned(),
            None => match key.name {
                "max.message.bytes" => settings.limits.batch_bytes_max.to_string(),
                "retention.bytes" => or_never(settings.retention_bytes),
                "retention.ms" => or_never(settings.retention_ms),
                _ => settings.segment_bytes.to_string(),
            },
        }
    }

    /// Largest batch, in bytes; a topic can ask for less than the broker allows, not for more.
    pub(crate) fn batch_bytes_max(&self, settings: &BrokerSettings) -> usize {
        let own = self
            .own_number("max.message.bytes")
            .and_then(|bytes| usize::try_from(bytes).ok());
        own.unwrap_or(usize::MAX).min(settings.limits.batch_bytes_max)
    }

    /// What an append follows.
    pub(crate) fn append_rules(&self, settings: &BrokerSettings) -> AppendRules {
        let own_segment = self
            .own_number("segment.bytes")
            .and_then(|bytes| u64::try_from(bytes).ok());
        AppendRules {
            segment_bytes: own_segment.unwrap_or(settings.segment_bytes),
            stamps_append_time: self.own("message.timestamp.type") == Some("LogAppendTime"),
        }
    }

    /// How long records are kept. A compacted topic keeps everything: compaction may only ever remove what is outdated, and
    /// removing nothing is a compaction too.
    pub(crate) fn retention(&self, settings: &BrokerSettings) -> RetentionPolicy {
        let deletes = self
            .own("cleanup.policy")
            .is_none_or(|policy| policy.contains("delete"));
        if !deletes {
            return RetentionPolicy::default();
        }
        // A negative number is Kafka's word for no limit.
        let limit = |own: Option<i64>, default: Option<u64>| own.map_or(default, |own| u64::try_from(own).ok());
        RetentionPolicy {
            ms: limit(self.own_number("retention.ms"), settings.retention_ms),
            bytes: limit(self.own_number("retention.bytes"), settings.retention_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_their_kind() {
        for (name, value, is_valid) in [
            ("retention.ms", "-1", true),
            ("retention.ms", "-2", false),
            ("retention.ms", "week", false),
            ("cleanup.policy", "compact,delete", true),
            ("cleanup.policy", "shred", false),
            ("message.timestamp.type", "LogAppendTime", true),
            ("message.timestamp.type", "logappendtime", false),
            ("preallocate", "yes", false),
            ("segment.bytes", "100", false),
            ("no.such.key", "1", false),
        ] {
            assert_eq!(
                TopicConfig::default().set(name, value).is_ok(),
                is_valid,
                "{name}={value}"
            );
        }
    }

    #[test]
    fn the_topic_goes_before_the_broker() {
        let settings = BrokerSettings::default();
        let mut config = TopicConfig::default();
        assert_eq!(config.retention(&settings).ms, settings.retention_ms);
        config.set("retention.ms", "5").unwrap();
        assert_eq!(
            config.retention(&settings),
            RetentionPolicy {
                ms: Some(5),
                bytes: None
            }
        );
        config.set("retention.ms", "-1").unwrap();
        assert_eq!(config.retention(&settings).ms, None);
        config.unset("retention.ms");
        config.set("cleanup.policy", "compact").unwrap();
        assert_eq!(config.retention(&settings), RetentionPolicy::default());
        config.set("max.message.bytes", "2000000000").unwrap();
        assert_eq!(config.batch_bytes_max(&settings), settings.limits.batch_bytes_max);
        config.set("max.message.bytes", "10").unwrap();
        assert_eq!(config.batch_bytes_max(&settings), 10);
        for key in CONFIG_KEYS {
            let default = TopicConfig::default_of(key, &settings);
            assert_eq!(TopicConfig::default().set(key.name, &default), Ok(()), "{}", key.name);
        }
        assert!(CONFIG_KEYS.is_sorted_by_key(|key| key.name));
    }
}
