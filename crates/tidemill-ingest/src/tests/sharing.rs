//! Workers that share a stream by a consumer group, each with a lake handle of its own as another process has: whoever
//! comes and goes, each record lands once, and what the table says is said of all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tidemill_kafka::Admin;
use tidemill_lake::{Lake, LakeLocation};
use tidemill_types::{KafkaPartition, Micros, StreamName, TopicName};

use super::end_to_end::{House, PATIENCE, event, stream};
use crate::{Ingest, IngestHandle, IngestLimits, IngestWiring, Sharing, StreamStatus};

const PARTITIONS: i32 = 6;

/// A house whose workers share six partitions, and settings under which they notice each other soon.
async fn house() -> House {
    let house = House::new().await;
    let admin = Admin::connect(&house.client()).unwrap();
    let topic = TopicName::new("events").unwrap();
    admin.ensure_topic(&topic, PARTITIONS, &[].into()).await.unwrap();
    let limits = IngestLimits {
        dead_share_max: 1.0,
        restarts_max: u32::MAX,
        flush_rows: 40,
        flush_interval: std::time::Duration::from_millis(100),
        look_at_others: std::time::Duration::from_millis(100),
        ..house.limits.clone()
    };
    House { limits, ..house }
}

async fn worker(house: &House, name: Option<&str>) -> IngestHandle {
    let location = LakeLocation::folder(&house.folder.path().join("lake")).unwrap();
    let mut wiring = IngestWiring {
        lake: Arc::new(Lake::open(location).await.unwrap()),
        sharing: Sharing::Group {
            worker: name.map(str::to_owned),
        },
        ..house.wiring(vec![stream("events")])
    };
    let properties = &mut wiring.client.properties;
    for (property, value) in [("heartbeat.interval.ms", "100"), ("session.timeout.ms", "6000")] {
        properties.insert(property.to_owned(), value.to_owned());
    }
    Ingest::start(wiring).unwrap()
}

/// Waits until the workers' stream is as wanted.
async fn until(ingest: &IngestHandle, wanted: impl Fn(&StreamStatus) -> bool) {
    let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
    let reached = tokio::time::timeout(PATIENCE, watch.wait_for(|status| wanted(status))).await;
    assert!(reached.is_ok(), "{:?}", ingest.status());
}

fn reads(ingest: &IngestHandle) -> Vec<KafkaPartition> {
    let partitions = ingest.status().into_iter().flat_map(|status| status.partitions);
    partitions.map(|progress| progress.partition).collect()
}

/// Sends `count` events to each partition, every tenth of them broken.
async fn send(house: &House, sent: &mut BTreeMap<i32, i64>, count: i64) {
    for partition in 0..PARTITIONS {
        let from = sent.get(&partition).copied().unwrap_or(0);
        let values = (from..from + count).map(|id| {
            if id % 10 == 3 {
                Some("?".to_owned())
            } else {
                event(id, id)
            }
        });
        house.send("events", partition, &values.collect::<Vec<_>>()).await;
        sent.insert(partition, from + count);
    }
}

async fn check_each_landed_once(house: &House, sent: &BTreeMap<i32, i64>) {
    for (partition, end) in sent {
        let is_broken = |offset: &i64| offset % 10 == 3;
        let (dead, rows): (Vec<i64>, Vec<i64>) = (0..*end).partition(is_broken);
        let partition = i64::from(*partition);
        assert_eq!(house.offsets("events", partition).await, rows, "partition {partition}");
        let found = house.offsets("events_dead_letters", partition).await;
        assert_eq!(found, dead, "partition {partition}");
    }
}

/// Workers come and go while records do.
async fn check_history(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let house = house().await;
    let mut sent = BTreeMap::new();
    let mut workers = vec![worker(&house, Some("w0")).await];
    for step in 1..8 {
        send(&house, &mut sent, random.random_range(1..60)).await;
        if workers.len() < 3 && random.random_bool(0.6) {
            let name = format!("w{step}");
            let name = random.random_bool(0.5).then_some(name.as_str());
            workers.push(worker(&house, name).await);
        } else if workers.len() > 1 {
            let leaving = workers.swap_remove(random.random_range(0..workers.len()));
            if random.random_bool(0.5) {
                leaving.shutdown().await;
            }
            // Else it is dropped in the middle of what it does.
        }
        if random.random_bool(0.5) {
            workers[0].wait_caught_up(PATIENCE).await.unwrap();
        }
    }
    send(&house, &mut sent, 20).await;
    workers[0].wait_caught_up(PATIENCE).await.unwrap();
    check_each_landed_once(&house, &sent).await;
    let all: i64 = sent.values().sum();
    let dead: i64 = sent.values().map(|end| (end + 6) / 10).sum();
    until(&workers[0], |status| {
        (status.rows, status.dead) == (all as u64 - dead as u64, dead as u64)
    })
    .await;
    for worker in workers {
        worker.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_come_and_go_land_each_record_once() {
    for seed in 0..2 {
        println!("seed {seed}");
        check_history(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn event_time_goes_on_as_far_as_the_slowest_worker() {
    let house = house().await;
    let limits = IngestLimits {
        idle_after: std::time::Duration::from_millis(300),
        ..house.limits.clone()
    };
    let house = House { limits, ..house };
    let (one, two) = (worker(&house, None).await, worker(&house, None).await);
    // Both have some, and together all.
    until(&one, |status| {
        (1..PARTITIONS as usize).contains(&status.partitions.len())
    })
    .await;
    until(&two, |status| {
        (1..PARTITIONS as usize).contains(&status.partitions.len())
    })
    .await;
    let (of_one, of_two) = (reads(&one), reads(&two));
    assert_eq!(
        of_one.len() + of_two.len(),
        PARTITIONS as usize,
        "{of_one:?} {of_two:?}"
    );
    // One partition of each has events, the others are empty.
    let (ahead, behind) = (of_one[0], of_two[0]);
    house.send("events", behind.0, &[event(2, 120)]).await;
    until(&one, |status| status.rows == 1).await;
    house.send("events", ahead.0, &[event(1, 500)]).await;
    for worker in [&one, &two] {
        worker.wait_caught_up(PATIENCE).await.unwrap();
        until(worker, |status| status.watermark == Some(Micros(110_000_000))).await;
    }
    house.send("events", behind.0, &[event(3, 300)]).await;
    until(&one, |status| status.watermark == Some(Micros(290_000_000))).await;
    // What one left, the other goes on with: nothing is late that was not, and what is late is.
    two.shutdown().await;
    drop(two);
    until(&one, |status| status.partitions.len() == PARTITIONS as usize).await;
    house.send("events", behind.0, &[event(4, 295), event(5, 280)]).await;
    one.wait_caught_up(PATIENCE).await.unwrap();
    until(&one, |status| (status.rows, status.late) == (5, 1)).await;
    one.shutdown().await;
}
