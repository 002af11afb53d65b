//! librdkafka's mock cluster with several brokers, and seeded histories of what befalls it, for the tests of the clients.
//!
//! What the mock does not do: it ignores the isolation level, forgets unread messages beyond 5 MiB a partition, answers
//! Metadata with errors per topic only, gives one record batch per partition and fetch, and looks at the sequences of
//! transactional producers only: a batch that comes again stands there again, and one that overtook another before it.
//! librdkafka leaves both to the broker where a partition changes hands with a batch under way.

use std::any::Any;
use std::ops::Range;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tidemill_types::{KafkaPartition, TopicName};

use crate::testing::{FIRST_TIME, topic};
use crate::{ClientSettings, Producer, ProducerLimits, ProducerRecord};

/// How long a test waits for what must come. The machine may be busy with others' work.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Histories that are played at a time: they mostly wait.
const LANES: u64 = 6;
/// Bytes of a value, so that a client which fetches one kibibyte ahead holds a few records only.
const VALUE_BYTES: usize = 200;

/// A cluster with one topic, every partition of which is led by the broker that the test chooses.
pub(crate) struct FaultyCluster {
    pub mock: MockCluster<'static, DefaultProducerContext>,
    pub settings: ClientSettings,
    pub topic: TopicName,
    /// Records in each partition.
    pub ends: Vec<i64>,
    /// Sends what [`FaultyCluster::fill`] appends. It knows the leaders of now: another takes its place after each fault that
    /// moves one.
    filler: Option<Producer>,
}

impl FaultyCluster {
    /// Brokers are numbered from 1; partition `p` is led by broker `p % brokers + 1` at first.
    pub(crate) fn new(brokers: i32, partitions: i32) -> FaultyCluster {
        let mock = MockCluster::new(brokers).unwrap();
        let topic = topic("events");
        mock.create_topic(topic.as_str(), partitions, brokers).unwrap();
        for partition in 0..partitions {
            let leader = Some(partition % brokers + 1);
            mock.partition_leader(topic.as_str(), partition, leader).unwrap();
        }
        let mut settings = ClientSettings::new(mock.bootstrap_servers(), "tidemill-test");
        // The clients' own pauses are for clusters that take their time. Batches are small, because the mock gives one
        // of them per fetch, and go one by one, because it does not look at their sequence.
        for (name, value) in [
            ("batch.num.messages", "5"),
            ("max.in.flight", "1"),
            ("fetch.error.backoff.ms", "10"),
            ("reconnect.backoff.ms", "10"),
            ("reconnect.backoff.max.ms", "50"),
            ("retry.backoff.ms", "10"),
            ("retry.backoff.max.ms", "50"),
            ("topic.metadata.refresh.fast.interval.ms", "10"),
        ] {
            settings.properties.insert(name.to_owned(), value.to_owned());
        }
        FaultyCluster {
            mock,
            settings,
            topic,
            ends: vec![0; partitions as usize],
            filler: None,
        }
    }

    /// Speaks versions in which an answer does not name the new leader: the mock crashes where it names one and there is
    /// none.
    pub(crate) fn speak_old(&self) {
        for (request, version) in [(RDKafkaApiKey::Fetch, 11), (RDKafkaApiKey::Produce, 9)] {
            self.mock.apiversion(request, Some(0), Some(version)).unwrap();
        }
    }

    pub(crate) fn lead(&mut self, partition: i32, broker: Option<i32>) {
        self.mock
            .partition_leader(self.topic.as_str(), partition, broker)
            .unwrap();
        self.filler = None;
    }

    /// A broker that was away comes back, or all (-1).
    pub(crate) fn bring_back(&mut self, broker: i32) {
        self.mock.broker_up(broker).unwrap();
        self.filler = None;
    }

    /// Appends `records` records to a partition, as one batch or a few.
    pub(crate) async fn fill(&mut self, partition: i32, records: i64) {
        let make = || Producer::new(&self.settings, &ProducerLimits::default()).unwrap();
        let filler = self.filler.get_or_insert_with(make);
        for _ in 0..records {
            let value = value_of(partition, self.ends[partition as usize]);
            filler.send(record(&self.topic, partition, &value)).await.unwrap();
            self.ends[partition as usize] += 1;
        }
        filler.flush(PATIENCE).await.unwrap();
    }
}

/// The value that stands at an offset.
pub(crate) fn value_of(partition: i32, offset: i64) -> Vec<u8> {
    let mut value = format!("{partition}/{offset}/").into_bytes();
    value.resize(VALUE_BYTES, b'.');
    value
}

/// The offset that a value was made for.
pub(crate) fn number_of(value: &[u8]) -> i64 {
    let text = str::from_utf8(value).unwrap();
    text.split('/').nth(1).unwrap().parse().unwrap()
}

pub(crate) fn record<'a>(topic: &'a TopicName, partition: i32, value: &'a [u8]) -> ProducerRecord<'a> {
    ProducerRecord {
        topic,
        partition: Some(KafkaPartition(partition)),
        key: None,
        value: Some(value),
        headers: &[],
        timestamp: FIRST_TIME,
    }
}

/// Plays a history for each seed, each on a thread and a runtime of its own. A failure names its seed.
pub(crate) fn for_each_seed(seeds: Range<u64>, history: impl AsyncFn(ChaCha8Rng) + Sync) {
    let seeds: Vec<u64> = seeds.collect();
    let play = |seed: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(history(ChaCha8Rng::seed_from_u64(seed)));
    };
    for some in seeds.chunks(LANES as usize) {
        std::thread::scope(|scope| {
            let played: Vec<_> = some
                .iter()
                .map(|seed| (*seed, scope.spawn(move || play(*seed))))
                .collect();
            for (seed, thread) in played {
                if let Err(panic) = thread.join() {
                    panic!("seed {seed}: {}", text_of(&*panic));
                }
            }
        });
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
}

/// Makes the broker close the connection in place of an answer.
pub(crate) const DISCONNECT: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT;
