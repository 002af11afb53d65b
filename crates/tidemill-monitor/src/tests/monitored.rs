//! Monitors over a lake of 2,000 trips, one a minute, which are half as long again from the 1,001st on.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use tempfile::TempDir;
use tidemill_engine::{Catalog, Engine, EngineSettings, Scope};
use tidemill_lake::{Append, Lake, LakeLocation, TableSpec};
use tidemill_project::{Overrides, Project};
use tidemill_stats::drift::{NumericProfile, Outcome, ReferenceProfile, ReferenceSet};
use tidemill_types::{Explain, Micros, MonitorName, TableName, VersionNumber};

use super::house::hour;
use crate::{Findings, MonitorOrder, MonitorReport, MonitorTables, Reference, run_monitor};

const TRIPS: i64 = 2_000;
const FILES: &[(&str, &str)] = &[
    (
        "tidemill.toml",
        "name = \"trips\"\n[streams.trips]\nkey = [\"ID\"]\nevent_time = \"AT\"\n[streams.tips]\nkey = [\"ID\"]\n\
         [models.tip]\nstream = \"trips\"\nlabel = \"tips.GIVEN\"\n",
    ),
    (
        "schemas/trips.avsc",
        r#"{ "type": "record", "name": "trip", "fields": [
            { "name": "ID", "type": "long" },
            { "name": "AT", "type": { "type": "long", "logicalType": "timestamp-micros" } },
            { "name": "KM", "type": "double" } ] }"#,
    ),
    (
        "schemas/tips.avsc",
        r#"{ "type": "record", "name": "tip", "fields": [
            { "name": "ID", "type": "long" }, { "name": "GIVEN", "type": "int" } ] }"#,
    ),
    (
        "sql/features/distance.sql",
        "-- feature view: distance\n-- entity: trip\n-- key: ID\n-- event time: AT\n-- lookback: 0s\n\n\
         select ID, AT, KM from trips\n",
    ),
    (
        "sql/monitors/km.sql",
        "-- monitor: km\n-- kind: drift\n-- model: tip\n-- every: 1h\n-- window: 10h\n\n\
         select ID, KM from trips where AT >= $from and AT < $to\n",
    ),
    (
        "sql/monitors/km_ks.sql",
        "-- monitor: km_ks\n-- kind: drift\n-- model: tip\n-- every: 1h\n-- window: 10h\n-- measure: ks\n\n\
         select KM from trips where AT >= $from and AT < $to\n",
    ),
    (
        "sql/monitors/tips.sql",
        "-- monitor: tips\n-- kind: performance\n-- model: tip\n-- every: 1h\n-- window: 10h\n-- delay: 0s\n\n\
         select\n    case when ID % 4 = 0 then 0.9 else 0.1 end as score,\n    case when ID < 1900 then ID % 8 = 0 end as label,\n\
         \x20   case when ID % 3 = 0 then 'third' else 'other' end as segment\nfrom trips\nwhere AT >= $from and AT < $to\n",
    ),
    (
        "sql/monitors/nothing.sql",
        "-- monitor: nothing\n-- kind: drift\n-- model: tip\n\nselect ID from trips where AT >= $from and AT < $to\n",
    ),
];

struct Monitored {
    project: Project,
    engine: Engine,
    lake: Arc<Lake>,
    reference: Reference,
    _folder: TempDir,
}

fn km(id: i64) -> f64 {
    let length = (id * 37 % 1_000) as f64 / 10.0;
    if id < 1_000 { length } else { 1.5 * length }
}

/// Minutes after the start.
fn minute(number: i64) -> i64 {
    hour(0).0 + number * 60_000_000
}

async fn monitored() -> Monitored {
    let folder = TempDir::new().unwrap();
    for (file, text) in FILES {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let project = Project::load(folder.path(), &Overrides::default()).unwrap();
    let lake = Lake::open(LakeLocation::folder(&folder.path().join("lake")).unwrap());
    let lake = Arc::new(lake.await.unwrap());
    land(&lake, &project).await;
    let settings = EngineSettings {
        threads: 2,
        memory_bytes: 64 * 1024 * 1024,
        ..EngineSettings::default()
    };
    let profile = NumericProfile::new((0..1_000).map(|id| Some(km(id)))).unwrap();
    let columns = [("KM".to_owned(), ReferenceProfile::Numeric(profile))];
    Monitored {
        engine: Engine::new(settings, Some(Arc::clone(&lake)), None, Catalog::of(&project)).unwrap(),
        reference: Reference {
            version: VersionNumber(1),
            columns: ReferenceSet {
                columns: columns.into(),
            },
        },
        project,
        lake,
        _folder: folder,
    }
}

/// Each trip is known when it happens, the last one a day later.
async fn land(lake: &Lake, project: &Project) {
    let schema = project.streams[0].schema.landed_arrow();
    let times = |late: i64| -> ArrayRef {
        let times = (0..TRIPS).map(|id| Some(minute(id) + if id == TRIPS - 1 { late } else { 0 }));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let rows = TRIPS as usize;
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..TRIPS).collect::<Int64Array>()),
        times(0),
        Arc::new((0..TRIPS).map(|id| Some(km(id))).collect::<Float64Array>()),
        Arc::new(StringArray::from(vec!["trips"; rows])),
        Arc::new(Int32Array::from(vec![0; rows])),
        Arc::new((0..TRIPS).collect::<Int64Array>()),
        times(86_400_000_000),
        Arc::new(BooleanArray::from(vec![false; rows])),
    ];
    let spec = TableSpec {
        name: TableName::new("trips").unwrap(),
        schema: schema.clone(),
        comment: String::new(),
        partition_columns: Vec::new(),
    };
    let append = Append {
        batches: vec![RecordBatch::try_new(schema, columns).unwrap()],
        fences: Vec::new(),
        info: tidemill_lake::Info::default(),
    };
    lake.create(spec).await.unwrap().commit(append).await.unwrap();
}

impl Monitored {
    async fn run(&self, monitor: &str, at: Micros) -> Result<MonitorReport, crate::MonitorError> {
        let order = MonitorOrder {
            monitor: &self.project.monitors[&MonitorName::new(monitor).unwrap()],
            at,
            reference: Some(&self.reference),
            version: Some(VersionNumber(1)),
        };
        run_monitor(&self.engine, &self.project, order).await
    }

    /// The outcome of the one column that is measured, and how many rows were looked at.
    async fn outcome(&self, monitor: &str, at: Micros) -> (Outcome, u64) {
        let report = self.run(monitor, at).await.unwrap();
        let Findings::Drift(rows) = &report.findings else {
            panic!("no drift report: {report:?}");
        };
        assert_eq!((rows.len(), rows[0].column.as_str()), (1, "KM"));
        (rows[0].outcome, report.rows)
    }

    async fn count(&self, sql: &str) -> i64 {
        let session = self.engine.scope(Scope::default()).await.unwrap();
        let rows = session.query(sql).await.unwrap().concat().unwrap();
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(rows.column(0)).value(0)
    }
}

#[tokio::test]
async fn drift_is_found_where_it_is() {
    let house = monitored().await;
    for monitor in ["km", "km_ks"] {
        assert_eq!(
            house.outcome(monitor, hour(16)).await,
            (Outcome::Stable, 600),
            "{monitor}"
        );
        assert_eq!(
            house.outcome(monitor, hour(30)).await,
            (Outcome::Drift, 600),
            "{monitor}"
        );
        // Nothing is concluded from 120 rows, or from none.
        assert_eq!(
            house.outcome(monitor, hour(2)).await,
            (Outcome::TooFew, 120),
            "{monitor}"
        );
        assert_eq!(
            house.outcome(monitor, hour(90)).await,
            (Outcome::TooFew, 0),
            "{monitor}"
        );
    }
    // Of the 560 trips of the last window one was not known then.
    assert_eq!(house.outcome("km", hour(34)).await, (Outcome::Drift, 559));
    let error = house.run("nothing", hour(24)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "monitor `nothing`: column `*` none of the columns was in the training set of the version that serves"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("see sql/monitors/nothing.sql; docs/sql-files.md says what it gives")
    );
}

#[tokio::test]
async fn figures_are_of_the_rows_whose_label_is_known() {
    let house = monitored().await;
    // Trips 1,380 to 1,979; labels are known up to 1,899. Every fourth is flagged, every eighth is positive.
    let report = house.run("tips", hour(33)).await.unwrap();
    let Findings::Performance(rows) = &report.findings else {
        panic!("no performance report: {report:?}");
    };
    let of = |segment: Option<&str>, metric: &str| {
        let row = rows
            .iter()
            .find(|row| row.segment.as_deref() == segment && row.metric == metric)
            .unwrap();
        (row.rows, row.labelled, row.positives, row.value, row.status())
    };
    assert_eq!(of(None, "precision"), (600, 520, 65, Some(0.5), "ok"));
    assert_eq!(of(None, "recall"), (600, 520, 65, Some(1.0), "ok"));
    assert_eq!(rows[0].maturity(), Some(520.0 / 600.0));
    // 1,392, 1,416 … 1,896 are positive and every third: 22 of 174 labelled ones.
    assert_eq!(of(Some("third"), "recall"), (200, 174, 22, Some(1.0), "too_few"));
    assert_eq!(of(Some("other"), "recall").0, 400);
}

#[tokio::test]
async fn a_report_is_kept_once() {
    let house = monitored().await;
    let tables = MonitorTables::open(&house.lake).await.unwrap();
    let name = MonitorName::new("km").unwrap();
    assert_eq!(tables.kept(&name, true).await.unwrap(), None);
    let (first, second) = (
        house.run("km", hour(16)).await.unwrap(),
        house.run("km", hour(30)).await.unwrap(),
    );
    assert!(tables.keep(&first).await.unwrap());
    assert!(!tables.keep(&first).await.unwrap());
    // Another process with its own handle.
    let other = MonitorTables::open(&house.lake).await.unwrap();
    assert!(!other.keep(&first).await.unwrap());
    assert!(other.keep(&second).await.unwrap());
    // The clock does not go back.
    assert!(!tables.keep(&first).await.unwrap());
    assert_eq!(tables.kept(&name, true).await.unwrap(), Some(hour(30)));
    assert_eq!(house.count("select count(*) from drift").await, 2);
    let drifted =
        "select count(*) from drift where status = 'drift' and psi > 0.25 and ks_lower <= ks_upper and n_current = 600";
    assert_eq!(house.count(drifted).await, 1);
    let performance = house.run("tips", hour(33)).await.unwrap();
    assert!(tables.keep(&performance).await.unwrap());
    assert!(!tables.keep(&performance).await.unwrap());
    assert_eq!(
        house
            .count("select count(distinct segment) from performance where maturity < 1")
            .await,
        2
    );
}
