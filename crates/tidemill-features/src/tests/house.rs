//! A project, a lake with generated rows, and an engine over both.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::cast;
use tempfile::TempDir;
use tidemill_engine::{Catalog, Engine, EngineSettings};
use tidemill_lake::{Append, Lake, LakeLocation, TableSpec};
use tidemill_project::{Overrides, Project};
use tidemill_types::{Micros, StreamName, TableName};

/// 2018-04-01T00:00:00Z.
pub(super) const START: i64 = 1_522_540_800_000_000;
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

pub(super) fn day(number: i64) -> Micros {
    Micros(START + number * DAY)
}

pub(super) struct TestHouse {
    pub(super) project: Project,
    pub(super) engine: Engine,
    pub(super) lake: Arc<Lake>,
    _folder: TempDir,
}

/// A payment, and what it turned out to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payment {
    pub(super) id: i64,
    pub(super) at: i64,
    pub(super) customer: i32,
    pub(super) terminal: i32,
    pub(super) amount: f64,
    pub(super) fraud: i32,
    /// When the label is known.
    pub(super) labelled_at: i64,
}

/// The same bytes for the same seed, everywhere: a 64-bit linear congruence (Knuth's MMIX constants).
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// `a_day` payments on each of `days` days, in time order, on whole seconds.
pub(super) fn payments(days: i64, a_day: i64) -> Vec<Payment> {
    let mut state = 7;
    let mut all = Vec::new();
    for id in 0..days * a_day {
        let slot = 86_400 / a_day;
        let second = (id % a_day) * slot + (next(&mut state) as i64) % slot;
        let at = START + (id / a_day) * DAY + second * SECOND;
        all.push(Payment {
            id,
            at,
            customer: (next(&mut state) % 7) as i32,
            terminal: (next(&mut state) % 5) as i32,
            amount: (next(&mut state) % 30_000) as f64 / 100.0,
            fraud: i32::from(next(&mut state).is_multiple_of(9)),
            labelled_at: at + 7 * DAY,
        });
    }
    all
}

/// The folder of the repository, which is the fraud project.
pub(super) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The repository's project over a lake with these payments and the labels of all of them.
pub(super) async fn fraud_house(payments: &[Payment]) -> TestHouse {
    let project = Project::load(&repository(), &Overrides::default()).unwrap();
    let folder = TempDir::new().unwrap();
    let lake = Lake::open(LakeLocation::folder(folder.path()).unwrap()).await.unwrap();
    let lake = Arc::new(lake);
    let engine = engine(&project, Some(Arc::clone(&lake)));
    let house = TestHouse {
        project,
        engine,
        lake,
        _folder: folder,
    };
    house.land_transactions(payments, 0).await;
    house.land_labels(payments, 0).await;
    house
}

pub(super) fn engine(project: &Project, lake: Option<Arc<Lake>>) -> Engine {
    let settings = EngineSettings {
        threads: 2,
        memory_bytes: 256 * 1024 * 1024,
        ..EngineSettings::default()
    };
    Engine::new(settings, lake, None, Catalog::of(project)).unwrap()
}

fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(
        values
            .map(Some)
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

impl TestHouse {
    pub(super) async fn land_transactions(&self, payments: &[Payment], first_offset: i64) {
        self.land_transactions_known(payments, first_offset, |payment| payment.at)
            .await;
    }

    /// The same, with the time at which each became known.
    pub(super) async fn land_transactions_known(
        &self,
        payments: &[Payment],
        first_offset: i64,
        known: impl Fn(&Payment) -> i64,
    ) {
        self.land("transactions", payments, first_offset, known, |name| {
            let of = payments.iter();
            let column: ArrayRef = match name {
                "TRANSACTION_ID" => Arc::new(of.map(|payment| payment.id).collect::<Int64Array>()),
                "TX_DATETIME" => times(of.map(|payment| payment.at)),
                "CUSTOMER_ID" => Arc::new(of.map(|payment| payment.customer).collect::<Int32Array>()),
                "TERMINAL_ID" => Arc::new(of.map(|payment| payment.terminal).collect::<Int32Array>()),
                "TX_AMOUNT" => Arc::new(of.map(|payment| payment.amount).collect::<Float64Array>()),
                _ => return None,
            };
            Some(column)
        })
        .await;
    }

    pub(super) async fn land_labels(&self, payments: &[Payment], first_offset: i64) {
        let known = |payment: &Payment| payment.labelled_at;
        self.land("labels", payments, first_offset, known, |name| {
            let of = payments.iter();
            let column: ArrayRef = match name {
                "TRANSACTION_ID" => Arc::new(of.map(|payment| payment.id).collect::<Int64Array>()),
                "TX_FRAUD" => Arc::new(of.map(|payment| payment.fraud).collect::<Int32Array>()),
                _ => return None,
            };
            Some(column)
        })
        .await;
    }

    /// Commits one batch; columns that `column` does not know are null.
    async fn land(
        &self,
        stream: &str,
        payments: &[Payment],
        first_offset: i64,
        known: impl Fn(&Payment) -> i64,
        column: impl Fn(&str) -> Option<ArrayRef>,
    ) {
        let rows = payments.len();
        let schema = self.project.streams[&StreamName::new(stream).unwrap()]
            .schema
            .landed_arrow();
        let columns = schema.fields().iter().map(|field| {
            let landed: ArrayRef = match field.name().as_str() {
                "_tm_topic" => Arc::new(StringArray::from(vec![stream; rows])),
                "_tm_partition" => Arc::new(Int32Array::from(vec![0; rows])),
                "_tm_offset" => Arc::new((first_offset..first_offset + rows as i64).collect::<Int64Array>()),
                "_tm_kafka_time" => times(payments.iter().map(&known)),
                "_tm_late" => Arc::new(BooleanArray::from(vec![false; rows])),
                name => column(name).unwrap_or_else(|| new_null_array(field.data_type(), rows)),
            };
            cast(&landed, field.data_type()).unwrap()
        });
        let batch = RecordBatch::try_new(schema.clone(), columns.collect()).unwrap();
        let spec = TableSpec {
            name: TableName::new(stream).unwrap(),
            schema,
            comment: String::new(),
            partition_columns: Vec::new(),
        };
        let append = Append {
            batches: vec![batch],
            fences: Vec::new(),
            info: tidemill_lake::Info::default(),
        };
        self.lake.create(spec).await.unwrap().commit(append).await.unwrap();
    }
}
