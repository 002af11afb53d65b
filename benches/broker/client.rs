//! A client that costs next to nothing: batches are encoded once, and what comes back is counted by its headers.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, FetchRequest, FetchResponse, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

const PRODUCE_VERSION: i16 = 9;
const FETCH_VERSION: i16 = 12;
const CREATE_TOPICS_VERSION: i16 = 5;
/// Bytes of one partition in one fetch.
const PARTITION_BYTES_MAX: i32 = 4 << 20;
const FETCH_BYTES_MAX: i32 = 16 << 20;
const FETCH_WAIT: Duration = Duration::from_millis(500);
/// How often, and how far apart, a new topic is asked for its leaders.
const LEADER_TRIES_MAX: usize = 200;
const LEADER_PAUSE: Duration = Duration::from_millis(50);
/// Where a batch says how many bytes follow the field, its last offset delta, and the number of its records.
const BATCH_LENGTH_AT: usize = 8;
const LAST_OFFSET_DELTA_AT: usize = 23;
const RECORD_COUNT_AT: usize = 57;
/// Bytes of a batch that its length does not count.
const BATCH_PREFIX_BYTES: usize = 12;

pub struct Client {
    stream: TcpStream,
}

/// One batch of `count` records without keys, with values of `value_bytes`.
pub fn batch_of(count: usize, value_bytes: usize) -> Result<Bytes, Box<dyn Error>> {
    let value: Bytes = (0..value_bytes)
        .map(|i| b'a' + (i % 26) as u8)
        .collect::<Vec<_>>()
        .into();
    let records: Vec<Record> = (0..count)
        .map(|offset| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: offset as i64,
            sequence: NO_SEQUENCE + offset as i32,
            timestamp: 1_700_000_000_000,
            key: None,
            value: Some(value.clone()),
            headers: IndexMap::new(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut batch = BytesMut::new();
    RecordBatchEncoder::encode(&mut batch, &records, &options).map_err(|error| error.to_string())?;
    Ok(batch.freeze())
}

impl Client {
    pub fn connect(address: &str) -> Result<Client, Box<dyn Error>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Client { stream })
    }

    pub fn create_topic(&mut self, name: &str, partitions: i32) -> Result<(), Box<dyn Error>> {
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(30_000);
        self.send(&frame(&request, CREATE_TOPICS_VERSION)?)?;
        let response = self.receive::<CreateTopicsRequest>(CREATE_TOPICS_VERSION)?;
        match response.topics.first().map(|topic| topic.error_code) {
            Some(0) => self.wait_for_leaders(name, partitions),
            code => Err(format!("failed to create `{name}`: {code:?}").into()),
        }
    }

    /// Apache Kafka acknowledges a topic before its partitions have leaders.
    fn wait_for_leaders(&mut self, topic: &str, partitions: i32) -> Result<(), Box<dyn Error>> {
        for _ in 0..LEADER_TRIES_MAX {
            let response = self.fetch(topic, &vec![0; partitions as usize], Duration::ZERO)?;
            let mut all = response.responses.iter().flat_map(|topic| &topic.partitions);
            if all.all(|partition| partition.error_code == 0) {
                return Ok(());
            }
            std::thread::sleep(LEADER_PAUSE);
        }
        Err(format!("`{topic}` has no leaders").into())
    }

    /// Sends a batch so many times, to one partition after the other, with several requests under way.
    pub fn produce(
        &mut self,
        topic: &str,
        partitions: i32,
        batch: &Bytes,
        batches: usize,
        in_flight: usize,
    ) -> Result<(), Box<dyn Error>> {
        let frames = (0..partitions)
            .map(|index| {
                let data = PartitionProduceData::default()
                    .with_index(index)
                    .with_records(Some(batch.clone()));
                let data = TopicProduceData::default()
                    .with_name(topic_name(topic))
                    .with_partition_data(vec![data]);
                let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000);
                frame(&request.with_topic_data(vec![data]), PRODUCE_VERSION)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut under_way = 0;
        for number in 0..batches {
            if under_way == in_flight {
                self.acknowledged()?;
                under_way -= 1;
            }
            self.send(&frames[number % frames.len()])?;
            under_way += 1;
        }
        (0..under_way).try_for_each(|_| self.acknowledged())
    }

    fn acknowledged(&mut self) -> Result<(), Box<dyn Error>> {
        let response = self.receive::<ProduceRequest>(PRODUCE_VERSION)?;
        let mut partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        match partitions.find(|partition| partition.error_code != 0) {
            Some(refused) => Err(format!("a batch was refused with error {}", refused.error_code).into()),
            None => Ok(()),
        }
    }

    /// Reads all partitions until `count` records came, or none come any more.
    pub fn consume(&mut self, topic: &str, partitions: i32, count: usize) -> Result<usize, Box<dyn Error>> {
        let mut offsets = vec![0_i64; partitions as usize];
        let mut read = 0;
        while read < count {
            let response = self.fetch(topic, &offsets, FETCH_WAIT)?;
            let before = read;
            for partition in response.responses.iter().flat_map(|topic| &topic.partitions) {
                if partition.error_code != 0 {
                    return Err(format!("a fetch was refused with error {}", partition.error_code).into());
                }
                let records = partition.records.clone().unwrap_or_default();
                let (records, next_offset) = count_records(&records);
                read += records;
                let offset = &mut offsets[partition.partition_index as usize];
                *offset = next_offset.unwrap_or(*offset);
            }
            if read == before {
                break;
            }
        }
        Ok(read)
    }

    fn fetch(&mut self, topic: &str, offsets: &[i64], wait: Duration) -> Result<FetchResponse, Box<dyn Error>> {
        let wanted = offsets.iter().enumerate().map(|(index, offset)| {
            FetchPartition::default()
                .with_partition(index as i32)
                .with_fetch_offset(*offset)
                .with_partition_max_bytes(PARTITION_BYTES_MAX)
        });
        let wanted = FetchTopic::default()
            .with_topic(topic_name(topic))
            .with_partitions(wanted.collect());
        let request = FetchRequest::default()
            .with_max_wait_ms(wait.as_millis() as i32)
            .with_min_bytes(1)
            .with_max_bytes(FETCH_BYTES_MAX)
            .with_topics(vec![wanted]);
        self.send(&frame(&request, FETCH_VERSION)?)?;
        self.receive::<FetchRequest>(FETCH_VERSION)
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Box<dyn Error>> {
        Ok(self.stream.write_all(frame)?)
    }

    fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response, Box<dyn Error>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut bytes)?;
        let mut bytes = Bytes::from(bytes);
        ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).map_err(|error| error.to_string())?;
        Ok(R::Response::decode(&mut bytes, version).map_err(|error| error.to_string())?)
    }
}

/// The records in whole batches, and the offset after the last.
fn count_records(mut bytes: &[u8]) -> (usize, Option<i64>) {
    let (mut count, mut next_offset) = (0, None);
    while let (Some(mut length), Some(mut delta), Some(mut records)) = (
        bytes.get(BATCH_LENGTH_AT..),
        bytes.get(LAST_OFFSET_DELTA_AT..),
        bytes.get(RECORD_COUNT_AT..),
    ) {
        let batch_bytes = BATCH_PREFIX_BYTES + length.get_u32() as usize;
        if bytes.len() < batch_bytes {
            break;
        }
        next_offset = Some((&bytes[..8]).get_i64() + i64::from(delta.get_i32()) + 1);
        count += records.get_u32() as usize;
        bytes = &bytes[batch_bytes..];
    }
    (count, next_offset)
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// A request as it goes over the wire.
fn frame<R: Request>(request: &R, version: i16) -> Result<Bytes, Box<dyn Error>> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("bench")));
    let mut bytes = BytesMut::new();
    bytes.put_u32(0);
    header
        .encode(&mut bytes, R::header_version(version))
        .map_err(|error| error.to_string())?;
    request.encode(&mut bytes, version).map_err(|error| error.to_string())?;
    let length = u32::try_from(bytes.len() - 4)?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes.freeze())
}
