//! How to reach a cluster, and the librdkafka configuration that each kind of client makes of it.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;

/// How to reach a cluster and who we are to it.
///
/// `properties` hold librdkafka's own names (`security.protocol`, `sasl.username`, …). They win over what this crate
/// sets for speed, and lose against what it sets for correctness: a consumer here never resets or commits offsets by
/// itself and a producer is always idempotent.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// `host:port`, several of them separated by commas.
    pub bootstrap: String,
    /// The name under which the cluster knows the client; also its consumer group where the properties name none.
    pub client_id: String,
    /// librdkafka properties by their names.
    pub properties: BTreeMap<String, String>,
}

/// Parts of property names whose values are never printed.
const SECRET_MARKS: [&str; 8] = [
    "password",
    "secret",
    "token",
    "pem",
    "jaas",
    "credential",
    "oauthbearer.config",
    "ssl.key",
];
/// What is printed in place of a secret.
const HIDDEN: &str = "(hidden)";

/// How long the first reconnect waits, and the last: a local broker that restarts is found again at once.
const RECONNECT_BACKOFF: (&str, &str) = ("50", "2000");

impl ClientSettings {
    /// Settings without properties.
    pub fn new(bootstrap: impl Into<String>, client_id: impl Into<String>) -> ClientSettings {
        ClientSettings {
            bootstrap: bootstrap.into(),
            client_id: client_id.into(),
            properties: BTreeMap::new(),
        }
    }

    /// Whether the value of the property called `name` must not be printed.
    pub fn is_secret(name: &str) -> bool {
        SECRET_MARKS.iter().any(|mark| name.contains(mark))
    }

    /// The consumer group: the property `group.id`, else the client's id.
    pub(crate) fn group(&self) -> &str {
        self.properties.get("group.id").unwrap_or(&self.client_id)
    }

    /// `fast` set first, then the user's properties, then `fixed`, which nothing overrides.
    pub(crate) fn config(&self, fast: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("reconnect.backoff.ms", RECONNECT_BACKOFF.0);
        config.set("reconnect.backoff.max.ms", RECONNECT_BACKOFF.1);
        for (name, value) in fast {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        for (name, value) in fixed {
            config.set(*name, *value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", &self.client_id);
        config
    }

    /// The same without the properties that only a consumer or only a producer understands, for clients of the other
    /// kind: librdkafka warns about each of them.
    pub(crate) fn without_role_properties(&self, role: Role) -> ClientSettings {
        let foreign = match role {
            Role::Consumer => PRODUCER_PREFIXES,
            Role::Producer => CONSUMER_PREFIXES,
        };
        let mut settings = self.clone();
        settings
            .properties
            .retain(|name, _| !foreign.iter().any(|prefix| name.starts_with(prefix)));
        settings
    }
}

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Consumer,
    Producer,
}

const PRODUCER_PREFIXES: &[&str] = &[
    "acks",
    "batch.",
    "compression.",
    "delivery.timeout",
    "linger.",
    "message.timeout",
    "partitioner",
    "queue.buffering",
    "request.required.acks",
    "sticky.partitioning",
    "transaction",
];
const CONSUMER_PREFIXES: &[&str] = &[
    "auto.offset",
    "check.crcs",
    "fetch.",
    "group.",
    "isolation.",
    "max.partition.fetch",
    "max.poll",
    "queued.",
    "session.timeout",
];

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.properties.iter().map(|(name, value)| {
            let value = if Self::is_secret(name) { HIDDEN } else { value.as_str() };
            (name.as_str(), value)
        });
        f.debug_struct("ClientSettings")
            .field("bootstrap", &self.bootstrap)
            .field("client_id", &self.client_id)
            .field("properties", &shown.collect::<BTreeMap<_, _>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> ClientSettings {
        let mut settings = ClientSettings::new("localhost:1", "tidemill");
        for (name, value) in properties {
            settings.properties.insert((*name).into(), (*value).into());
        }
        settings
    }

    #[test]
    fn secrets_are_never_printed() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
        ] {
            let printed = format!("{:?}", settings(&[(name, "hunter2"), ("sasl.username", "ada")]));
            assert!(!printed.contains("hunter2"), "{printed}");
            assert!(printed.contains(name) && printed.contains("ada"), "{printed}");
        }
    }

    #[test]
    fn properties_win_over_speed_and_lose_against_correctness() {
        let config = settings(&[("linger.ms", "9"), ("enable.idempotence", "false")]).config(
            &[("linger.ms", "5"), ("acks", "all")],
            &[("enable.idempotence", "true")],
        );
        let get = |name| config.get(name);
        assert_eq!(get("linger.ms"), Some("9"));
        assert_eq!(get("acks"), Some("all"));
        assert_eq!(get("enable.idempotence"), Some("true"));
        assert_eq!(get("bootstrap.servers"), Some("localhost:1"));
    }

    #[test]
    fn each_client_sees_its_own_kind_of_properties() {
        let both = settings(&[("linger.ms", "9"), ("fetch.min.bytes", "1"), ("sasl.username", "ada")]);
        let names = |role| {
            both.without_role_properties(role)
                .properties
                .into_keys()
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Role::Consumer), ["fetch.min.bytes", "sasl.username"]);
        assert_eq!(names(Role::Producer), ["linger.ms", "sasl.username"]);
    }
}
