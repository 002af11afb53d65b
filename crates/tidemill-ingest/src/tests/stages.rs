//! Batch stages against a model: whatever is lost, whoever joins and leaves, what a commit keeps of a stage is what the stage
//! makes of exactly the rows that landed since it joined. Every seed is a history; a failure prints its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tidemill_kafka::BatchBuilder;
use tidemill_project::Format;
use tidemill_types::{KafkaPartition, LastOffset, NextOffset, StreamName, TopicName};

use super::end_to_end::{House, PATIENCE, events};
use super::malformed::stream;
use crate::decode::DecodeLimits;
use crate::intake::Intake;
use crate::late::LATE;
use crate::stage::{BatchStage, HeldState, LandedCommit, PartitionStates, StageFault, StagedBatch, Stages};

const PARTITIONS: i32 = 3;
const OFFSETS: i64 = 80;
const SEEDS: u64 = 300;
const NAMES: [&str; 3] = ["first", "second", "third"];

type Offsets = BTreeMap<i32, Vec<i64>>;

/// Keeps the offsets of the rows that it saw, by partition, and where it began.
struct Tally {
    name: &'static str,
    since: BTreeMap<i32, i64>,
    seen: Offsets,
    /// Between a loss and the restore that follows it, nothing of a partition may be seen.
    ready: BTreeSet<i32>,
    landed: Arc<Mutex<Vec<LandedCommit>>>,
}

impl Tally {
    fn new(name: &'static str) -> Tally {
        Tally {
            name,
            since: BTreeMap::new(),
            seen: BTreeMap::new(),
            ready: BTreeSet::new(),
            landed: Arc::default(),
        }
    }
}

impl BatchStage for Tally {
    fn name(&self) -> &'static str {
        self.name
    }

    fn see(&mut self, batch: &mut StagedBatch<'_>) {
        assert!(self.ready.contains(&batch.partition.0), "it was not restored");
        assert_eq!(batch.rows.num_rows(), batch.offsets.len());
        assert_eq!(batch.masks.get(LATE).unwrap().len(), batch.offsets.len());
        self.seen.entry(batch.partition.0).or_default().extend(batch.offsets);
        let odd = batch.offsets.iter().map(|offset| Some(offset % 2 == 1)).collect();
        batch.masks.set(self.name, odd);
    }

    fn state(&self, partition: KafkaPartition) -> Value {
        json!({ "since": self.since[&partition.0], "seen": self.seen[&partition.0] })
    }

    fn restore(&mut self, partition: KafkaPartition, held: HeldState<'_>) {
        self.ready.insert(partition.0);
        let state = held.state.cloned();
        let state = state.unwrap_or_else(|| json!({ "since": held.next, "seen": [] }));
        self.since.insert(partition.0, state["since"].as_i64().unwrap());
        let seen = serde_json::from_value(state["seen"].clone()).unwrap();
        self.seen.insert(partition.0, seen);
    }

    fn release(&mut self, partition: KafkaPartition) {
        self.ready.remove(&partition.0);
        self.since.remove(&partition.0);
        self.seen.remove(&partition.0);
    }

    fn landed(&mut self, commit: &LandedCommit) {
        self.landed.lock().unwrap().push(commit.clone());
    }

    fn lost(&mut self) {
        self.ready.clear();
    }
}

/// A stream's side of things: what it holds in memory and what has landed.
struct Model {
    random: ChaCha8Rng,
    stages: Stages,
    intake: Intake,
    /// What the newest commit that landed keeps.
    held: PartitionStates,
    landed: BTreeMap<KafkaPartition, NextOffset>,
    position: BTreeMap<KafkaPartition, NextOffset>,
    masked: u64,
}

fn intake(stages: &Stages) -> Intake {
    let limits = DecodeLimits {
        message_bytes: 1_000,
        schemas: 1,
    };
    Intake::new(&stream(Format::Json), limits, stages.clone())
}

/// Every seventh record is broken, every eleventh a tombstone.
fn is_row(offset: i64) -> bool {
    offset % 7 != 3 && offset % 11 != 5
}

impl Model {
    fn new(seed: u64) -> Model {
        let stages = Stages::default();
        let start: BTreeMap<_, _> = (0..PARTITIONS).map(|p| (KafkaPartition(p), NextOffset(0))).collect();
        Model {
            random: ChaCha8Rng::seed_from_u64(seed),
            intake: intake(&stages),
            stages,
            held: PartitionStates::new(),
            landed: start.clone(),
            position: start,
            masked: 0,
        }
        .restored()
    }

    /// Begins every partition with what its last commit holds.
    fn restored(mut self) -> Model {
        self.restore();
        self
    }

    fn restore(&mut self) {
        for (partition, next) in &self.landed {
            self.intake.restore(*partition, self.held.get(partition), *next);
        }
    }

    fn take(&mut self) {
        let partition = KafkaPartition(self.random.random_range(0..PARTITIONS));
        let position = self.position[&partition];
        let end = OFFSETS.min(position.0 + self.random.random_range(1..12));
        let mut batch = BatchBuilder::new(TopicName::new("events").unwrap(), partition, 0, 0, 0);
        for offset in position.0..end {
            let value = if offset % 11 == 5 {
                None
            } else if offset % 7 == 3 {
                Some("{".to_owned())
            } else {
                Some(json!({ "id": offset, "amount": 1.5 }).to_string())
            };
            batch.push(LastOffset(offset), 0, None, value.as_ref().map(String::as_bytes), &[]);
        }
        let taken = self.intake.take(&batch.finish(), position, &BTreeSet::new()).unwrap();
        self.masked += taken.masked.values().sum::<u64>();
        self.position.insert(partition, taken.next);
    }

    fn land(&mut self, version: i64) {
        self.held = self.intake.stage_states(self.landed.keys().copied()).unwrap();
        self.landed = self.position.clone();
        self.stages.landed(&LandedCommit {
            version,
            next: self.landed.clone(),
            watermark: None,
        });
    }

    fn lose(&mut self) {
        self.stages.lost();
        self.position = self.landed.clone();
        self.intake = intake(&self.stages);
        self.restore();
    }

    /// Another worker gets a partition, and gives it back: what was not landed of it is lost.
    fn hand_over(&mut self) {
        let partition = KafkaPartition(self.random.random_range(0..PARTITIONS));
        self.intake.release(partition);
        let next = self.landed[&partition];
        self.position.insert(partition, next);
        self.intake.restore(partition, self.held.get(&partition), next);
    }

    fn join(&mut self, name: &'static str) -> Result<(), StageFault> {
        let mut stage = Box::new(Tally::new(name));
        for (partition, next) in &self.landed {
            let held = HeldState {
                state: self.held.get(partition).and_then(|states| states.get(name)),
                next: *next,
            };
            stage.restore(*partition, held);
        }
        self.stages.add(stage, LATE)
    }

    fn check(&self, seed: u64) {
        for name in NAMES {
            for (partition, next) in &self.landed {
                let Some(state) = self.held.get(partition).and_then(|states| states.get(name)) else {
                    continue;
                };
                let from = state["since"].as_i64().unwrap();
                let meant: Vec<i64> = (from..next.0).filter(|offset| is_row(*offset)).collect();
                let seen: Vec<i64> = serde_json::from_value(state["seen"].clone()).unwrap();
                assert_eq!(seen, meant, "seed {seed}, stage {name}, partition {partition}");
            }
        }
    }
}

#[test]
fn what_a_commit_keeps_of_a_stage_is_what_it_saw_of_the_rows_that_landed() {
    for seed in 0..SEEDS {
        let mut model = Model::new(seed);
        model.join(NAMES[0]).unwrap();
        for version in 0..10_000 {
            if model.landed.values().all(|next| next.0 == OFFSETS) {
                break;
            }
            match model.random.random_range(0..11) {
                0..=5 => model.take(),
                6 => model.lose(),
                10 => model.hand_over(),
                7 | 8 => {
                    model.land(version);
                    model.check(seed);
                }
                // Stages come and go at commits.
                _ => {
                    model.land(version);
                    let name = NAMES[model.random.random_range(0..NAMES.len())];
                    if model.stages.remove(name).is_err() {
                        model.join(name).unwrap();
                    }
                }
            }
        }
        assert!(model.landed.values().all(|next| next.0 == OFFSETS), "seed {seed}");
        assert!(model.masked > 0, "seed {seed}");
        model.check(seed);
    }
}

#[test]
fn names_and_numbers_are_limited() {
    let stages = Stages::default();
    let add = |name| stages.add(Box::new(Tally::new(name)), LATE);
    assert_eq!(add(LATE), Err(StageFault::Twice(LATE.to_owned())));
    add("first").unwrap();
    assert_eq!(add("first"), Err(StageFault::Twice("first".to_owned())));
    let unknown = stages.remove("second").map(|_| ()).unwrap_err();
    assert_eq!(unknown, StageFault::Unknown("second".to_owned()));
    assert_eq!(stages.remove("first").unwrap().name(), "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_joins_a_running_stream_and_goes_on_after_a_restart() {
    let house = House::new().await;
    house.make_topic("events").await;
    let name = StreamName::new("events").unwrap();
    let start = |stages: Vec<(StreamName, Box<dyn BatchStage>)>| {
        let mut wiring = house.wiring(vec![super::end_to_end::stream("events")]);
        wiring.stages = stages;
        crate::Ingest::start(wiring).unwrap()
    };
    house.send("events", 0, &events(0..10)).await;
    let ingest = start(Vec::new());
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    let tally = Tally::new("tally");
    let landed = Arc::clone(&tally.landed);
    ingest.add_stage(&name, Box::new(tally)).await.unwrap();
    house.send("events", 0, &events(10..20)).await;
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    let newest = landed.lock().unwrap().last().cloned().unwrap();
    assert_eq!(newest.next[&KafkaPartition(0)], NextOffset(20));
    ingest.shutdown().await;
    // The next process has its own, which begins where the last commit left the first.
    let ingest = start(vec![(name.clone(), Box::new(Tally::new("tally")))]);
    house.send("events", 0, &events(20..25)).await;
    ingest.wait_caught_up(PATIENCE).await.unwrap();
    let tally = ingest.remove_stage(&name, "tally").await.unwrap();
    let state = tally.state(KafkaPartition(0));
    assert_eq!(state["since"], json!(10));
    assert_eq!(state["seen"], json!((10..25).collect::<Vec<i64>>()));
    let gone = ingest.remove_stage(&name, "tally").await.map(|_| ()).unwrap_err();
    assert!(gone.to_string().contains("batch stages"), "{gone}");
    ingest.shutdown().await;
}
