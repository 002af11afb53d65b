//! A scorer that is killed after any number of records and started again gives every prediction once. Every seed is a history;
//! a failure prints its seed.

use std::collections::HashSet;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tidemill_kafka::{Producer, ProducerRecord, partition_of};
use tidemill_types::{DeploymentName, NextOffset};

use super::*;
use crate::predictions::{Origin, ScoreBatch, Scorer, Tail, TailRequest, read_back, scorer_limits};

const SEEDS: u64 = 8;
const TICKS: i64 = 3;
const ROWS_MAX: i64 = 40;
const KILLS_MAX: u32 = 3;

/// A history: ticks with rows, and where it is killed.
struct History {
    kafka: Arc<Kafka>,
    /// Whatever was handed to it arrives: what a killed process loses is chosen before.
    producer: Producer,
    rng: ChaCha8Rng,
    predictions: Arc<ModelPredictions>,
    partitions: i32,
    deployments: Vec<DeploymentName>,
    /// What the last finished tick noted.
    noted: BTreeMap<KafkaPartition, NextOffset>,
    /// Records of requests, which are nobody's predictions of a tick.
    requests: usize,
}

impl History {
    fn scorer(&self) -> Scorer {
        Scorer::new(self.producer.clone(), Arc::clone(&self.predictions))
    }

    async fn tail(&self, tick: Micros) -> Tail {
        let request = TailRequest {
            topic: self.predictions.contract.topic(),
            from: &self.noted,
            tick,
        };
        read_back(&self.kafka.client, &self.kafka.admin, request).await.unwrap()
    }

    /// What a scorer puts into the topic until it is killed: the records up to some place in the order, of which those that
    /// its client still held for a Kafka partition are lost.
    async fn killed(&mut self, rows: &RecordBatch, at: Micros) {
        let tail = self.tail(at).await;
        let scorer = self.scorer();
        let stop = self.rng.random_range(0..=rows.num_rows() * self.deployments.len());
        for (place, deployment) in self.deployments.clone().iter().enumerate() {
            let handed_over = stop.saturating_sub(place * rows.num_rows());
            let held: Vec<usize> = (0..self.partitions).map(|_| self.rng.random_range(0..8)).collect();
            let mut arrives = vec![false; rows.num_rows()];
            let mut of_partition: Vec<Vec<usize>> = vec![Vec::new(); self.partitions as usize];
            for row in 0..handed_over.min(rows.num_rows()) {
                of_partition[self.partition_of(rows, row)].push(row);
            }
            for (rows, held) in of_partition.iter().zip(held) {
                rows.iter()
                    .take(rows.len().saturating_sub(held))
                    .for_each(|row| arrives[*row] = true);
            }
            let rows = filter_record_batch(rows, &BooleanArray::from(arrives)).unwrap();
            score(&scorer, deployment, rows, at, &tail).await;
        }
        scorer.flush().await.unwrap();
    }

    fn partition_of(&self, rows: &RecordBatch, row: usize) -> usize {
        let customers = rows.column_by_name("CUSTOMER").unwrap();
        let customer = arrow::util::display::array_value_to_string(customers, row).unwrap();
        partition_of(customer.as_bytes(), self.partitions).0 as usize
    }

    async fn finished(&mut self, rows: &RecordBatch, at: Micros) {
        let tail = self.tail(at).await;
        let scorer = self.scorer();
        for deployment in &self.deployments {
            score(&scorer, deployment, rows.clone(), at, &tail).await;
        }
        scorer.flush().await.unwrap();
        self.noted = self.tail(at).await.ends;
    }

    /// Requests from outside, which come at any time.
    async fn asked(&mut self) {
        for _ in 0..self.rng.random_range(0..4) {
            let record = ProducerRecord {
                topic: self.predictions.contract.topic(),
                partition: None,
                key: None,
                value: Some(b"{}"),
                headers: &[],
                timestamp: day(1),
            };
            self.producer.send(record).await.unwrap();
            self.requests += 1;
        }
        self.producer.flush(std::time::Duration::from_secs(30)).await.unwrap();
    }
}

async fn score(scorer: &Scorer, deployment: &DeploymentName, rows: RecordBatch, at: Micros, tail: &Tail) {
    let batch = ScoreBatch {
        rows,
        time_column: name("AT"),
        at,
    };
    let already = Arc::new(tail.seen.get(deployment).cloned().unwrap_or_default());
    scorer.score(deployment, &deployed(), batch, already).await.unwrap();
}

async fn run(kafka: Arc<Kafka>, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let partitions = rng.random_range(1..=4);
    let deployments = ["a", "b", "c"].into_iter().take(rng.random_range(1..=3));
    let stream = predictions_stream(&format!("predictions_{seed}"), &usual_fields());
    kafka.make_topic(&stream.topic, partitions).await;
    let mut history = History {
        kafka: Arc::clone(&kafka),
        producer: Producer::new(&kafka.client, &scorer_limits()).unwrap(),
        rng,
        predictions: model_predictions(&stream),
        partitions,
        deployments: deployments.map(|text| DeploymentName::new(text).unwrap()).collect(),
        noted: BTreeMap::new(),
        requests: 0,
    };
    let mut expected = HashSet::new();
    let mut first = 0;
    for tick in 1..=TICKS {
        let rows = history.rng.random_range(0..=ROWS_MAX);
        let batch = events(first..first + rows, START + (tick - 1) * DAY);
        for deployment in &history.deployments {
            for id in first..first + rows {
                expected.insert((deployment.clone(), source_ref(id), day(tick)));
            }
        }
        first += rows;
        for _ in 0..history.rng.random_range(0..=KILLS_MAX) {
            history.killed(&batch, day(tick)).await;
            history.asked().await;
        }
        history.finished(&batch, day(tick)).await;
    }
    let records = kafka.records(&stream.topic).await;
    assert_eq!(records.len(), expected.len() + history.requests, "records");
    let text = |record: &Record, name: &str| String::from_utf8(record.header(name).unwrap().to_vec()).unwrap();
    let found: HashSet<_> = records
        .iter()
        .filter(|record| !record.headers.is_empty())
        .map(|record| {
            let origin = Origin {
                event: crate::predictions::SourceRef {
                    topic: topic(&text(record, "tm_topic")),
                    partition: KafkaPartition(text(record, "tm_partition").parse().unwrap()),
                    offset: LastOffset(text(record, "tm_offset").parse().unwrap()),
                },
                deployment: text(record, "tm_deployment").parse().unwrap(),
                tick: text(record, "tm_tick").parse().unwrap(),
            };
            (origin.deployment, origin.event, origin.tick)
        })
        .collect();
    assert_eq!(found, expected, "each once");
}

#[tokio::test]
async fn killed_anywhere_and_started_again_it_gives_every_prediction_once() {
    let kafka = Arc::new(Kafka::start().await);
    // Histories wait for the broker most of the time, so they go side by side.
    let histories: Vec<_> = (0..SEEDS)
        .map(|seed| (seed, tokio::spawn(run(Arc::clone(&kafka), seed))))
        .collect();
    for (seed, history) in histories {
        assert!(history.await.is_ok(), "seed {seed}");
    }
}
