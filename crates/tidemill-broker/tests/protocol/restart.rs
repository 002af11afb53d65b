//! What survives a stop: clean, dropped, and killed.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use kafka_protocol::messages::{InitProducerIdRequest, MetadataRequest, metadata_request};
use tidemill_broker::{Broker, BrokerError};

use crate::client::{Client, NO_PRODUCER, batch, run, settings, topic_name, values, with_broker};
use crate::groups::{commit, committed};

/// Names the folder that a child of the kill test serves.
const SERVE: &str = "TIDEMILL_TEST_SERVE";

fn create(client: &mut Client, topic: &str) {
    let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default()
        .with_allow_auto_topic_creation(true)
        .with_topics(Some(vec![asked]));
    assert_eq!(client.call(12, &request).topics[0].error_code, 0);
}

#[test]
fn address_identity_records_and_offsets_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut identities = Vec::new();
    for start in 0..3_i64 {
        with_broker(settings(dir.path()), |broker, address| {
            let mut client = Client::connect(address);
            create(&mut client, "t");
            assert_eq!(
                client.produce("t", batch(&["a"], (9, 0, start as i32))).base_offset,
                start
            );
            assert_eq!(committed(&mut client, "g", "t"), start - 1);
            assert_eq!(commit(&mut client, "g", "t", start), 0);
            let id = client
                .call(4, &InitProducerIdRequest::default().with_transactional_id(None))
                .producer_id
                .0;
            identities.push((address, broker.cluster_id().to_owned(), broker.topics()[0].id, id));
        });
    }
    assert!(identities.iter().all(|(address, cluster, topic, _)| {
        (*address, cluster, topic) == (identities[0].0, &identities[0].1, &identities[0].2)
    }));
    assert!(
        identities.is_sorted_by(|a, b| a.3 < b.3),
        "a producer id was given twice: {identities:?}"
    );
    assert!(9 < identities[1].3, "an id that a log holds is not given");
}

#[test]
fn a_folder_has_one_broker() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let broker = Broker::start(settings(dir.path())).await.unwrap();
        let second = Broker::start(settings(dir.path())).await.err().unwrap();
        assert!(matches!(second, BrokerError::Locked { .. }), "{second}");
        broker.shutdown().await.unwrap();
        Broker::start(settings(dir.path()))
            .await
            .unwrap()
            .shutdown()
            .await
            .unwrap();
    });
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut taking = settings(dir.path());
    taking.port = Some(taken.local_addr().unwrap().port());
    let error = run(Broker::start(taking)).err().unwrap();
    assert!(matches!(error, BrokerError::Listen { .. }), "{error}");
    // The folder was let go, and is as clean as before.
    with_broker(settings(dir.path()), |broker, _| assert!(broker.topics().is_empty()));
}

/// Not a test of its own: the child of the one below.
#[test]
fn serve_until_killed() {
    let Some(dir) = std::env::var_os(SERVE).map(PathBuf::from) else {
        return;
    };
    run(async {
        let broker = Broker::start(settings(&dir)).await.unwrap();
        println!("\nlistening on {}", broker.address());
        std::future::pending::<()>().await;
    });
}

#[test]
fn nothing_acknowledged_is_missing_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "restart::serve_until_killed", "--nocapture"])
            .env(SERVE, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines
            .find_map(|line| line.strip_prefix("listening on ").map(ToOwned::to_owned))
            .unwrap();
        let mut client = Client::connect(address.parse().unwrap());
        create(&mut client, "t");
        assert_eq!(client.fetch("t", 0, 0).high_watermark, acknowledged, "round {round}");
        assert_eq!(committed(&mut client, "g", "t"), acknowledged - i64::from(round == 0));
        for _ in 0..50 {
            let sequence = acknowledged as i32;
            let answer = client.produce("t", batch(&["a"], (9, 0, sequence)));
            assert_eq!((answer.error_code, answer.base_offset), (0, acknowledged));
            acknowledged += 1;
        }
        assert_eq!(commit(&mut client, "g", "t", acknowledged), 0);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    with_broker(settings(dir.path()), |broker, address| {
        let mut client = Client::connect(address);
        assert_eq!(values(client.fetch("t", 0, 0).records).len() as i64, acknowledged);
        assert_eq!(broker.topics()[0].partitions[0].leader_epoch, 0, "nothing was cut");
        // A producer that did not hear the last acknowledgement sends again.
        let again = client.produce("t", batch(&["a"], (9, 0, acknowledged as i32 - 1)));
        assert_eq!((again.error_code, again.base_offset), (0, acknowledged - 1));
        assert_eq!(
            client.produce("t", batch(&["b"], NO_PRODUCER)).base_offset,
            acknowledged
        );
    });
}
