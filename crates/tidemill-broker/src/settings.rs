//! What a broker can be told, with a default for everything, and the limits it keeps.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::BrokerError;
use crate::security::BrokerSecurity;

/// When what was written is forced to the disk. An acknowledged record always survives the death of the process; this
/// decides what survives the death of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// Before each acknowledgement: a power cut loses nothing that was acknowledged.
    Always,
    /// Every [`BrokerSettings::fsync_interval_ms`]: a power cut loses at most that much.
    #[default]
    Interval,
    /// When the operating system sees fit.
    Never,
}

/// How a broker runs. Every field has a default, so that `BrokerSettings::default()` with a `dir` is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerSettings {
    /// The folder of the log, created if missing. One broker at a time.
    pub dir: PathBuf,
    /// The address to bind. One that other machines can reach needs [`BrokerSettings::security`].
    pub listen: IpAddr,
    /// The port to bind. Absent: the one of the last start in this folder, at first 9092 or the next one that is free.
    /// 0: any free port at the first start, the same one later.
    pub port: Option<u16>,
    /// What clients are told to connect to. Absent: the address by which each of them came.
    pub advertised_host: Option<String>,
    /// Whether a topic is made when a client first asks for it.
    pub auto_create_topics: bool,
    /// Partitions of a topic that is made without a number.
    pub default_partitions: i32,
    /// When writes are forced to the disk.
    pub fsync: Fsync,
    /// Milliseconds between two forced writes with [`Fsync::Interval`].
    pub fsync_interval_ms: u64,
    /// How long records are kept after they were appended, in milliseconds; absent: for ever. It counts from the append
    /// and not from the record's own time, so that a replay of last year is not deleted on arrival.
    pub retention_ms: Option<u64>,
    /// How many bytes a partition keeps; absent: any number.
    pub retention_bytes: Option<u64>,
    /// Milliseconds between two looks at what has outlived its retention.
    pub retention_check_interval_ms: u64,
    /// Bytes after which a new segment file is begun.
    pub segment_bytes: u64,
    /// Milliseconds that the first member of a new group waits for others before the group starts.
    pub group_initial_rebalance_delay_ms: u64,
    /// Groups whose committed offsets retention waits for, with their topics. A group that has committed nothing for a
    /// partition holds all of it.
    pub holding_groups: BTreeMap<String, Vec<String>>,
    /// What the broker demands of every connection.
    pub security: BrokerSecurity,
    /// Sizes and counts that bound what clients can ask for.
    pub limits: BrokerLimits,
}

/// Upper bounds of what clients can make the broker hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerLimits {
    /// Open connections; the next one is closed at once.
    pub connections_max: usize,
    /// Requests of one connection that are read ahead while the one before is worked on.
    pub requests_in_flight_max: usize,
    /// Bytes of one request, checked before anything is allocated.
    pub request_bytes_max: usize,
    /// Bytes of all requests that are held at a time; who comes on top of it waits.
    pub requests_memory_bytes: usize,
    /// Bytes of records in one fetch response, whatever the client asks for.
    pub fetch_bytes_max: usize,
    /// Bytes of records in all fetch responses that are held at a time; who comes on top of it waits.
    pub fetches_memory_bytes: usize,
    /// Bytes of one record batch, compressed as it came.
    pub batch_bytes_max: usize,
    /// Milliseconds after which a client that does not take its response is cut off.
    pub write_timeout_ms: u64,
    /// Milliseconds without a request after which a connection is closed.
    pub idle_timeout_ms: u64,
    /// Connections that are not let in yet, where TLS or SASL is demanded; the next one is closed at once.
    pub handshakes_max: usize,
    /// Milliseconds that TLS and SASL may take together.
    pub handshake_timeout_ms: u64,
    /// Bytes that a client may send within its connection until SASL has let it in.
    pub handshake_bytes_max: usize,
    /// Milliseconds that a failed try to authenticate waits for its answer, so that guessing takes time.
    pub failed_authentication_delay_ms: u64,
    /// Partitions of all topics together.
    pub partitions_max: usize,
    /// Consumer groups with members.
    pub groups_max: usize,
    /// Members of one group.
    pub group_members_max: usize,
    /// Committed offsets of all groups together.
    pub committed_offsets_max: usize,
    /// Shortest session timeout that a group member may ask for, in milliseconds.
    pub session_timeout_min_ms: i32,
    /// Longest session timeout that a group member may ask for, in milliseconds.
    pub session_timeout_max_ms: i32,
    /// Idempotent producers that a partition remembers; the one unheard of for the longest time is forgotten first.
    pub producers_per_partition_max: usize,
}

const MIB: usize = 1024 * 1024;

/// The port of Kafka's own documentation.
pub(crate) const FIRST_PORT: u16 = 9092;
/// How many ports after [`FIRST_PORT`] are tried at the first start.
pub(crate) const PORTS_TRIED_MAX: u16 = 100;

impl Default for BrokerSettings {
    fn default() -> Self {
        BrokerSettings {
            dir: PathBuf::from(".tidemill/broker"),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            advertised_host: None,
            auto_create_topics: true,
            default_partitions: 1,
            fsync: Fsync::default(),
            fsync_interval_ms: 1_000,
            retention_ms: Some(7 * 24 * 60 * 60 * 1_000),
            retention_bytes: None,
            retention_check_interval_ms: 30_000,
            segment_bytes: 256 * MIB as u64,
            group_initial_rebalance_delay_ms: 0,
            holding_groups: BTreeMap::new(),
            security: BrokerSecurity::default(),
            limits: BrokerLimits::default(),
        }
    }
}

impl Default for BrokerLimits {
    fn default() -> Self {
        BrokerLimits {
            connections_max: 1_000,
            requests_in_flight_max: 4,
            request_bytes_max: 100 * MIB,
            requests_memory_bytes: 512 * MIB,
            fetch_bytes_max: 16 * MIB,
            fetches_memory_bytes: 256 * MIB,
            batch_bytes_max: 16 * MIB,
            write_timeout_ms: 30_000,
            idle_timeout_ms: 10 * 60 * 1_000,
            handshakes_max: 100,
            handshake_timeout_ms: 10_000,
            handshake_bytes_max: 64 * 1024,
            failed_authentication_delay_ms: 100,
            partitions_max: 10_000,
            groups_max: 10_000,
            group_members_max: 1_000,
            committed_offsets_max: 1_000_000,
            session_timeout_min_ms: 100,
            session_timeout_max_ms: 30 * 60 * 1_000,
            producers_per_partition_max: 10_000,
        }
    }
}

/// Whether it can stand before a port.
fn is_host(text: &str) -> bool {
    !text.is_empty() && (!text.contains(':') || text.parse::<Ipv6Addr>().is_ok())
}

impl BrokerSettings {
    /// Refuses settings that no broker could run with.
    pub(crate) fn check(&self) -> Result<(), BrokerError> {
        let limits = &self.limits;
        if !self.listen.is_loopback() && !self.security.knows_clients() {
            return Err(BrokerError::OpenToOthers { listen: self.listen });
        }
        let faults = [
            (self.default_partitions < 1, "default_partitions must be at least 1"),
            (self.segment_bytes < 1024, "segment_bytes must be at least 1024"),
            (
                self.fsync_interval_ms == 0,
                "fsync_interval_ms must be at least 1; say fsync = \"always\" for none",
            ),
            (
                self.retention_check_interval_ms == 0,
                "retention_check_interval_ms must be at least 1",
            ),
            (
                limits.requests_in_flight_max == 0,
                "limits.requests_in_flight_max must be at least 1",
            ),
            (limits.connections_max == 0, "limits.connections_max must be at least 1"),
            (limits.handshakes_max == 0, "limits.handshakes_max must be at least 1"),
            (
                self.advertised_host.as_deref().is_some_and(|host| !is_host(host)),
                "advertised_host must be a name or an address without a port",
            ),
            (
                limits.handshake_timeout_ms <= limits.failed_authentication_delay_ms,
                "limits.handshake_timeout_ms must be above limits.failed_authentication_delay_ms",
            ),
            (
                limits.handshake_bytes_max < 1024,
                "limits.handshake_bytes_max must be at least 1024",
            ),
            (
                limits.requests_memory_bytes < limits.request_bytes_max,
                "limits.requests_memory_bytes must hold one request of limits.request_bytes_max",
            ),
            (
                limits.request_bytes_max < limits.batch_bytes_max,
                "limits.request_bytes_max must hold one batch of limits.batch_bytes_max",
            ),
            (
                limits.fetches_memory_bytes < limits.fetch_bytes_max.max(limits.batch_bytes_max),
                "limits.fetches_memory_bytes must hold one response of limits.fetch_bytes_max and one batch of limits.batch_bytes_max",
            ),
            (
                i32::MAX as usize <= limits.request_bytes_max.max(limits.fetch_bytes_max) + MIB,
                "limits.request_bytes_max and limits.fetch_bytes_max must stay below 2 GiB",
            ),
        ];
        let fault = faults.into_iter().find(|(is_fault, _)| *is_fault);
        match fault.map(|(_, what)| what).or_else(|| self.security.fault()) {
            Some(what) => Err(BrokerError::Settings { what: what.to_owned() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_types::{ErrorCode, Explain};

    use super::*;
    use crate::security::{Password, SaslMechanism, SaslSettings, TlsSettings};

    #[test]
    fn other_machines_reach_no_broker_that_does_not_know_its_clients() {
        let user = || [("ada".to_owned(), Password::new("pencil"))];
        let sasl = || Some(SaslSettings::new([SaslMechanism::ScramSha256], user()));
        let tls = |client_ca: Option<&str>| {
            Some(TlsSettings {
                certificate: "cert.pem".into(),
                key: "key.pem".into(),
                client_ca: client_ca.map(Into::into),
            })
        };
        let check = |listen: &str, security: BrokerSecurity, is_refused: bool| {
            let settings = BrokerSettings {
                listen: listen.parse().unwrap(),
                security,
                ..BrokerSettings::default()
            };
            let refused = settings.check().err();
            assert_eq!(refused.is_some(), is_refused, "{listen} {refused:?}");
            if let Some(error) = refused {
                assert_eq!(error.code(), ErrorCode::Refused);
                assert!(error.to_string().contains(listen), "{error}");
                assert!(error.hint().unwrap().contains("kafka.security"), "{error}");
            }
        };
        for listen in ["127.0.0.1", "127.8.8.8", "::1"] {
            check(listen, BrokerSecurity::default(), false);
        }
        for listen in ["0.0.0.0", "::", "192.168.1.7", "fe80::1"] {
            check(listen, BrokerSecurity::default(), true);
            check(
                listen,
                BrokerSecurity {
                    sasl: sasl(),
                    tls: None,
                },
                false,
            );
            // Encrypted, and still open to everybody.
            let encrypted = BrokerSecurity {
                sasl: None,
                tls: tls(None),
            };
            check(listen, encrypted, true);
            let by_certificate = BrokerSecurity {
                sasl: None,
                tls: tls(Some("ca.pem")),
            };
            check(listen, by_certificate, false);
            check(
                listen,
                BrokerSecurity {
                    sasl: sasl(),
                    tls: tls(None),
                },
                false,
            );
        }
    }

    #[test]
    fn defaults_are_sound_and_survive_a_round_trip() {
        let settings = BrokerSettings::default();
        settings.check().unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<BrokerSettings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<BrokerSettings>("{}").unwrap(), settings);
        assert!(serde_json::from_str::<BrokerSettings>(r#"{"fsnyc": "always"}"#).is_err());
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        for change in [
            (|s| s.default_partitions = 0) as fn(&mut BrokerSettings),
            |s| s.segment_bytes = 0,
            |s| s.fsync_interval_ms = 0,
            |s| s.limits.requests_in_flight_max = 0,
            |s| s.limits.requests_memory_bytes = 1,
            |s| s.limits.batch_bytes_max = usize::MAX / 2,
            |s| s.limits.fetches_memory_bytes = 1,
            |s| s.limits.handshakes_max = 0,
            |s| s.advertised_host = Some("events.example.org:9092".to_owned()),
            |s| s.advertised_host = Some(String::new()),
            |s| s.limits.handshake_timeout_ms = 100,
            |s| s.limits.handshake_bytes_max = 0,
            |s| s.security.sasl = Some(SaslSettings::new([], [])),
        ] {
            let mut settings = BrokerSettings::default();
            change(&mut settings);
            assert!(settings.check().is_err(), "{settings:?}");
        }
    }
}
