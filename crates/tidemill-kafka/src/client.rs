//! What every client tells us on the side: log lines, statistics, and the text of an error event; and the ends of a log,
//! which consumers and admin clients ask for in the same way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tidemill_types::{KafkaPartition, NextOffset, TopicName};

use crate::error::{KafkaFault, code_of, fault_of_event};

/// Takes what librdkafka says on the side; log lines go to `tracing`.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Partitions of the last statistics that nobody has taken yet.
    partitions: Option<Vec<HeardPartition>>,
    /// The text of the last error event.
    reason: Option<String>,
    /// The last time that the broker did not let us in, or we did not believe it.
    refusal: Option<KafkaFault>,
    /// What the consumer group decided and nobody has taken yet.
    changes: Vec<Change>,
    /// Whether the client is about to be closed.
    leaving: bool,
    /// The offset at which the last end of a partition was reached.
    end_reached: Option<i64>,
}

/// What a consumer group decided about this member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It may read these from now on.
    Granted(Vec<KafkaPartition>),
    /// It must give these back; `lost` when others may be reading them already.
    Revoked {
        partitions: Vec<KafkaPartition>,
        lost: bool,
    },
}

/// The client's knowledge of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeardPartition {
    pub topic: String,
    pub partition: i32,
    /// Negative where it is not known yet.
    pub log_start: i64,
    /// The end for readers of committed records; negative where it is not known yet.
    pub end: i64,
    /// The last end that the client reached, since it began to fetch or was last paused; negative before the first.
    pub end_reached: i64,
}

impl Listener {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statistics since the last call, if any came.
    pub(crate) fn take_partitions(&self) -> Option<Vec<HeardPartition>> {
        self.heard().partitions.take()
    }

    /// What the consumer group decided since the last call, in order.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.heard().changes)
    }

    /// From now on partitions are given back as soon as they are asked for: the client is about to be closed.
    pub(crate) fn leave(&self) {
        self.heard().leaving = true;
    }

    /// What the last error event said.
    pub(crate) fn take_reason(&self) -> Option<String> {
        self.heard().reason.take()
    }

    /// Where the end of a partition was reached, of which the last poll said that it was.
    pub(crate) fn take_end_reached(&self) -> Option<i64> {
        self.heard().end_reached.take()
    }

    /// Why we were not let in, if an error event said so. The client itself only says that nobody is there.
    pub(crate) fn take_refusal(&self) -> Option<KafkaFault> {
        self.heard().refusal.take()
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(target: "librdkafka", "{facility}: {text}");
            }
            // An unreachable broker is an error of librdkafka's and none of ours: it goes on trying.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", "{facility}: {text}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", "{facility}: {text}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", "{facility}: {text}"),
        }
    }

    fn error(&self, error: ClientError, reason: &str) {
        // The end of a partition is not an error, and it comes often.
        let code = code_of(&error);
        let mut heard = self.heard();
        if code == Some(RDKafkaErrorCode::PartitionEOF) {
            heard.end_reached = end_in(reason);
            return;
        }
        if let Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL) = code {
            heard.refusal = Some(fault_of_event(code, reason));
        }
        heard.reason = Some(reason.to_owned());
    }

    fn stats(&self, statistics: Statistics) {
        let topics = statistics.topics.into_values();
        let partitions = topics.flat_map(|topic| {
            let name = topic.topic;
            // -1 is librdkafka's own place for records without a partition.
            let own = topic.partitions.into_values().filter(|p| p.partition >= 0);
            own.map(move |partition| HeardPartition {
                topic: name.clone(),
                partition: partition.partition,
                log_start: partition.lo_offset,
                end: if partition.ls_offset >= 0 {
                    partition.ls_offset
                } else {
                    partition.hi_offset
                },
                end_reached: partition.eof_offset,
            })
        });
        let partitions = partitions.collect();
        self.heard().partitions = Some(partitions);
    }
}

impl ConsumerContext for Listener {
    /// Keeps what the group decided for the thread that polls. It assigns when it knows where to start, and gives back
    /// when what was read has been looked after; the group waits meanwhile.
    fn rebalance(&self, consumer: &BaseConsumer<Listener>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let change = match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Granted(partitions_of(list)),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Change::Revoked {
                partitions: partitions_of(list),
                lost: consumer.assignment_lost(),
            },
            other => {
                tracing::error!(
                    "the consumer group could not be rebalanced: {}",
                    RDKafkaErrorCode::from(other)
                );
                return;
            }
        };
        let mut heard = self.heard();
        if !heard.leaving {
            heard.changes.push(change);
            return;
        }
        drop(heard);
        // Nobody takes changes any more, and a client is not closed before it has given everything back.
        let given_back = match change {
            Change::Granted(_) => consumer.incremental_assign(&TopicPartitionList::new()),
            Change::Revoked { .. } => consumer.incremental_unassign(list),
        };
        if let Err(error) = given_back {
            tracing::warn!("partitions were not given back to the consumer group: {error}");
        }
    }
}

/// The offset in `Fetch from broker 1 reached end of partition at offset 7 (HighwaterMark 8)`: the client tells it nowhere
/// else. It lies behind the markers of transactions, which are not handed over.
fn end_in(reason: &str) -> Option<i64> {
    let (_, behind) = reason.split_once("at offset ")?;
    behind.split(' ').next()?.parse().ok()
}

fn partitions_of(list: &TopicPartitionList) -> Vec<KafkaPartition> {
    let elements = list.elements();
    elements
        .iter()
        .map(|element| KafkaPartition(element.partition()))
        .collect()
}

/// Where the logs of `partitions` end for readers of committed records, as the brokers say that lead them by the client's
/// metadata. Partitions that no broker leads are left out; one that is not answered for makes all of them fail.
pub(crate) fn ends_now<'a>(
    consumer: &BaseConsumer<Listener>,
    partitions: impl Iterator<Item = (&'a TopicName, KafkaPartition)>,
    limit: Duration,
) -> Result<Vec<(TopicName, KafkaPartition, NextOffset)>, ClientError> {
    let partitions: Vec<_> = partitions.collect();
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in &partitions {
        asked.add_partition_offset(topic.as_str(), partition.0, Offset::End)?;
    }
    let answers = consumer.offsets_for_times(asked, limit)?;
    let ends = partitions.into_iter().filter_map(|(topic, partition)| {
        let answer = answers.find_partition(topic.as_str(), partition.0)?;
        match (answer.error(), answer.offset()) {
            (Ok(()), Offset::Offset(end)) => Some((topic.clone(), partition, NextOffset(end))),
            _ => None,
        }
    });
    Ok(ends.collect())
}

/// The ends of a partition's log, the start first.
///
/// `fetch_watermarks` asks for both at once, and where the broker fails to answer for the start and answers for the end it
/// gives the end twice, as of an empty log (librdkafka 2.12): a reader would skip all that is there. So each is asked for
/// by itself.
pub(crate) fn log_ends(
    consumer: &BaseConsumer<Listener>,
    topic: &str,
    partition: i32,
    limit: Duration,
) -> Result<(i64, i64), ClientError> {
    let since = Instant::now();
    let ask = |end: Offset| {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(topic, partition, end)?;
        let answer = consumer.offsets_for_times(list, limit.saturating_sub(since.elapsed()))?;
        let found = answer.find_partition(topic, partition);
        match found.map(|found| found.error().map(|()| found.offset())).transpose()? {
            Some(Offset::Offset(offset)) => Ok(offset),
            _ => Err(ClientError::OffsetFetch(RDKafkaErrorCode::UnknownPartition)),
        }
    };
    Ok((ask(Offset::Beginning)?, ask(Offset::End)?))
}
