//! librdkafka, as our own processes use it, against a broker that demands something.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::certificates::Authority;
use crate::client::with_broker;
use crate::sasl::{MECHANISMS, sasl};
use crate::tls::House;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn config(bootstrap: &str, properties: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (name, value) in properties {
        config.set(*name, *value);
    }
    config
}

/// Sends a value and reads it back.
fn check_round_trip(config: &ClientConfig, topic: &str, value: &str) {
    let producer: BaseProducer = config.create().unwrap();
    producer
        .send(BaseRecord::<(), str>::to(topic).partition(0).payload(value))
        .unwrap();
    producer.flush(PATIENCE).unwrap();
    let consumer: BaseConsumer = config.clone().set("group.id", "g").create().unwrap();
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&from).unwrap();
    let record = consumer.poll(PATIENCE).expect("a record comes").unwrap();
    assert_eq!(record.payload(), Some(value.as_bytes()));
}

/// Remembers what went wrong.
#[derive(Default)]
struct Faults(Mutex<Vec<RDKafkaErrorCode>>);

impl ClientContext for Faults {
    fn error(&self, error: KafkaError, _reason: &str) {
        self.0.lock().extend(error.rdkafka_error_code());
    }
}

impl rdkafka::consumer::ConsumerContext for Faults {}

/// Waits until the client says this of the broker.
fn check_refused(config: &ClientConfig, expected: RDKafkaErrorCode) {
    let consumer: BaseConsumer<Faults> = config
        .clone()
        .set("group.id", "g")
        .create_with_context(Faults::default())
        .unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(
            consumer
                .poll(Duration::from_millis(100))
                .is_none_or(|polled| polled.is_err())
        );
        let faults = consumer.context().0.lock().clone();
        if faults.contains(&expected) {
            return;
        }
        assert!(Instant::now() < until, "{faults:?}");
    }
}

#[test]
fn every_mechanism_within_tls_and_with_certificates_of_both_sides() {
    let house = House::new();
    let clients = Authority::new(house.dir.path(), "clients");
    let ours = clients.sign("ours", &[]);
    let mut settings = house.settings(Some(&clients.certificate));
    settings.security.sasl = Some(sasl());
    with_broker(settings, |broker, _| {
        let bootstrap = broker.bootstrap();
        let path = |path: &std::path::Path| path.display().to_string();
        let (ca, certificate, key) = (
            path(&house.authority.certificate),
            path(&ours.certificate),
            path(&ours.key),
        );
        for mechanism in MECHANISMS {
            let with_password = |password| {
                [
                    ("security.protocol", "sasl_ssl"),
                    ("sasl.mechanism", mechanism),
                    ("sasl.username", "ada"),
                    ("sasl.password", password),
                    ("ssl.ca.location", &ca),
                    ("ssl.certificate.location", &certificate),
                    ("ssl.key.location", &key),
                ]
            };
            check_round_trip(&config(&bootstrap, &with_password("pencil")), mechanism, "a");
            check_refused(
                &config(&bootstrap, &with_password("rubber")),
                RDKafkaErrorCode::Authentication,
            );
            // Without a certificate of its own no password helps.
            let properties = &with_password("pencil")[..5];
            check_refused(&config(&bootstrap, properties), RDKafkaErrorCode::AllBrokersDown);
        }
    });
}

#[test]
fn a_password_alone_or_tls_alone() {
    let house = House::new();
    let mut settings = house.settings(None);
    let tls = settings.security.tls.take();
    settings.security.sasl = Some(sasl());
    with_broker(settings.clone(), |broker, _| {
        let properties = [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", "ada"),
            ("sasl.password", "pencil"),
        ];
        check_round_trip(&config(&broker.bootstrap(), &properties), "t", "a");
        check_refused(&config(&broker.bootstrap(), &[]), RDKafkaErrorCode::AllBrokersDown);
    });
    settings.security.sasl = None;
    settings.security.tls = tls;
    with_broker(settings, |broker, _| {
        let ca = house.authority.certificate.display().to_string();
        let properties = [("security.protocol", "ssl"), ("ssl.ca.location", ca.as_str())];
        check_round_trip(&config(&broker.bootstrap(), &properties), "t", "a");
        check_refused(&config(&broker.bootstrap(), &[]), RDKafkaErrorCode::AllBrokersDown);
    });
}
