//! A lake with payments and labels that the tests and the `.slt` files know by heart.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tempfile::TempDir;
use tidemill_lake::{Append, Lake, LakeLocation, TableSpec};
use tidemill_types::{ColumnName, LANDED_COLUMNS, TableName};

use crate::{Catalog, Engine, EngineSettings, StreamTable, View};

/// 2018-04-01T00:00:00Z in microseconds.
pub(super) const START: i64 = 1_522_540_800_000_000;
pub(super) const DAY: i64 = 86_400_000_000;

/// An engine over its lake. The folder goes with it.
pub(super) struct TestHouse {
    pub(super) engine: Engine,
    pub(super) lake: Arc<Lake>,
    _folder: TempDir,
}

pub(super) fn table(name: &str) -> TableName {
    TableName::new(name).unwrap()
}

pub(super) fn column(name: &str) -> ColumnName {
    ColumnName::new(name).unwrap()
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn landed(own: Vec<Field>) -> SchemaRef {
    let types = [
        DataType::Utf8,
        DataType::Int32,
        DataType::Int64,
        time(),
        DataType::Boolean,
    ];
    let landed = LANDED_COLUMNS
        .iter()
        .zip(types)
        .map(|(column, data_type)| Field::new(column.name(), data_type, false));
    Arc::new(Schema::new(own.into_iter().chain(landed).collect::<Vec<_>>()))
}

fn transactions_schema() -> SchemaRef {
    landed(vec![
        Field::new("TRANSACTION_ID", DataType::Int64, false),
        Field::new("TX_DATETIME", time(), false),
        Field::new("CUSTOMER_ID", DataType::Int64, false),
        Field::new("TX_AMOUNT", DataType::Float64, true),
    ])
}

fn labels_schema() -> SchemaRef {
    landed(vec![
        Field::new("TRANSACTION_ID", DataType::Int64, false),
        Field::new("TX_FRAUD", DataType::Int32, true),
    ])
}

fn landed_columns(topic: &str, offsets: std::ops::Range<i64>, known: impl Fn(i64) -> i64) -> Vec<ArrayRef> {
    let rows = (offsets.end - offsets.start) as usize;
    vec![
        Arc::new(StringArray::from(vec![topic; rows])),
        Arc::new(Int32Array::from(vec![0; rows])),
        Arc::new(offsets.clone().collect::<Int64Array>()),
        Arc::new(
            offsets
                .map(|offset| Some(known(offset)))
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
        Arc::new(BooleanArray::from(vec![false; rows])),
    ]
}

/// Payment `i` happens `i` hours after the start, by customer `i % 3`, over `10 × i`; every fifth amount is missing.
pub(super) fn transactions(ids: std::ops::Range<i64>) -> RecordBatch {
    let at = |id: i64| START + id * DAY / 24;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(ids.clone().collect::<Int64Array>()),
        Arc::new(
            ids.clone()
                .map(|id| Some(at(id)))
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
        Arc::new(ids.clone().map(|id| id % 3).collect::<Int64Array>()),
        Arc::new(
            ids.clone()
                .map(|id| (id % 5 != 4).then_some(10.0 * id as f64))
                .collect::<Float64Array>(),
        ),
    ];
    columns.extend(landed_columns("transactions", ids, at));
    RecordBatch::try_new(transactions_schema(), columns).unwrap()
}

/// The label of payment `i` is known a week later; every fourth is fraud.
fn labels(ids: std::ops::Range<i64>) -> RecordBatch {
    let known = |id: i64| START + id * DAY / 24 + 7 * DAY;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(ids.clone().collect::<Int64Array>()),
        Arc::new(ids.clone().map(|id| i32::from(id % 4 == 0)).collect::<Int32Array>()),
    ];
    columns.extend(landed_columns("labels", ids, known));
    RecordBatch::try_new(labels_schema(), columns).unwrap()
}

pub(super) async fn append(lake: &Lake, name: &str, batch: RecordBatch) -> i64 {
    let spec = TableSpec {
        name: table(name),
        schema: batch.schema(),
        comment: String::new(),
        partition_columns: Vec::new(),
    };
    let opened = lake.create(spec).await.unwrap();
    let append = Append {
        batches: vec![batch],
        fences: Vec::new(),
        info: tidemill_lake::Info::default(),
    };
    opened.commit(append).await.unwrap().version
}

pub(super) fn view(name: &str, sql: &str) -> View {
    View {
        name: table(name),
        sql: sql.to_owned(),
        comment: String::new(),
    }
}

/// The streams, and the views given.
pub(super) fn catalog(views: Vec<View>) -> Catalog {
    Catalog {
        streams: vec![
            StreamTable {
                name: table("transactions"),
                schema: transactions_schema(),
                event_time: Some(column("TX_DATETIME")),
                comment: "rows of topic `transactions`".to_owned(),
            },
            StreamTable {
                name: table("labels"),
                schema: labels_schema(),
                event_time: None,
                comment: "rows of topic `labels`".to_owned(),
            },
        ],
        views,
    }
}

/// Two threads, and limits that a test can reach.
pub(super) fn settings() -> EngineSettings {
    EngineSettings {
        threads: 2,
        memory_bytes: 64 * 1024 * 1024,
        ..EngineSettings::default()
    }
}

/// 20 payments landed in two commits, labels of the first 12, nothing dead.
pub(super) async fn house(views: Vec<View>) -> TestHouse {
    let folder = TempDir::new().unwrap();
    let lake = Lake::open(LakeLocation::folder(folder.path()).unwrap()).await.unwrap();
    append(&lake, "transactions", transactions(0..10)).await;
    append(&lake, "transactions", transactions(10..20)).await;
    append(&lake, "labels", labels(0..12)).await;
    let lake = Arc::new(lake);
    TestHouse {
        engine: Engine::new(settings(), Arc::clone(&lake), None, catalog(views)).unwrap(),
        lake,
        _folder: folder,
    }
}
