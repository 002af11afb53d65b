//! One value of everything that an operation answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use indexmap::IndexMap;
use serde_json::json;
use tidemill_serve::protocol::{Datatype, InferResponse, ModelMetadata, OutputTensor, TensorMetadata};
use tidemill_types::{
    CheckKind, CodeVersion, ErrorCode, FeatureHash, Gate, GateRule, KafkaPartition, LastOffset, Lineage, Metrics,
    Micros, ModelName, MonitorKind, NextOffset, Problem, RunId, Severity, StreamRange, TimeRange, TrainingInput,
    TriggerKind, VersionNumber,
};

use crate::*;

/// Any name type from a text that is one.
pub(super) fn name<T: TryFrom<String, Error: std::fmt::Debug>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap()
}

pub(super) fn day(text: &str) -> Micros {
    text.parse().unwrap()
}

pub(super) fn run_id() -> RunId {
    name("0123456789abcdef0123456789abcdef")
}

fn hash() -> String {
    "c0ffee".repeat(10) + "cafe"
}

fn metrics() -> Metrics {
    let mut metrics = Metrics::default();
    metrics.set("auc", 0.871);
    metrics.set("average_precision", 0.645);
    metrics
}

fn week() -> TimeRange {
    TimeRange::new(day("2018-07-25"), day("2018-08-01"))
}

pub(super) fn gate() -> tidemill_types::GateVerdict {
    let rule = |metric: &str| GateRule {
        metric: metric.to_owned(),
        at_least: Some(0.7),
        at_most: None,
    };
    Gate(vec![rule("auc"), rule("absent")]).judge(&metrics())
}

pub(super) fn lineage() -> Lineage {
    Lineage {
        inputs: vec![TrainingInput {
            table: name("transactions"),
            delta_version: 12,
            window: TimeRange {
                from: None,
                to: Some(day("2018-08-01")),
            },
            rows: 67_240,
        }],
        streams: vec![StreamRange {
            table: name("transactions"),
            topic: name("transactions"),
            partition: KafkaPartition(0),
            start: NextOffset(0),
            end: NextOffset(584_718),
        }],
        feature_hash: FeatureHash(hash()),
        seed: u64::MAX,
        code_version: CodeVersion("0.1.0".to_owned()),
    }
}

pub(super) fn status() -> Status {
    Status {
        project: "fraud".to_owned(),
        code_version: "0.1.0".to_owned(),
        running: true,
        started_at: Some(day("2026-01-01T12:00:00")),
        kafka: KafkaStatus {
            bootstrap: "127.0.0.1:9092".to_owned(),
            embedded: true,
            cluster_id: Some("c1".to_owned()),
        },
        streams: vec![StreamStatus {
            stream: name("transactions"),
            topic: name("transactions"),
            state: StreamState::Running,
            problem: None,
            rows: 1_754_155,
            dead_letters: 2,
            lag_rows: 5,
            lag_seconds: Some(1.5),
            watermark: Some(day("2018-09-30T23:59:58")),
            table_version: Some(183),
            committed_at: Some(day("2026-01-01T12:01:00.25")),
            commit_ms: Some(41),
            committed_bytes: Some(72_000_000),
            partitions: vec![PartitionStatus {
                partition: KafkaPartition(0),
                next: NextOffset(584_718),
                end: Some(NextOffset(584_723)),
            }],
        }],
        slots: vec![SlotStatus {
            deployment: name("fraud"),
            model: Some(name("fraud")),
            wanted: Some(VersionNumber(2)),
            serving: Some(VersionNumber(2)),
            content_hash: Some(hash()),
            deployed_at: Some(day("2026-01-01T12:02:00")),
            problem: None,
        }],
        clock: Some(clock()),
        predictions: Some(PredictionsStatus {
            recorded: 12,
            dropped: 1,
            queued: 3,
            queue: 10_000,
        }),
    }
}

pub(super) fn sql_answer() -> SqlAnswer {
    let schema = Arc::new(Schema::new(vec![
        Field::new("TRANSACTION_ID", DataType::Int64, false),
        Field::new("TX_AMOUNT", DataType::Float64, true),
        Field::new(
            "TX_DATETIME",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            false,
        ),
    ]));
    let times = TimestampMicrosecondArray::from(vec![day("2018-04-01T00:00:31").0, day("2018-04-01T00:02:10").0]);
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![
            Arc::new(Int64Array::from(vec![0, 1])),
            Arc::new(Float64Array::from(vec![Some(57.16), None])),
            Arc::new(times.with_timezone("UTC")),
        ],
    );
    SqlAnswer {
        schema,
        batches: vec![batch.unwrap()],
        truncated: true,
        elapsed: Duration::from_micros(12_345),
    }
}

pub(super) fn tables() -> Vec<TableDescription> {
    vec![TableDescription {
        name: name("transactions"),
        kind: TableKind::Stream,
        comment: Some("Card transactions".to_owned()),
        version: Some(183),
        rows: Some(1_754_155),
        columns: vec![ColumnDescription {
            name: "TX_AMOUNT".to_owned(),
            data_type: "Float64".to_owned(),
            nullable: false,
        }],
    }]
}

pub(super) fn features() -> Vec<FeatureViewSummary> {
    vec![FeatureViewSummary {
        view: name("customer_spending"),
        entity: name("customer"),
        key: vec![name("TRANSACTION_ID")],
        event_time: name("TX_DATETIME"),
        lookback: "30d".parse().unwrap(),
        file: "sql/features/customer_spending.sql".to_owned(),
        range: week(),
        rows: 67_240,
        columns: vec![FeatureSummary {
            name: "CUSTOMER_ID_NB_TX_1DAY_WINDOW".to_owned(),
            nulls: 0,
            mean: Some(2.5),
            std: Some(1.5),
            min: Some(1.0),
            median: Some(2.0),
            max: Some(12.0),
        }],
        elapsed_ms: 310,
    }]
}

pub(super) fn check_report() -> CheckReport {
    let row = json!({ "TRANSACTION_ID": 7, "_tm_partition": 0, "_tm_offset": 41 });
    CheckReport {
        window: week(),
        passed: false,
        stops_training: true,
        outcomes: vec![CheckOutcome {
            check: name("amount_positive"),
            kind: CheckKind::Row,
            on: name("transactions"),
            severity: Severity::Fail,
            file: "sql/checks/amount_positive.sql".to_owned(),
            rows: 67_240,
            broken: 1,
            share: 0.5,
            mostly: None,
            passed: false,
            sample: vec![row.as_object().unwrap().clone()],
        }],
    }
}

pub(super) fn train_outcome() -> TrainOutcome {
    TrainOutcome {
        status: TrainStatus::Deployed,
        run: run_id(),
        run_name: "xgboost 1".to_owned(),
        experiment: name("fraud"),
        model: name("fraud"),
        algorithm: "xgboost".to_owned(),
        params: IndexMap::from([("n_estimators".to_owned(), json!(100)), ("eta".to_owned(), json!(0.3))]),
        seed: 42,
        train: week(),
        train_rows: RowCounts {
            rows: 67_240,
            positives: 612,
        },
        evaluate: TimeRange::new(day("2018-08-08"), day("2018-08-15")),
        evaluate_rows: RowCounts {
            rows: 58_264,
            positives: 385,
        },
        metrics: metrics(),
        gate: gate(),
        version: Some(VersionNumber(2)),
        content_hash: Some(hash()),
        checks: check_report(),
        deployment: Some(deployment()),
        elapsed_ms: 5_120,
    }
}

pub(super) fn experiments() -> Vec<Experiment> {
    vec![Experiment {
        name: name("fraud"),
        created_at: day("2026-01-01"),
        runs: 4,
    }]
}

pub(super) fn run_summary() -> RunSummary {
    RunSummary {
        id: run_id(),
        name: "xgboost 1".to_owned(),
        experiment: name("fraud"),
        model: Some(name("fraud")),
        algorithm: Some("xgboost".to_owned()),
        status: RunStatus::Finished,
        started_at: day("2026-01-01T12:00:00"),
        finished_at: Some(day("2026-01-01T12:00:05.12")),
        metrics: metrics(),
        version: Some(VersionNumber(2)),
    }
}

pub(super) fn run() -> Run {
    Run {
        summary: run_summary(),
        params: IndexMap::from([("n_estimators".to_owned(), "100".to_owned())]),
        tags: IndexMap::from([("team".to_owned(), "cards".to_owned())]),
        lineage: Some(lineage()),
        failure: None,
        artifacts: vec![RunArtifact {
            path: "model.tidemill".to_owned(),
            sha256: hash(),
        }],
    }
}

pub(super) fn comparison(ids: &[RunId]) -> RunComparison {
    let runs = ids.iter().map(|id| RunSummary {
        id: id.clone(),
        ..run_summary()
    });
    RunComparison {
        runs: runs.collect(),
        params: vec![ComparedParam {
            name: "n_estimators".to_owned(),
            values: vec![Some("100".to_owned()), None],
            differs: true,
        }],
        metrics: vec![ComparedMetric {
            name: "auc".to_owned(),
            values: vec![Some(0.871), None],
        }],
    }
}

pub(super) fn model(model: &ModelName) -> Model {
    Model {
        name: model.clone(),
        created_at: day("2026-01-01"),
        versions: 2,
        latest: Some(VersionNumber(2)),
        aliases: BTreeMap::from([(name("champion"), VersionNumber(2))]),
        deployments: BTreeMap::from([(name("fraud"), VersionNumber(2))]),
    }
}

pub(super) fn model_version(model: &ModelName, version: VersionNumber) -> ModelVersion {
    ModelVersion {
        model: model.clone(),
        version,
        run: Some(run_id()),
        algorithm: "xgboost".to_owned(),
        content_hash: hash(),
        created_at: day("2026-01-01T12:00:05.12"),
        metrics: metrics(),
        aliases: vec![name("champion")],
        deployments: vec![name("fraud")],
    }
}

pub(super) fn version_lineage(model: &ModelName, version: VersionNumber) -> VersionLineage {
    VersionLineage {
        model: model.clone(),
        version,
        content_hash: hash(),
        run: Some(run_id()),
        experiment: Some(name("fraud")),
        lineage: lineage(),
        deployments: vec![name("fraud")],
    }
}

pub(super) fn alias(model: &ModelName, version: VersionNumber) -> Alias {
    Alias {
        model: model.clone(),
        alias: name("champion"),
        version,
        since: day("2026-01-02"),
    }
}

pub(super) fn alias_events() -> Vec<AliasEvent> {
    vec![AliasEvent {
        alias: name("champion"),
        version: Some(VersionNumber(2)),
        from: day("2026-01-02"),
        to: None,
        actor: "cli".to_owned(),
        reason: Some("better".to_owned()),
    }]
}

pub(super) fn deployment() -> Deployment {
    Deployment {
        name: name("fraud"),
        model: name("fraud"),
        version: VersionNumber(2),
        alias: Some(name("champion")),
        content_hash: hash(),
        since: day("2026-01-02"),
        previous: Some(VersionNumber(1)),
    }
}

pub(super) fn deployment_events() -> Vec<DeploymentEvent> {
    vec![DeploymentEvent {
        deployment: name("fraud"),
        model: name("fraud"),
        version: VersionNumber(2),
        action: DeploymentAction::Forward,
        from: day("2026-01-02"),
        to: None,
        actor: "cli".to_owned(),
        reason: None,
    }]
}

pub(super) fn metadata(deployment: &str) -> ModelMetadata {
    let tensor = |name: &str| TensorMetadata {
        name: name.to_owned(),
        datatype: Datatype::Fp64,
        shape: vec![-1],
    };
    ModelMetadata {
        name: deployment.to_owned(),
        versions: vec!["2".to_owned()],
        platform: "tidemill".to_owned(),
        inputs: vec![tensor("TX_AMOUNT")],
        outputs: vec![tensor("probability")],
    }
}

pub(super) fn infer_response(deployment: &str, id: Option<String>, rows: usize) -> InferResponse {
    InferResponse {
        model_name: deployment.to_owned(),
        model_version: "2".to_owned(),
        id,
        outputs: vec![OutputTensor {
            name: "probability".to_owned(),
            shape: vec![rows as u64],
            datatype: Datatype::Fp64,
            data: vec![0.125; rows],
        }],
    }
}

pub(super) fn dead_letter_id() -> DeadLetterId {
    DeadLetterId {
        stream: name("transactions"),
        partition: KafkaPartition(1),
        offset: LastOffset(41),
    }
}

pub(super) fn dead_letter() -> DeadLetter {
    DeadLetter {
        summary: DeadLetterSummary {
            id: dead_letter_id(),
            topic: name("transactions"),
            kafka_time: day("2018-04-01T00:00:31"),
            stage: "decode".to_owned(),
            code: "invalid_json".to_owned(),
            error: "expected value at line 1 column 1".to_owned(),
            value_bytes: Some(3),
        },
        key: Some(RawBytes::from(&b"596"[..])),
        value: Some(RawBytes::from(&[0_u8, 255, 16][..])),
        headers: vec![RawHeader {
            key: "row".to_owned(),
            value: RawBytes::from(&b"7"[..]),
        }],
    }
}

pub(super) fn drift() -> DriftSeries {
    let point = |at: &str, value: Option<f64>, status: DriftStatus| DriftPoint {
        at: day(at),
        window: week(),
        reference_version: Some(VersionNumber(2)),
        value,
        status,
        reference_rows: 67_240,
        rows: 8_123,
        figures: BTreeMap::from([("ks_lower".to_owned(), 0.125), ("null_share".to_owned(), 0.0)]),
    };
    DriftSeries {
        monitor: name("feature_drift"),
        model: name("fraud"),
        column: name("TX_AMOUNT"),
        measure: "psi".to_owned(),
        warn: Some(0.1),
        drift: Some(0.25),
        points: vec![
            point("2018-08-01", None, DriftStatus::TooFew),
            point("2018-08-02", Some(0.0625), DriftStatus::Stable),
            point("2018-08-03", Some(0.375), DriftStatus::Drift),
        ],
    }
}

pub(super) fn performance() -> PerformanceSeries {
    PerformanceSeries {
        monitor: name("performance"),
        model: name("fraud"),
        segment: Some("weekend".to_owned()),
        metric: "average_precision".to_owned(),
        points: vec![PerformancePoint {
            at: day("2018-08-08"),
            window: week(),
            version: Some(VersionNumber(2)),
            value: Some(0.625),
            status: "ok".to_owned(),
            rows: 67_240,
            labelled: 33_620,
            maturity: Some(0.5),
            positives: 306,
        }],
    }
}

pub(super) fn monitors() -> Vec<Monitor> {
    vec![Monitor {
        name: name("feature_drift"),
        kind: MonitorKind::Drift,
        model: name("fraud"),
        description: Some("Features of a week against those of the training rows".to_owned()),
        every: "1d".parse().unwrap(),
        window: "7d".parse().unwrap(),
        delay: "0s".parse().unwrap(),
        measure: Some("psi".to_owned()),
        warn: Some(0.1),
        drift: Some(0.25),
        rows_min: 500,
        file: "sql/monitors/feature_drift.sql".to_owned(),
        last_at: Some(day("2018-08-03")),
        last_status: Some("drift".to_owned()),
    }]
}

pub(super) fn monitor_run() -> MonitorRun {
    MonitorRun {
        monitor: name("feature_drift"),
        kind: MonitorKind::Drift,
        model: name("fraud"),
        at: day("2018-08-03"),
        window: week(),
        reference_version: Some(VersionNumber(2)),
        drift: vec![drift()],
        performance: Vec::new(),
    }
}

pub(super) fn triggers() -> Vec<Trigger> {
    vec![Trigger {
        name: name("weekly"),
        kind: TriggerKind::Schedule,
        model: name("fraud"),
        description: Some("Every Monday".to_owned()),
        schedule: Some("0 3 * * 1 Europe/Berlin".to_owned()),
        clock: "event".to_owned(),
        cooldown: "1d".parse().unwrap(),
        rows_min: 1_000,
        quota: Some("4 per 30d".to_owned()),
        file: "sql/triggers/weekly.sql".to_owned(),
        last_firing: Some(firing()),
        cooling_until: Some(day("2018-08-07")),
        next_due: Some(day("2018-08-13T01:00:00")),
    }]
}

pub(super) fn firing() -> Firing {
    let row = json!({ "column_name": "TX_AMOUNT", "value": 0.375 });
    Firing {
        trigger: name("weekly"),
        kind: TriggerKind::Schedule,
        model: name("fraud"),
        at: day("2018-08-06T01:00:00"),
        evidence: vec![row.as_object().unwrap().clone()],
        evidence_more: 2,
        actor: "event clock".to_owned(),
        reason: None,
        state: FiringState::Ended,
        outcome: Some(FiringOutcome::Promoted),
        detail: Some("average_precision 0.64 over 0.58".to_owned()),
        run: Some(run_id()),
        version: Some(VersionNumber(3)),
        champion_before: Some(VersionNumber(2)),
        recorded_at: day("2026-01-02T12:00:00"),
        ended_at: Some(day("2026-01-02T12:00:05")),
    }
}

pub(super) fn prediction() -> Prediction {
    let columns = json!({ "TRANSACTION_ID": 7, "CUSTOMER_ID": 596, "feature_age_ms": null });
    Prediction {
        id: "fraud-0-41".to_owned(),
        stream: name("predictions"),
        model: name("fraud"),
        version: VersionNumber(2),
        deployment: name("fraud"),
        source: PredictionSource::Stream,
        score: 0.875,
        decision: true,
        event_time: day("2018-08-01T00:00:31"),
        scored_at: day("2018-08-02"),
        columns: columns.as_object().unwrap().clone(),
    }
}

pub(super) fn clock() -> EventClock {
    EventClock {
        state: ClockState::Failing,
        tick: "1d".parse().unwrap(),
        at: Some(day("2018-08-03")),
        watermark: Some(day("2018-08-04T23:59:58")),
        held_by: Some(name("labels")),
        behind_ticks: 1,
        stepping: Some(day("2018-08-04")),
        step: Some("score".to_owned()),
        problem: Some(absent("x")),
        spent: vec![ClockPart {
            part: "features".to_owned(),
            seconds: 12.5,
            cpu_seconds: 20.25,
        }],
    }
}

pub(super) fn absent(what: &str) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("nothing is called `{what}`")).with_hint("did you mean `fraud`?")
}
