//! What a broker bears: a full disk, many partitions, many connections, requests that were bent on the way.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{ApiVersionsRequest, CreateTopicsRequest, MetadataRequest};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{
    Client, NO_PRODUCER, batch, create, fetch_request, produce_request, settings, topic_name, values, with_broker,
    with_broker_on_a_device,
};

/// The folder of a partition: the one whose first segment is below a folder that bears the topic's name.
fn partition_folder(dir: &Path, topic: &str) -> PathBuf {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("00000000000000000000.log") && folder.to_string_lossy().contains(topic) {
                return folder;
            }
        }
    }
    panic!("no segment of {topic} below {}", dir.display());
}

/// A partition whose next segment goes to a device that is always full.
#[test]
fn a_full_disk_refuses_a_produce_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.segment_bytes = 1_024;
    let large = "x".repeat(1_000);
    with_broker_on_a_device(settings.clone(), |address| {
        let mut client = Client::connect(address);
        create(&mut client, "fulldisk", 1);
        create(&mut client, "other", 1);
        assert_eq!(client.produce("fulldisk", batch(&[&large], NO_PRODUCER)).error_code, 0);
        let next = partition_folder(dir.path(), "fulldisk").join("00000000000000000001.log");
        std::os::unix::fs::symlink("/dev/full", next).unwrap();
        let full = ResponseError::KafkaStorageError.code();
        for _ in 0..3 {
            assert_eq!(
                client.produce("fulldisk", batch(&[&large], NO_PRODUCER)).error_code,
                full
            );
        }
        // What was acknowledged can be read, and whoever writes elsewhere is served.
        assert_eq!(
            values(client.fetch("fulldisk", 0, 0).records),
            std::slice::from_ref(&large)
        );
        assert_eq!(client.produce("other", batch(&["b"], NO_PRODUCER)).error_code, 0);
        fs::remove_file(partition_folder(dir.path(), "fulldisk").join("00000000000000000001.log")).unwrap();
    });
    // With room again, the partition goes on behind what was acknowledged.
    with_broker(settings, |_, address| {
        let mut client = Client::connect(address);
        let appended = client.produce("fulldisk", batch(&["c"], NO_PRODUCER));
        assert_eq!((appended.error_code, appended.base_offset), (0, 1));
        assert_eq!(values(client.fetch("other", 0, 0).records), ["b"]);
    });
}

/// Files that this process may hold open at a time.
fn open_files_max() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(0)
}

#[test]
fn ten_thousand_partitions_are_served_and_found_again() {
    // Each partition keeps the file open that it appends to.
    let partitions = if open_files_max() > 12_000 { 10_000 } else { 500 };
    let per_topic = partitions / 10;
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.limits.partitions_max = partitions as usize;
    with_broker(settings.clone(), |_, address| {
        let mut client = Client::connect(address);
        for topic in 0..10 {
            create(&mut client, &format!("t{topic}"), per_topic);
        }
        assert_eq!(client.produce("t9", batch(&["a"], NO_PRODUCER)).error_code, 0);
        // One more is one too many, and is told so.
        let one_more = CreatableTopic::default()
            .with_name(topic_name("one-more"))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![one_more])
            .with_timeout_ms(1_000);
        assert_ne!(client.call(7, &request).topics[0].error_code, 0);
    });
    with_broker(settings, |_, address| {
        let mut client = Client::connect(address);
        let topics = client.call(12, &MetadataRequest::default().with_topics(None)).topics;
        let found: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
        assert_eq!(found, partitions as usize);
        assert_eq!(values(client.fetch("t9", 0, 0).records), ["a"]);
    });
}

#[test]
fn five_hundred_connections_are_served_and_one_more_is_closed() {
    const CONNECTIONS: usize = 500;
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.limits.connections_max = CONNECTIONS;
    with_broker(settings, |_, address| {
        let mut first = Client::connect(address);
        create(&mut first, "t", 1);
        let mut clients: Vec<Client> = (1..CONNECTIONS).map(|_| Client::connect(address)).collect();
        for client in &mut clients {
            assert_eq!(client.produce("t", batch(&["a"], NO_PRODUCER)).error_code, 0);
        }
        let mut one_more = Client::connect(address);
        assert_eq!(one_more.frame(), None, "it is closed without a word");
        // All at once: nobody waits for another.
        for client in &mut clients {
            client.send(12, &fetch_request("t", 0));
        }
        for client in &mut clients {
            let read = client.answer::<kafka_protocol::messages::FetchRequest>(12);
            assert_eq!(
                values(read.responses[0].partitions[0].records.clone()).len(),
                CONNECTIONS - 1
            );
        }
        first.call(4, &ApiVersionsRequest::default());
    });
}

/// Bytes of memory that this process holds.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4_096
}

/// The frames of sound requests, as they go over the wire.
fn sound_frames(address: std::net::SocketAddr) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut tap = Client::connect(address);
    frames.push(tap.frame_of(12, &MetadataRequest::default().with_topics(None)));
    frames.push(tap.frame_of(12, &fetch_request("t", 0)));
    let topic = CreatableTopic::default()
        .with_name(topic_name("bent"))
        .with_num_partitions(1)
        .with_replication_factor(1);
    frames.push(tap.frame_of(7, &CreateTopicsRequest::default().with_topics(vec![topic])));
    frames.push(tap.frame_of(9, &produce_request("t", batch(&["a", "b"], NO_PRODUCER))));
    frames
}

#[test]
fn bent_requests_neither_panic_nor_grow() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.limits.partitions_max = 100;
    with_broker(settings, |_, address| {
        let mut good = Client::connect(address);
        create(&mut good, "t", 1);
        let frames = sound_frames(address);
        let before = resident_bytes();
        for seed in 0..2_000 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut frame = BytesMut::from(&frames[random.random_range(0..frames.len())][..]);
            // The length in front stays true, so that the body is what is looked at.
            for _ in 0..random.random_range(1..4) {
                let place = random.random_range(8..frame.len());
                frame[place] = match random.random_range(0..3) {
                    0 => random.random(),
                    1 => 0xFF,
                    _ => frame[place] ^ (1 << random.random_range(0..8)),
                };
            }
            let mut client = Client::connect(address);
            client.send_raw(&frame);
            // An answer or a closed connection; what counts is that the broker goes on.
            drop(client);
            if seed % 50 == 0 {
                good.call(0, &ApiVersionsRequest::default());
            }
        }
        good.call(0, &ApiVersionsRequest::default());
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 200 << 20, "the process grew by {grown} bytes");
    });
}
