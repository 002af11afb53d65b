//! Fetch: whole batches from an offset on, at once or when enough have come.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{EpochEndOffset, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::log::Located;
use crate::log::Partition;
use crate::net::frame::Taken;
use crate::node::{Node, Peer, blocking};

/// The first version that names topics by id.
const VERSION_WITH_IDS: i16 = 13;
const READ_COMMITTED: i8 = 1;
const NO_REPLICA: BrokerId = BrokerId(-1);

/// One partition of a request.
#[derive(Debug, Clone)]
struct Wanted {
    partition: Result<Arc<Partition>, ResponseError>,
    request: FetchPartition,
}

/// What there is of it at the moment.
type Found = Result<Option<Located>, ResponseError>;

/// Answers a fetch, with the memory that the answer's records are counted in.
pub(super) async fn fetch(
    node: &Arc<Node>,
    peer: &Peer,
    version: i16,
    request: FetchRequest,
) -> (FetchResponse, Taken) {
    // Without sessions of ours every request names all its partitions.
    let session_fault = match (request.session_id, request.session_epoch) {
        (0, ..=0) => None,
        (0, _) => Some(ResponseError::InvalidFetchSessionEpoch),
        _ => Some(ResponseError::FetchSessionIdNotFound),
    };
    if let Some(error) = session_fault {
        return (
            FetchResponse::default().with_error_code(error.code()),
            node.fetches_memory.take(0).await,
        );
    }
    let wanted: Vec<Wanted> = request
        .topics
        .iter()
        .flat_map(|topic| wanted_of(node, version, topic))
        .collect();
    let wanted = Arc::new(wanted);
    let found = wait_for_enough(node, peer, &wanted, &request).await;
    let bytes_max = usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(node.settings.limits.fetch_bytes_max);
    let bytes_there: u64 = found.iter().flatten().flatten().map(|located| located.bytes_left).sum();
    let bytes_taken = usize::try_from(bytes_there)
        .unwrap_or(usize::MAX)
        .min(bytes_max.max(node.settings.limits.batch_bytes_max));
    // Once as it was read, once as it is sent.
    let memory = node.fetches_memory.take(bytes_taken.saturating_mul(2)).await;
    let is_read_committed = request.isolation_level == READ_COMMITTED;
    let reading = Arc::clone(&wanted);
    let read = blocking(move || Ok(read_all(&reading, found, bytes_max, is_read_committed))).await;
    let mut partitions = match read {
        Ok(partitions) => partitions.into_iter(),
        Err(error) => return (FetchResponse::default().with_error_code(error.code()), memory),
    };
    // The partitions come back in the order of the request.
    let topics = request.topics.into_iter().map(|topic| {
        let of_topic = partitions.by_ref().take(topic.partitions.len()).collect();
        FetchableTopicResponse::default()
            .with_topic(topic.topic)
            .with_topic_id(topic.topic_id)
            .with_partitions(of_topic)
    });
    (FetchResponse::default().with_responses(topics.collect()), memory)
}

fn wanted_of(node: &Node, version: i16, topic: &FetchTopic) -> Vec<Wanted> {
    let (known, unknown) = if VERSION_WITH_IDS <= version {
        (node.topics.by_id(topic.topic_id), ResponseError::UnknownTopicId)
    } else {
        (
            node.topics.by_name(&topic.topic),
            ResponseError::UnknownTopicOrPartition,
        )
    };
    let find = |request: &FetchPartition| {
        let partition = match &known {
            Some(topic) => topic
                .partition(request.partition)
                .ok_or(ResponseError::UnknownTopicOrPartition),
            None => Err(unknown),
        };
        let partition = partition.and_then(|partition| {
            check_epoch(request.current_leader_epoch, partition.extent().leader_epoch)?;
            Ok(partition)
        });
        Wanted {
            partition,
            request: request.clone(),
        }
    };
    topic.partitions.iter().map(find).collect()
}

/// A client that knows another leader epoch than ours is told so; −1 knows none.
pub(super) fn check_epoch(said: i32, ours: i32) -> Result<(), ResponseError> {
    match said {
        ..0 => Ok(()),
        said if said < ours => Err(ResponseError::FencedLeaderEpoch),
        said if ours < said => Err(ResponseError::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

/// Waits until `min_bytes` are there in all partitions together, one of them has a fault, or the time is over.
async fn wait_for_enough(node: &Node, peer: &Peer, wanted: &Arc<Vec<Wanted>>, request: &FetchRequest) -> Vec<Found> {
    let deadline = Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let bytes_min = u64::try_from(request.min_bytes).unwrap_or(0);
    let news = Arc::new(Notify::new());
    let partitions = wanted.iter().filter_map(|wanted| wanted.partition.as_ref().ok());
    let _waiting: Vec<_> = partitions.map(|partition| partition.waiters.join(&news)).collect();
    loop {
        let found = find_all(wanted).await;
        let bytes_there: u64 = found.iter().flatten().flatten().map(|located| located.bytes_left).sum();
        let has_fault = found.iter().any(Result::is_err);
        let diverges = wanted.iter().any(|wanted| diverging_epoch(wanted).is_some());
        let is_over = deadline <= Instant::now() || peer.gone.is_cancelled() || node.stop.is_cancelled();
        if bytes_min <= bytes_there || has_fault || diverges || is_over {
            return found;
        }
        tokio::select! {
            () = news.notified() => (),
            () = sleep_until(deadline) => (),
            () = peer.gone.cancelled() => (),
            () = node.stop.cancelled() => (),
        }
    }
}

async fn find_all(wanted: &Arc<Vec<Wanted>>) -> Vec<Found> {
    // Consumers that have read everything are the usual case, and need no look into files.
    let is_at_end = |wanted: &Wanted| match &wanted.partition {
        Ok(partition) => !partition.is_retired() && partition.extent().next_offset == wanted.request.fetch_offset,
        Err(_) => false,
    };
    if wanted.iter().all(is_at_end) {
        return wanted.iter().map(|_| Ok(None)).collect();
    }
    let looking = Arc::clone(wanted);
    let found = blocking(move || Ok(looking.iter().map(find).collect())).await;
    found.unwrap_or_else(|error| wanted.iter().map(|_| Err(error)).collect())
}

fn find(wanted: &Wanted) -> Found {
    let partition = wanted.partition.as_ref().map_err(|error| *error)?;
    if partition.is_retired() {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    partition.locate(wanted.request.fetch_offset)
}

/// Where the reader's log and ours part, for readers that say which epoch they read last.
fn diverging_epoch(wanted: &Wanted) -> Option<EpochEndOffset> {
    let partition = wanted.partition.as_ref().ok()?;
    let last_epoch = wanted.request.last_fetched_epoch;
    if last_epoch < 0 {
        return None;
    }
    let (epoch, end_offset) = partition.end_of_epoch(last_epoch)?;
    let diverges = epoch < last_epoch || end_offset < wanted.request.fetch_offset;
    diverges.then(|| EpochEndOffset::default().with_epoch(epoch).with_end_offset(end_offset))
}

/// Reads what was found, up to `bytes_max` in all; the first batch of the first partition that has one may be larger.
fn read_all(wanted: &[Wanted], found: Vec<Found>, bytes_max: usize, is_read_committed: bool) -> Vec<PartitionData> {
    let mut bytes_left = bytes_max;
    let mut is_first = true;
    let pairs = wanted.iter().zip(found);
    let read = pairs.map(|(wanted, found)| {
        let diverging = diverging_epoch(wanted);
        let records = found.and_then(|located| match (located, &wanted.partition) {
            (Some(located), Ok(partition)) if diverging.is_none() && (is_first || 0 < bytes_left) => {
                let partition_max = usize::try_from(wanted.request.partition_max_bytes).unwrap_or(0);
                let first_bytes_max = if is_first { usize::MAX } else { bytes_left };
                partition.read(&located, partition_max.min(bytes_left), first_bytes_max)
            }
            _ => Ok(Bytes::new()),
        });
        let bytes = records.as_ref().map_or(0, Bytes::len);
        bytes_left = bytes_left.saturating_sub(bytes);
        is_first &= bytes == 0;
        let mut data = partition_data(wanted, records, is_read_committed);
        if let Some(diverging) = diverging {
            data.diverging_epoch = diverging;
        }
        data
    });
    read.collect()
}

fn partition_data(wanted: &Wanted, records: Result<Bytes, ResponseError>, is_read_committed: bool) -> PartitionData {
    let data = PartitionData::default()
        .with_partition_index(wanted.request.partition)
        .with_preferred_read_replica(NO_REPLICA)
        .with_aborted_transactions(is_read_committed.then(Vec::new));
    let read = records.and_then(|records| Ok((records, wanted.partition.as_ref().map_err(|error| *error)?)));
    match read {
        Ok((records, partition)) => {
            let extent = partition.extent();
            data.with_high_watermark(extent.next_offset)
                .with_last_stable_offset(extent.next_offset)
                .with_log_start_offset(extent.log_start)
                .with_records(Some(records))
        }
        Err(error) => data
            .with_error_code(error.code())
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_records(Some(Bytes::new())),
    }
}
