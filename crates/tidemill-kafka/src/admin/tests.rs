use std::collections::BTreeMap;

use tidemill_broker::{Broker, BrokerSecurity, BrokerSettings, Password, SaslMechanism, SaslSettings};

use super::*;
use crate::testing::{FIRST_TIME, MockBroker, topic};

const P0: KafkaPartition = KafkaPartition(0);
const P1: KafkaPartition = KafkaPartition(1);

#[tokio::test]
async fn topics_and_their_ends_are_known() {
    let broker = MockBroker::with_topics(&[("a", 2)]);
    broker.fill(&topic("a"), 1, 0..7).await;
    let admin = Admin::connect(&broker.settings).unwrap();
    assert!(admin.cluster_id().await.unwrap().is_some());
    assert_eq!(admin.partitions(&topic("a")).await.unwrap(), [P0, P1]);
    let ends = |start, end| Watermarks {
        log_start: NextOffset(start),
        high_watermark: NextOffset(end),
    };
    assert_eq!(admin.watermarks(&topic("a"), P0).await.unwrap(), ends(0, 0));
    assert_eq!(admin.watermarks(&topic("a"), P1).await.unwrap(), ends(0, 7));
    let existed = admin.ensure_topic(&topic("a"), 9, &BTreeMap::new()).await;
    assert_eq!(existed, Ok(TopicCreation::Existed));
}

#[tokio::test]
async fn single_records_are_read() {
    let broker = MockBroker::with_topics(&[("a", 2)]);
    broker.fill(&topic("a"), 1, 0..7).await;
    let admin = Admin::connect(&broker.settings).unwrap();
    let record = admin.read_at(&topic("a"), P1, LastOffset(3)).await.unwrap().unwrap();
    assert_eq!(
        (record.offset, record.kafka_time),
        (LastOffset(3), FIRST_TIME.plus(3_000))
    );
    assert_eq!(record.header("n"), Some("3".as_bytes()));
    let last = admin.last_record(&topic("a"), P1).await.unwrap().unwrap();
    assert_eq!(last.value.as_deref(), Some("v6".as_bytes()));
    // The reader is used again, for partitions with and without records.
    assert_eq!(admin.last_record(&topic("a"), P0).await, Ok(None));
    assert_eq!(admin.read_at(&topic("a"), P1, LastOffset(7)).await, Ok(None));
    assert_eq!(admin.read_at(&topic("a"), P1, LastOffset(-1)).await, Ok(None));
    let first = admin.first_records(&topic("a"), P1, 3).await.unwrap();
    assert_eq!(
        first.iter().map(|record| record.offset.0).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(admin.first_records(&topic("a"), P1, 99).await.unwrap().len(), 7);
    assert_eq!(admin.first_records(&topic("a"), P0, 99).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_group_remembers_what_was_committed() {
    let broker = MockBroker::with_topics(&[("a", 2)]);
    broker.fill(&topic("a"), 1, 0..7).await;
    let admin = Admin::connect(&broker.settings).unwrap();
    let asked = [(topic("a"), P1), (topic("a"), P0)];
    assert_eq!(admin.committed("g", &asked).await.unwrap(), [None, None]);
    for next in [3, 5] {
        admin
            .commit_group("g", &[(topic("a"), P1, NextOffset(next))])
            .await
            .unwrap();
        assert_eq!(
            admin.committed("g", &asked).await.unwrap(),
            [Some(NextOffset(next)), None]
        );
    }
    assert_eq!(admin.committed("other", &asked).await.unwrap(), [None, None]);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let broker = MockBroker::with_topics(&[("a", 1)]);
    let admin = Admin::connect(&broker.settings).unwrap();
    let unknown = admin.watermarks(&topic("a"), KafkaPartition(5)).await;
    assert_eq!(
        unknown,
        Err(KafkaError::UnknownPartition {
            topic: topic("a"),
            partition: KafkaPartition(5),
        })
    );
}

#[tokio::test]
async fn settings_that_librdkafka_does_not_know_are_refused() {
    let mut settings = ClientSettings::new("localhost:1", "t");
    settings.properties.insert("no.such.property".into(), "1".into());
    let refused = Admin::connect(&settings).unwrap_err();
    assert!(refused.to_string().contains("no.such.property"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_so_and_not_that_nobody_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let users = [("ada".to_owned(), Password::new("pencil"))];
    let broker = Broker::start(BrokerSettings {
        dir: dir.path().to_owned(),
        port: Some(0),
        security: BrokerSecurity {
            sasl: Some(SaslSettings::new([SaslMechanism::ScramSha512], users)),
            tls: None,
        },
        ..BrokerSettings::default()
    });
    let broker = broker.await.unwrap();
    let mut settings = ClientSettings::new(broker.bootstrap(), "t");
    for (name, value) in [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "ada"),
        ("sasl.password", "pencil"),
    ] {
        settings.properties.insert(name.to_owned(), value.to_owned());
    }
    let admin = Admin::connect(&settings).unwrap();
    assert_eq!(admin.cluster_id().await.unwrap().as_deref(), Some(broker.cluster_id()));
    settings
        .properties
        .insert("sasl.password".to_owned(), "rubber".to_owned());
    let error = Admin::connect(&settings).unwrap().probe().await.unwrap_err();
    assert!(matches!(error, KafkaError::AuthFailed { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("rubber"), "{error:?}");
    broker.shutdown().await.unwrap();
}
