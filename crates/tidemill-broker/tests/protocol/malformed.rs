//! What is no request closes its connection, and only that.

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use kafka_protocol::protocol::Request;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{Client, settings, with_broker};

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    frame.put_i32(body.len() as i32);
    frame.put_slice(body);
    frame.to_vec()
}

#[test]
fn what_is_no_request_closes_its_connection_only() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut good = Client::connect(address);
        let bad: Vec<(&str, Vec<u8>)> = vec![
            ("a frame of 2 GB", vec![0x7F, 255, 255, 255]),
            ("a negative frame", vec![255, 255, 255, 255]),
            ("a frame too short for a header", frame(&[0, 18, 0])),
            ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
            ("an unknown request", frame(&[0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255])),
            ("an unknown version", frame(&[0, 3, 0, 99, 0, 0, 0, 0, 255, 255])),
            (
                "an array of two thousand million",
                frame(&[0, 3, 0, 0, 0, 0, 0, 0, 255, 255, 0x7F, 255, 255, 255]),
            ),
            (
                "text that is not UTF-8",
                frame(&[0, 3, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 1, 0, 1, 0xFF]),
            ),
            (
                "a body that is cut off",
                frame(&[0, 3, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0]),
            ),
        ];
        for (what, bytes) in bad {
            let mut client = Client::connect(address);
            client.send_raw(&bytes);
            assert_eq!(client.frame(), None, "{what}");
            good.call(4, &ApiVersionsRequest::default());
        }
    });
}

#[test]
fn random_bytes_after_a_good_header_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut good = Client::connect(address);
        let offered = good.call(4, &ApiVersionsRequest::default()).api_keys;
        for seed in 0..400 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let api = &offered[random.random_range(0..offered.len())];
            let version = random.random_range(api.min_version..=api.max_version);
            let mut body = BytesMut::new();
            body.put_i16(api.api_key);
            body.put_i16(version);
            body.put_i32(7);
            body.put_i16(-1);
            let length = random.random_range(0..60);
            // Small numbers make it through more checks than large ones.
            body.extend((0..length).map(|_| random.random::<u8>() & if random.random_bool(0.7) { 3 } else { 255 }));
            let mut client = Client::connect(address);
            client.send_raw(&frame(&body));
            client.send_raw(&frame(&[0, 18, 0, 0, 0, 0, 0, 9, 255, 255]));
            // An answer, both, or a closed connection; what counts is that the broker goes on.
            drop(client);
            good.call(0, &ApiVersionsRequest::default());
        }
        assert_eq!(
            good.call(12, &MetadataRequest::default().with_topics(None)).error_code,
            0,
            "{}",
            MetadataRequest::KEY
        );
    });
}
