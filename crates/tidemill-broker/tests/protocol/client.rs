//! A client that waits for each answer, and a broker in a folder of its own.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    CreateTopicsRequest, FetchRequest, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};
use tidemill_broker::{Broker, BrokerSettings};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Longer than any answer of a test takes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Client {
    stream: Box<dyn Duplex>,
    correlation_id: i32,
}

/// A connection, with TLS or without.
trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

fn socket(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
    socket
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Settings of a broker on any free port.
pub fn settings(dir: &Path) -> BrokerSettings {
    BrokerSettings {
        dir: dir.to_owned(),
        port: Some(0),
        ..BrokerSettings::default()
    }
}

/// Runs what needs a runtime.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Starts a broker and talks to it from a thread that may wait.
pub fn with_broker(settings: BrokerSettings, talk: impl FnOnce(&Broker, SocketAddr) + Send) {
    run(async {
        let broker = Broker::start(settings).await.unwrap();
        let address = broker.address();
        tokio::task::block_in_place(|| talk(&broker, address));
        broker.shutdown().await.unwrap();
    });
}

/// The same over a device in place of a file: it cannot be synced, which a disk can, so that the end of the broker fails by that.
pub fn with_broker_on_a_device(settings: BrokerSettings, talk: impl FnOnce(SocketAddr) + Send) {
    run(async {
        let broker = Broker::start(settings).await.unwrap();
        let address = broker.address();
        tokio::task::block_in_place(|| talk(address));
        // Were it not for the device, nothing could go wrong there.
        let ended = broker.shutdown().await;
        assert!(ended.is_err(), "a device was synced");
    });
}

/// A batch of text records.
pub fn batch(values: &[&str], (producer_id, producer_epoch, sequence): (i64, i16, i32)) -> Bytes {
    let records: Vec<Record> = values
        .iter()
        .enumerate()
        .map(|(index, value)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id,
            producer_epoch,
            timestamp_type: TimestampType::Creation,
            offset: index as i64,
            sequence: sequence + index as i32,
            timestamp: 1_000 + index as i64,
            key: None,
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: IndexMap::new(),
        })
        .collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

pub const NO_PRODUCER: (i64, i16, i32) = (-1, -1, -1);

/// The values in batches.
pub fn values(records: Option<Bytes>) -> Vec<String> {
    let mut records = records.expect("records are never null");
    let sets = RecordBatchDecoder::decode_all(&mut records).unwrap();
    let value = |record: Record| String::from_utf8(record.value.unwrap().to_vec()).unwrap();
    sets.into_iter().flat_map(|set| set.records).map(value).collect()
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::over(socket(address))
    }

    /// Over TLS, once it is agreed on; an error where either side does not want to.
    pub fn connect_tls(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Client> {
        let name = ServerName::from(address.ip());
        let mut connection = ClientConnection::new(config, name).unwrap();
        let mut socket = socket(address);
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Client::over(StreamOwned::new(connection, socket)))
    }

    fn over(stream: impl Duplex + 'static) -> Client {
        Client {
            stream: Box::new(stream),
            correlation_id: 0,
        }
    }

    /// Sends a request and waits for its answer, which must be read to its last byte.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send(version, request);
        self.answer::<R>(version)
    }

    pub fn send<R: Request>(&mut self, version: i16, request: &R) {
        let frame = self.frame_of(version, request);
        self.send_raw(&frame);
    }

    /// A request as it goes over the wire, its length in front.
    pub fn frame_of<R: Request>(&mut self, version: i16, request: &R) -> Vec<u8> {
        self.correlation_id += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(text("test")));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request
            .encode(&mut frame, version)
            .unwrap_or_else(|e| panic!("request {} version {version}: {e}", R::KEY));
        let length = frame.len() as i32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame.to_vec()
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn answer<R: Request>(&mut self, version: i16) -> R::Response {
        let what = format!("request {} version {version}", R::KEY);
        let mut frame = self
            .frame()
            .unwrap_or_else(|| panic!("{what}: the connection was closed"));
        let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version)).unwrap();
        assert!(header.correlation_id <= self.correlation_id, "{what}");
        let response = R::Response::decode(&mut frame, version).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(frame.is_empty(), "{what}: {} bytes follow the answer", frame.len());
        response
    }

    /// The next answer's bytes; none when the broker closed the connection.
    pub fn frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => (),
            // Closed, or torn down because requests of ours were not read any more.
            Err(error) if is_end(&error) => return None,
            Err(error) => panic!("no answer: {error}"),
        }
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut bytes).unwrap();
        Some(bytes.into())
    }

    /// Sends to a broker that may not want to hear it.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// As [`Client::frame`]; none also where TLS gave a reason for the end.
    pub fn try_frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => (),
            Err(error) if is_end(&error) || error.kind() == io::ErrorKind::InvalidData => return None,
            Err(error) => panic!("no answer: {error}"),
        }
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut bytes).unwrap();
        Some(bytes.into())
    }

    /// Whether the connection ends without an answer of Kafka's; an alert of TLS is none.
    pub fn ends_without_a_frame(&mut self) -> bool {
        const ALERT_BYTES: usize = 7;
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => (),
            Err(error) if is_end(&error) => (),
            Err(error) => panic!("no end: {error}"),
        }
        rest.is_empty() || (rest.len() == ALERT_BYTES && rest[0] == 21)
    }

    /// Sends a batch to partition 0 of a topic.
    pub fn produce(&mut self, topic: &str, batch: Bytes) -> PartitionProduceResponse {
        self.call(9, &produce_request(topic, batch))
            .responses
            .remove(0)
            .partition_responses
            .remove(0)
    }

    /// Reads partition 0 of a topic.
    pub fn fetch(&mut self, topic: &str, offset: i64, max_wait_ms: i32) -> PartitionData {
        let request = fetch_request(topic, offset).with_max_wait_ms(max_wait_ms);
        self.call(12, &request).responses.remove(0).partitions.remove(0)
    }
}

/// Makes a topic.
pub fn create(client: &mut Client, topic: &str, partitions: i32) {
    let topic = CreatableTopic::default()
        .with_name(topic_name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(60_000);
    assert_eq!(client.call(7, &request).topics[0].error_code, 0);
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// A produce to partition 0 of a topic.
pub fn produce_request(topic: &str, batch: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_records(Some(batch));
    let data = TopicProduceData::default()
        .with_name(topic_name(topic))
        .with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![data])
}

/// A fetch of partition 0 of a topic.
pub fn fetch_request(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(topic_name(topic))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic])
}
