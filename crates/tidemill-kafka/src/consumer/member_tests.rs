//! Members of one group against the in-process broker: whatever joins and leaves, each record is read from where its
//! partition was left, and nothing of a partition comes after it was revoked.

use std::collections::BTreeMap;
use std::time::Duration;

use tidemill_broker::{Broker, BrokerSettings};
use tidemill_types::{KafkaPartition, NextOffset};

use super::*;
use crate::Admin;
use crate::testing::{fill, topic};

const PATIENCE: Duration = Duration::from_secs(40);
const PARTITIONS: i32 = 4;

/// Reads as ingest does: goes on where a partition was left, whoever left it.
struct Member {
    handle: ConsumerHandle,
    batches: PolledBatches,
    holds: Vec<KafkaPartition>,
}

/// What all members together have read: offsets by partition, in the order in which they came.
type ReadTo = BTreeMap<KafkaPartition, Vec<i64>>;

impl Member {
    fn join(settings: &ClientSettings, instance: Option<&str>) -> Member {
        let membership = Membership {
            group: "group".to_owned(),
            topic: topic("a"),
            instance: instance.map(str::to_owned),
        };
        let limits = ConsumerLimits {
            batch_wait: Duration::from_millis(5),
            ..ConsumerLimits::default()
        };
        let (handle, batches) = PolledConsumer::join(settings, &membership, limits).unwrap();
        Member {
            handle,
            batches,
            holds: Vec::new(),
        }
    }

    /// Takes what comes next, if anything comes soon.
    async fn step(&mut self, read: &mut ReadTo) {
        let Ok(polled) = tokio::time::timeout(Duration::from_millis(20), self.batches.recv()).await else {
            return;
        };
        match polled.expect("a thread that runs") {
            Ok(Polled::Batch(batch)) => {
                assert!(
                    self.holds.contains(&batch.partition),
                    "{batch:?} came after it was revoked"
                );
                let known = read.entry(batch.partition).or_default();
                known.extend(batch.offsets());
            }
            Ok(Polled::Granted(partitions)) => {
                let assignments = partitions.iter().map(|partition| Assignment {
                    topic: topic("a"),
                    partition: *partition,
                    start: NextOffset(read.get(partition).map_or(0, |offsets| offsets.len() as i64)),
                });
                self.handle.add(assignments.collect()).unwrap();
                self.holds.extend(partitions);
            }
            Ok(Polled::Revoked { partitions, .. }) => {
                self.holds.retain(|held| !partitions.contains(held));
                self.handle.release(partitions).unwrap();
            }
            Err(error) if error.is_transient() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Steps all of them until it is as wanted.
async fn until(members: &mut [Member], read: &mut ReadTo, wanted: impl Fn(&[Member], &ReadTo) -> bool) {
    let stepped = tokio::time::timeout(PATIENCE, async {
        while !wanted(members, read) {
            for member in members.iter_mut() {
                member.step(read).await;
            }
        }
    });
    stepped.await.expect("in time");
}

/// A member that leaves without having answered the group is closed all the same.
async fn check_it_leaves(settings: &ClientSettings, is_last_word: impl Fn(&Polled) -> bool) {
    let mut member = Member::join(settings, None);
    // The other one makes the group take something back.
    let mut other = None;
    loop {
        let polled = tokio::time::timeout(PATIENCE, member.batches.recv()).await;
        let polled = polled.expect("in time").expect("a thread that runs");
        let Ok(polled) = polled else { continue };
        if is_last_word(&polled) {
            break;
        }
        if let Polled::Granted(partitions) = polled {
            let assignments = partitions.iter().map(|partition| Assignment {
                topic: topic("a"),
                partition: *partition,
                start: NextOffset(0),
            });
            member.handle.add(assignments.collect()).unwrap();
            other.get_or_insert_with(|| Member::join(settings, None));
        }
    }
    let stopped = tokio::time::timeout(PATIENCE, member.handle.stop()).await;
    stopped.expect("it is closed");
    if let Some(other) = other {
        other.handle.stop().await;
    }
}

fn shared(members: &[Member]) -> bool {
    let held: usize = members.iter().map(|member| member.holds.len()).sum();
    held == PARTITIONS as usize && members.iter().all(|member| !member.holds.is_empty())
}

fn read_to(end: i64) -> impl Fn(&[Member], &ReadTo) -> bool {
    move |_, read| {
        (0..PARTITIONS).all(|p| {
            read.get(&KafkaPartition(p))
                .is_some_and(|read| read.len() as i64 >= end)
        })
    }
}

/// A broker with the topic.
async fn broker() -> (tempfile::TempDir, Broker, ClientSettings) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(BrokerSettings {
        dir: dir.path().to_owned(),
        port: Some(0),
        ..BrokerSettings::default()
    });
    let broker = broker.await.unwrap();
    let settings = ClientSettings::new(broker.bootstrap(), "tidemill-test");
    let admin = Admin::connect(&settings).unwrap();
    admin
        .ensure_topic(&topic("a"), PARTITIONS, &BTreeMap::new())
        .await
        .unwrap();
    (dir, broker, settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_partitions_and_hand_them_over() {
    let (_dir, broker, settings) = broker().await;
    let fill = async |from: i64, to: i64| {
        for partition in 0..PARTITIONS {
            fill(&settings, &topic("a"), partition, from..to).await;
        }
    };
    let mut read = ReadTo::new();
    fill(0, 20).await;
    let mut members = vec![Member::join(&settings, Some("one"))];
    until(&mut members, &mut read, read_to(20)).await;
    members.push(Member::join(&settings, None));
    until(&mut members, &mut read, |members, _| shared(members)).await;
    fill(20, 40).await;
    until(&mut members, &mut read, read_to(40)).await;
    // One without a name leaves, and the other takes over.
    members.pop().unwrap().handle.stop().await;
    until(&mut members, &mut read, |members, _| {
        members[0].holds.len() == PARTITIONS as usize
    })
    .await;
    fill(40, 60).await;
    until(&mut members, &mut read, read_to(60)).await;
    for (partition, offsets) in &read {
        assert_eq!(*offsets, (0..60).collect::<Vec<i64>>(), "partition {partition}");
    }
    members.pop().unwrap().handle.stop().await;
    broker.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_leaves_with_the_group_unanswered() {
    let (_dir, broker, settings) = broker().await;
    check_it_leaves(&settings, |polled| matches!(polled, Polled::Granted(_))).await;
    check_it_leaves(&settings, |polled| matches!(polled, Polled::Revoked { .. })).await;
    broker.shutdown().await.unwrap();
}
