//! What of a tick is in the predictions topic already.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use tidemill_kafka::{Admin, Assignment, ClientSettings, ConsumerLimits, Polled, PolledConsumer};
use tidemill_types::{DeploymentName, KafkaPartition, Micros, NextOffset, TopicName};

use super::{Origin, PredictionError, SourceRef};

/// Most predictions of one tick that are kept in memory: some 100 bytes each.
pub const TAIL_RECORDS_MAX: usize = 5_000_000;
/// How long reading the tail may take.
const TAIL_LIMIT: Duration = Duration::from_mins(5);
/// How often a reader that hears nothing looks where it is.
const POSITION_RECHECK: Duration = Duration::from_millis(50);

/// Which part of a topic to look at, and for which tick.
#[derive(Debug, Clone)]
pub struct TailRequest<'a> {
    /// The predictions topic.
    pub topic: &'a TopicName,
    /// Where the last finished tick ended; a Kafka partition that is not in it is read from its start.
    pub from: &'a BTreeMap<KafkaPartition, NextOffset>,
    /// The tick in progress: predictions of others are passed over, as those of requests are.
    pub tick: Micros,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    /// The events that each deployment has scored in the tick.
    pub seen: BTreeMap<DeploymentName, HashSet<SourceRef>>,
    /// Where each Kafka partition ended when it was looked at.
    pub ends: BTreeMap<KafkaPartition, NextOffset>,
}

impl Tail {
    /// Events that were scored, over all deployments.
    pub fn len(&self) -> usize {
        self.seen.values().map(HashSet::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads the tail of a predictions topic, from where the last finished tick ended to its end now.
///
/// Memory: one batch of the consumer and [`TAIL_RECORDS_MAX`] events. Errors when the topic lost records after the start, or
/// ends before it. Nobody else may send predictions of the tick meanwhile, which is what the lock of a project is for.
pub async fn read_back(
    client: &ClientSettings,
    admin: &Admin,
    request: TailRequest<'_>,
) -> Result<Tail, PredictionError> {
    let topic = request.topic;
    let mut tail = Tail::default();
    let mut assignments = Vec::new();
    let failed = || PredictionError::kafka("read", topic);
    for partition in admin.partitions(topic).await.map_err(failed())? {
        let log = admin.watermarks(topic, partition).await.map_err(failed())?;
        let (log_start, end) = (log.log_start, log.high_watermark);
        let from = request.from.get(&partition).copied();
        if let Some(from) = from
            && from < log_start
        {
            return Err(PredictionError::TailCut {
                topic: topic.clone(),
                partition,
                from,
                log_start,
            });
        }
        let start = from.unwrap_or(log_start);
        if start > end {
            return Err(PredictionError::TailShort {
                topic: topic.clone(),
                partition,
                from: start,
                end,
            });
        }
        tail.ends.insert(partition, end);
        if start < end {
            assignments.push(Assignment {
                topic: topic.clone(),
                partition,
                start,
            });
        }
    }
    if !assignments.is_empty() {
        read(client, assignments, &request, &mut tail).await?;
    }
    Ok(tail)
}

async fn read(
    client: &ClientSettings,
    assignments: Vec<Assignment>,
    request: &TailRequest<'_>,
    tail: &mut Tail,
) -> Result<(), PredictionError> {
    let topic = request.topic;
    let mut missing: BTreeMap<KafkaPartition, NextOffset> = assignments
        .iter()
        .filter_map(|assigned| Some((assigned.partition, *tail.ends.get(&assigned.partition)?)))
        .collect();
    let spawned = PolledConsumer::spawn(client, assignments, ConsumerLimits::default());
    let (handle, mut batches) = spawned.map_err(PredictionError::kafka("read", topic))?;
    let since = Instant::now();
    let read = loop {
        // First where it stands, then what it has handed over: what was at its end before is in the channel by now. An end
        // that it has seen lies no lower than ours, which was asked for before; transaction markers keep positions below it.
        let at_end: Vec<KafkaPartition> = handle
            .status()
            .into_iter()
            .filter(|status| status.at_end)
            .map(|status| status.partition)
            .collect();
        let mut taken = Ok(());
        while let Ok(polled) = batches.try_recv() {
            taken = take(polled, request, tail, &mut missing);
            if taken.is_err() {
                break;
            }
        }
        if taken.is_err() {
            break taken;
        }
        missing.retain(|partition, _| !at_end.contains(partition));
        if missing.is_empty() {
            break Ok(());
        }
        if since.elapsed() >= TAIL_LIMIT {
            break Err(PredictionError::TimedOut {
                topic: topic.clone(),
                limit: TAIL_LIMIT,
            });
        }
        match tokio::time::timeout(POSITION_RECHECK, batches.recv()).await {
            Ok(Some(polled)) => {
                let taken = take(polled, request, tail, &mut missing);
                if taken.is_err() {
                    break taken;
                }
            }
            Ok(None) => {
                break Err(PredictionError::kafka("read", topic)(
                    tidemill_kafka::KafkaError::Stopped,
                ));
            }
            // Nothing came; look again where it stands.
            Err(_) => {}
        }
    };
    handle.stop().await;
    read
}

/// Notes what a batch holds of the tick.
fn take(
    polled: Result<Polled, tidemill_kafka::KafkaError>,
    request: &TailRequest<'_>,
    tail: &mut Tail,
    missing: &mut BTreeMap<KafkaPartition, NextOffset>,
) -> Result<(), PredictionError> {
    let batch = match polled {
        Ok(Polled::Batch(batch)) => batch,
        // There is no group that would say anything.
        Ok(Polled::Granted(_) | Polled::Revoked { .. }) => return Ok(()),
        // The client goes on by itself; the limit of the whole ends what does not.
        Err(error) if error.is_transient() => return Ok(()),
        Err(error) => return Err(PredictionError::kafka("read", request.topic)(error)),
    };
    for record in batch.iter() {
        let Some(origin) = Origin::read(record.headers) else {
            continue;
        };
        if origin.tick != request.tick {
            continue;
        }
        tail.seen.entry(origin.deployment).or_default().insert(origin.event);
    }
    if tail.len() > TAIL_RECORDS_MAX {
        return Err(PredictionError::TailTooLong {
            topic: request.topic.clone(),
            limit: TAIL_RECORDS_MAX,
        });
    }
    let next = batch.next_offset();
    missing.retain(|partition, end| *partition != batch.partition || next.is_none_or(|next| next < *end));
    Ok(())
}
