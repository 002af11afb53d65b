//! The producer: idempotent, with a bounded number of records in flight, explicit timestamps and errors that surface.
//!
//! Invariants: a record that could not be delivered is never forgotten: the first such error is returned by every later
//! call. Memory is bounded by [`ProducerLimits`]: a full queue makes the sender wait.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::Message as _;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tidemill_types::{KafkaPartition, Micros, TopicName};
use tokio::sync::Notify;

use crate::client::Listener;
use crate::error::{code_of, fault};
use crate::settings::Role;
use crate::{ClientSettings, KafkaError};

/// How often a sender that waits for room looks again by itself, were a wake-up lost.
const ROOM_RECHECK: Duration = Duration::from_millis(20);
/// A sender that waits is woken when this share of what was in flight is gone, so that it sends many at a time.
const WAKE_AT: (u64, u64) = (3, 4);

/// How record batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// LZ4: little CPU.
    Lz4,
    /// Zstandard: small.
    Zstd,
}

/// What bounds a producer's memory and latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerLimits {
    /// Records that were sent and not yet acknowledged.
    pub records_in_flight: u32,
    /// Kibibytes of them.
    pub kib_in_flight: u32,
    /// How long a record waits for others of its batch.
    pub linger: Duration,
    /// How long a record may take until it is acknowledged; then it is given up.
    pub delivery_timeout: Duration,
    /// Whether a record that is given up ends the producer, so that none after it lands in the topic.
    pub gapless: bool,
    /// How batches are compressed.
    pub compression: Compression,
}

impl Default for ProducerLimits {
    fn default() -> Self {
        ProducerLimits {
            records_in_flight: 200_000,
            kib_in_flight: 64 << 10,
            linger: Duration::from_millis(10),
            delivery_timeout: Duration::from_mins(2),
            gapless: false,
            compression: Compression::None,
        }
    }
}

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub struct ProducerRecord<'a> {
    /// Where to.
    pub topic: &'a TopicName,
    /// Which partition; absent, the key decides as in the Java client.
    pub partition: Option<KafkaPartition>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; absent in a tombstone.
    pub value: Option<&'a [u8]>,
    /// Names and values, in order.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// When it was known. Kafka counts in milliseconds from the epoch and takes 0 for the present, so this is at least
    /// 1 ms; the rest is rounded down.
    pub timestamp: Micros,
}

/// What was acknowledged since the producer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// Sends records. Cheap to clone; clones share queue and errors.
#[derive(Clone)]
pub struct Producer {
    client: ThreadedProducer<Deliveries>,
    bootstrap: Arc<str>,
}

/// What came of the records, written by the client's thread.
#[derive(Default)]
struct Deliveries {
    listener: Listener,
    sent: AtomicU64,
    delivered: AtomicU64,
    delivered_bytes: AtomicU64,
    given_up: AtomicU64,
    /// Looked at for every record; the error itself is behind the lock.
    failed: AtomicBool,
    first_failure: Mutex<Option<KafkaError>>,
    /// A sender waits until no more than this is in flight; 0 while none waits.
    wake_below: AtomicU64,
    room: Notify,
    room_for_threads: Condvar,
    room_lock: Mutex<()>,
}

impl Producer {
    /// A producer. It connects by itself; errors here are of the settings.
    pub fn new(settings: &ClientSettings, limits: &ProducerLimits) -> Result<Producer, KafkaError> {
        let settings = settings.without_role_properties(Role::Producer);
        let records = limits.records_in_flight.max(1).to_string();
        let kib = limits.kib_in_flight.max(1).to_string();
        let linger = limits.linger.as_millis().to_string();
        let timeout = limits.delivery_timeout.as_millis().max(1).to_string();
        let fast = [
            ("linger.ms", linger.as_str()),
            ("batch.num.messages", "50000"),
            ("batch.size", "1000000"),
            ("partitioner", "murmur2_random"),
            (
                "compression.type",
                match limits.compression {
                    Compression::None => "none",
                    Compression::Lz4 => "lz4",
                    Compression::Zstd => "zstd",
                },
            ),
        ];
        let fixed = [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            (
                "enable.gapless.guarantee",
                if limits.gapless { "true" } else { "false" },
            ),
            ("queue.buffering.max.messages", records.as_str()),
            ("queue.buffering.max.kbytes", kib.as_str()),
            ("delivery.timeout.ms", timeout.as_str()),
        ];
        let config = settings.config(&fast, &fixed);
        let client = config
            .create_with_context(Deliveries::default())
            .map_err(|error| KafkaError::sort(&settings.bootstrap, "start a producer", Duration::ZERO, &error))?;
        Ok(Producer {
            client,
            bootstrap: settings.bootstrap.as_str().into(),
        })
    }

    /// Puts a record into the queue; waits while the queue is full. Errors when this record cannot be sent, or when one
    /// before it was given up.
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<(), KafkaError> {
        while self.offer(&record)? == Offer::Full {
            let room = self.deliveries().room.notified();
            self.deliveries().ask_to_be_woken();
            // Either way the queue is looked at again.
            let _ = tokio::time::timeout(ROOM_RECHECK, room).await;
        }
        Ok(())
    }

    /// The same for a thread that may block, without a runtime.
    pub fn send_blocking(&self, record: ProducerRecord<'_>) -> Result<(), KafkaError> {
        while self.offer(&record)? == Offer::Full {
            let deliveries = self.deliveries();
            let lock = deliveries.room_lock.lock().unwrap_or_else(PoisonError::into_inner);
            deliveries.ask_to_be_woken();
            // Either way the queue is looked at again.
            drop(deliveries.room_for_threads.wait_timeout(lock, ROOM_RECHECK));
        }
        Ok(())
    }

    /// Waits until every record is acknowledged, and tells how many were since the producer was made. Errors when one
    /// was given up, or when the limit is reached first.
    pub async fn flush(&self, limit: Duration) -> Result<Delivered, KafkaError> {
        let producer = self.clone();
        let flushed = tokio::task::spawn_blocking(move || producer.flush_blocking(limit)).await;
        // The pool gives up work only while the runtime shuts down.
        flushed.unwrap_or(Err(KafkaError::Stopped))
    }

    /// The same for a thread that may block.
    pub fn flush_blocking(&self, limit: Duration) -> Result<Delivered, KafkaError> {
        let flushed = self.client.flush(limit);
        self.deliveries().check()?;
        flushed.map_err(|error| KafkaError::sort(&self.bootstrap, "flush the producer", limit, &error))?;
        Ok(self.delivered())
    }

    /// What has been acknowledged so far.
    pub fn delivered(&self) -> Delivered {
        let deliveries = self.deliveries();
        Delivered {
            records: deliveries.delivered.load(Ordering::Acquire),
            bytes: deliveries.delivered_bytes.load(Ordering::Acquire),
        }
    }

    fn offer(&self, record: &ProducerRecord<'_>) -> Result<Offer, KafkaError> {
        self.deliveries().check()?;
        let timestamp = record.timestamp.as_millis();
        if timestamp < 1 {
            return Err(KafkaError::InvalidTimestamp {
                topic: record.topic.clone(),
                time: record.timestamp,
            });
        }
        let offered = self.client.send(BaseRecord {
            topic: record.topic.as_str(),
            partition: record.partition.map(|partition| partition.0),
            payload: record.value,
            key: record.key,
            timestamp: Some(timestamp),
            headers: headers_of(record.headers),
            delivery_opaque: (),
        });
        match offered {
            Ok(()) => {
                self.deliveries().sent.fetch_add(1, Ordering::Relaxed);
                Ok(Offer::Taken)
            }
            Err((error, _)) if code_of(&error) == Some(RDKafkaErrorCode::QueueFull) => Ok(Offer::Full),
            Err((error, _)) => {
                let action = format!("send a record to topic `{}`", record.topic);
                Err(KafkaError::sort(&self.bootstrap, action, Duration::ZERO, &error))
            }
        }
    }

    fn deliveries(&self) -> &Deliveries {
        self.client.context()
    }
}

/// What the client's queue did with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    Taken,
    Full,
}

fn headers_of(headers: &[(&str, &[u8])]) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let mut made = OwnedHeaders::new_with_capacity(headers.len());
    for (key, value) in headers {
        made = made.insert(Header {
            key,
            value: Some(*value),
        });
    }
    Some(made)
}

impl Deliveries {
    fn check(&self) -> Result<(), KafkaError> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone().map_or(Ok(()), Err)
    }

    fn fail(&self, error: KafkaError) {
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    fn in_flight(&self) -> u64 {
        let done = self.delivered.load(Ordering::Relaxed) + self.given_up.load(Ordering::Relaxed);
        self.sent.load(Ordering::Relaxed).saturating_sub(done)
    }

    fn ask_to_be_woken(&self) {
        let below = (self.in_flight() * WAKE_AT.0 / WAKE_AT.1).max(1);
        self.wake_below.store(below, Ordering::Release);
    }

    fn wake_if_room(&self) {
        let below = self.wake_below.load(Ordering::Acquire);
        if below > 0 && self.in_flight() <= below {
            self.wake_below.store(0, Ordering::Release);
            self.room.notify_waiters();
            self.room_for_threads.notify_all();
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.listener.log(level, facility, text);
    }

    fn error(&self, error: ClientError, reason: &str) {
        // A fatal error names what ended the producer; everything else is told record by record.
        if code_of(&error) == Some(RDKafkaErrorCode::Fatal) {
            self.fail(KafkaError::Fatal {
                action: format!("deliver records ({reason})"),
                source: fault(&error),
            });
        }
        self.listener.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                let bytes = message.payload_len() + message.key_len();
                self.delivered_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                self.delivered.fetch_add(1, Ordering::Release);
            }
            Err((error, message)) => {
                self.fail(KafkaError::Delivery {
                    topic: message.topic().to_owned(),
                    partition: message.partition(),
                    source: fault(error),
                });
                self.given_up.fetch_add(1, Ordering::Release);
            }
        }
        self.wake_if_room();
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("bootstrap", &self.bootstrap)
            .field("delivered", &self.delivered())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod mock_cluster;
#[cfg(test)]
mod tests;
