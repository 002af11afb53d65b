//! The offset plan against a model of the two tables, with crashes wherever two things happen one after the other, and with
//! two processes that run the same stream. Every seed is a history; a failure prints its seed.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tidemill_lake::FenceUpdate;
use tidemill_types::{KafkaPartition, LastOffset, NextOffset};

use crate::fences::{PartitionFences, Take, app_id, app_prefix, dead_commits_app_id, take, unsure_range};

const PARTITIONS: i32 = 3;
const OFFSETS: i64 = 60;
const SEEDS: u64 = 400;

/// What a record is, to a decoder of some version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Row,
    Dead,
    Tombstone,
}

/// The log: offsets with gaps, as compaction and transaction markers leave them.
struct Log(BTreeMap<i32, Vec<(i64, Verdict)>>);

/// A table: fences as the lake keeps them, and which records it holds.
#[derive(Default)]
struct Table {
    fences: BTreeMap<String, i64>,
    records: Vec<(i32, i64)>,
}

impl Table {
    /// The lake's rule: every fence stands where it is expected, or nothing happens.
    fn commit(&mut self, records: &[(i32, i64)], fences: &[FenceUpdate]) -> Result<(), ()> {
        if fences.iter().any(|f| self.fences.get(&f.app_id).copied() != f.expected) {
            return Err(());
        }
        self.fences.extend(fences.iter().map(|f| (f.app_id.clone(), f.next)));
        self.records.extend(records);
        Ok(())
    }
}

#[derive(Default)]
struct House {
    main: Table,
    dead: Table,
}

/// A process that runs the stream: what a session holds in memory.
struct Worker {
    parts: BTreeMap<i32, (PartitionFences, NextOffset)>,
    rows: Vec<(i32, i64)>,
    letters: Vec<(i32, i64)>,
    touched: BTreeSet<i32>,
}

fn prefix() -> String {
    app_prefix("p", "c", "t")
}

fn id(partition: i32) -> String {
    app_id(&prefix(), KafkaPartition(partition))
}

impl Worker {
    /// As a session opens: from the fences, and the dead letters between them one by one.
    fn open(house: &House) -> Worker {
        let parts = (0..PARTITIONS).map(|partition| {
            let fence = |table: &Table| table.fences.get(&id(partition)).copied().map(NextOffset);
            let (main, dead) = (fence(&house.main), fence(&house.dead));
            let unsure = unsure_range(main, dead);
            let known = house.dead.records.iter().filter(|(p, offset)| {
                *p == partition && unsure.is_some_and(|(from, to)| (from.0..to.0).contains(offset))
            });
            let fences = PartitionFences {
                main,
                dead,
                dead_known: known.map(|(_, offset)| *offset).collect(),
                dead_commits: house.dead.fences.get(&dead_commits_app_id(&id(partition))).copied(),
            };
            (partition, (fences, main.unwrap_or(NextOffset::ZERO)))
        });
        Worker {
            parts: parts.collect(),
            rows: Vec::new(),
            letters: Vec::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Takes up to `count` records of a partition. Redelivery starts below the position now and then.
    fn read(&mut self, log: &Log, partition: i32, count: usize, rewind: i64, judge: impl Fn(i64, Verdict) -> Verdict) {
        let (fences, position) = self.parts.get_mut(&partition).unwrap();
        let from = position.0 - rewind;
        let batch = log.0[&partition]
            .iter()
            .filter(|(offset, _)| *offset >= from)
            .take(count);
        for (offset, verdict) in batch {
            match take(*position, &fences.dead_known, LastOffset(*offset)) {
                Take::Skip => continue,
                Take::AlreadyDead => (),
                Take::Decode => match judge(*offset, *verdict) {
                    Verdict::Row => self.rows.push((partition, *offset)),
                    Verdict::Dead => self.letters.push((partition, *offset)),
                    Verdict::Tombstone => (),
                },
            }
            *position = LastOffset(*offset).next();
            self.touched.insert(partition);
        }
    }

    /// Lands what was taken, and crashes after `steps` steps. Whether the worker still lives.
    fn land(&mut self, house: &mut House, steps: usize) -> bool {
        let touched = self
            .touched
            .iter()
            .map(|partition| (*partition, &self.parts[partition]));
        if steps == 0 {
            return false;
        }
        if !self.letters.is_empty() {
            let with_letters = touched.clone().filter(|(partition, _)| self.has_letters(*partition));
            let fences =
                with_letters.flat_map(|(partition, (fences, next))| fences.dead_updates(&id(partition), *next));
            if house.dead.commit(&self.letters, &fences.collect::<Vec<_>>()).is_err() {
                return false;
            }
        }
        if steps == 1 {
            return false;
        }
        let fences: Vec<FenceUpdate> = touched
            .map(|(partition, (fences, next))| fences.main_update(&id(partition), *next))
            .collect();
        if house.main.commit(&self.rows, &fences).is_err() || steps == 2 {
            return false;
        }
        for partition in std::mem::take(&mut self.touched) {
            let (fences, next) = self.parts.get_mut(&partition).unwrap();
            let with_letters = self.letters.iter().any(|(p, _)| *p == partition);
            fences.landed(*next, with_letters);
        }
        self.rows.clear();
        self.letters.clear();
        true
    }

    fn has_letters(&self, partition: i32) -> bool {
        self.letters.iter().any(|(p, _)| *p == partition)
    }

    fn is_done(&self, log: &Log) -> bool {
        let read_all = |(partition, (_, position)): (&i32, &(PartitionFences, NextOffset))| {
            log.0[partition].last().is_none_or(|(offset, _)| *offset < position.0)
        };
        self.touched.is_empty() && self.parts.iter().all(read_all)
    }
}

fn random_log(random: &mut ChaCha8Rng) -> Log {
    let partition = |random: &mut ChaCha8Rng| {
        let mut records = Vec::new();
        for offset in 0..OFFSETS {
            let verdict = match random.random_range(0..10) {
                0 => continue,
                1..=2 => Verdict::Dead,
                3 => Verdict::Tombstone,
                _ => Verdict::Row,
            };
            records.push((offset, verdict));
        }
        records
    };
    Log((0..PARTITIONS).map(|number| (number, partition(random))).collect())
}

/// Runs one history to its end. `workers` processes; with `fickle`, the decoder changes its mind at each start.
fn history(seed: u64, workers: usize, fickle: bool) -> (House, Log) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let log = random_log(&mut random);
    let mut house = House::default();
    let mut running: Vec<(Worker, u64)> = (0..workers).map(|_| (Worker::open(&house), 0)).collect();
    let mut starts = 0;
    for step in 0..100_000 {
        let chosen = random.random_range(0..workers);
        let (worker, mind) = &mut running[chosen];
        if worker.is_done(&log) {
            // One process can be done while another still holds the end; what counts is what has landed.
            let opened = Worker::open(&house);
            if opened.is_done(&log) {
                return (house, log);
            }
            running[chosen].0 = opened;
            continue;
        }
        let judge = |offset: i64, verdict: Verdict| match verdict {
            Verdict::Tombstone => verdict,
            _ if fickle && (offset as u64 ^ *mind).is_multiple_of(7) => Verdict::Dead,
            _ if fickle && (offset as u64 ^ *mind) % 7 == 1 => Verdict::Row,
            verdict => verdict,
        };
        if random.random_bool(0.6) {
            let partition = random.random_range(0..PARTITIONS);
            worker.read(
                &log,
                partition,
                random.random_range(1..9),
                random.random_range(0..3),
                judge,
            );
            continue;
        }
        // Crashes are rarer towards the end, so that every history has one.
        let steps = if step < 2_000 && random.random_bool(0.3) {
            random.random_range(0..3)
        } else {
            3
        };
        if !worker.land(&mut house, steps) {
            starts += 1;
            running[chosen] = (Worker::open(&house), starts);
        }
    }
    panic!("seed {seed} does not come to an end");
}

fn check(seed: u64, workers: usize, fickle: bool) {
    let (house, log) = history(seed, workers, fickle);
    let mut landed: Vec<(i32, i64)> = house.main.records.iter().chain(&house.dead.records).copied().collect();
    landed.sort_unstable();
    let all = log.0.iter().flat_map(|(partition, records)| {
        let kept = records.iter().filter(|(_, verdict)| *verdict != Verdict::Tombstone);
        kept.map(|(offset, _)| (*partition, *offset))
    });
    let all: Vec<(i32, i64)> = all.collect();
    assert_eq!(landed, all, "seed {seed}, {workers} workers, fickle {fickle}");
    if !fickle {
        let mut dead = house.dead.records.clone();
        dead.sort_unstable();
        let meant = all
            .iter()
            .filter(|(partition, offset)| log.0[partition].contains(&(*offset, Verdict::Dead)));
        assert_eq!(dead, meant.copied().collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
fn one_process_lands_each_offset_once_whatever_crashes() {
    for seed in 0..SEEDS {
        check(seed, 1, false);
    }
}

#[test]
fn a_decoder_that_changes_its_mind_between_starts_changes_nothing() {
    for seed in 0..SEEDS {
        check(seed, 1, true);
    }
}

#[test]
fn processes_that_fight_over_a_stream_land_each_offset_once() {
    for seed in 0..SEEDS {
        check(seed, 2, false);
        check(seed, 3, false);
    }
}
