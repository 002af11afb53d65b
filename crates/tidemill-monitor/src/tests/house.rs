//! A project of one stream and one view, and a lake with its rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use tempfile::TempDir;
use tidemill_engine::{Catalog, Engine, EngineSettings};
use tidemill_lake::{Append, Lake, LakeLocation, TableSpec};
use tidemill_project::{Overrides, Project};
use tidemill_types::{Micros, TableName};

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000_000;
const HOUR: i64 = 3_600_000_000;

pub(super) struct TestHouse {
    pub(super) project: Project,
    pub(super) engine: Engine,
    _folder: TempDir,
}

pub(super) fn hour(number: i64) -> Micros {
    Micros(START + number * HOUR)
}

const SCHEMA: &str = r#"{ "type": "record", "name": "trip", "fields": [
  { "name": "ID", "type": "long" },
  { "name": "AT", "type": { "type": "long", "logicalType": "timestamp-micros" } },
  { "name": "KM", "type": ["null", "double"], "default": null } ] }"#;
const SETTINGS: &str = "name = \"trips\"\n[streams.trips]\nkey = [\"ID\"]\nevent_time = \"AT\"\n";
const VIEW: &str = "-- feature view: trip_length\n-- entity: trip\n-- key: ID\n-- event time: AT\n-- lookback: 2h\n\n\
                    select ID, AT, sum(KM) over (order by ID rows between 2 preceding and current row) as KM_3 from trips\n";

/// A project with the checks given: name and text behind the line that names it.
fn project(folder: &TempDir, checks: &[(&str, &str)]) -> Project {
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("tidemill.toml", SETTINGS);
    write("schemas/trips.avsc", SCHEMA);
    write("sql/features/trip_length.sql", VIEW);
    for (name, text) in checks {
        write(&format!("sql/checks/{name}.sql"), &format!("-- check: {name}\n{text}"));
    }
    Project::load(folder.path(), &Overrides::default()).unwrap()
}

fn engine(project: &Project, lake: Option<Arc<Lake>>) -> Engine {
    let settings = EngineSettings {
        threads: 2,
        memory_bytes: 64 * 1024 * 1024,
        ..EngineSettings::default()
    };
    Engine::new(settings, lake, None, Catalog::of(project)).unwrap()
}

/// Nothing has landed.
pub(super) fn empty_house(checks: &[(&str, &str)]) -> TestHouse {
    let folder = TempDir::new().unwrap();
    let project = project(&folder, checks);
    TestHouse {
        engine: engine(&project, None),
        project,
        _folder: folder,
    }
}

/// Trips 0 to 9, one an hour, over as many kilometres as their number; of trip 4 the kilometres are missing.
pub(super) async fn house(checks: &[(&str, &str)]) -> TestHouse {
    let folder = TempDir::new().unwrap();
    let project = project(&folder, checks);
    let lake = Lake::open(LakeLocation::folder(&folder.path().join("lake")).unwrap())
        .await
        .unwrap();
    let schema = project.streams[0].schema.landed_arrow();
    let times = || -> ArrayRef {
        let times = (0..10).map(|id| Some(START + id * HOUR));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..10).collect::<Int64Array>()),
        times(),
        Arc::new(
            (0..10)
                .map(|id| (id != 4).then_some(f64::from(id)))
                .collect::<Float64Array>(),
        ),
        Arc::new(StringArray::from(vec!["trips"; 10])),
        Arc::new((0..10).map(|id| Some(id % 2)).collect::<Int32Array>()),
        Arc::new((0..10).map(|id| Some(id / 2)).collect::<Int64Array>()),
        times(),
        Arc::new(BooleanArray::from(vec![false; 10])),
    ];
    let table = lake.create(TableSpec {
        name: TableName::new("trips").unwrap(),
        schema: schema.clone(),
        comment: String::new(),
        partition_columns: Vec::new(),
    });
    let append = Append {
        batches: vec![RecordBatch::try_new(schema, columns).unwrap()],
        fences: Vec::new(),
        info: tidemill_lake::Info::default(),
    };
    table.await.unwrap().commit(append).await.unwrap();
    TestHouse {
        engine: engine(&project, Some(Arc::new(lake))),
        project,
        _folder: folder,
    }
}
