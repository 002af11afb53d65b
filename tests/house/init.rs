//! `tidemill init`: a copy of the flagship project, and proposals made from data.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use libtest_mimic::Trial;
use parquet::arrow::ArrowWriter;

use super::binary::{Running, say};
use super::fixtures::Project;
use super::needs::{root, trial};

/// Rows of the proposed data: trips, a minute apart.
const ROWS: i64 = 200;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("init/writes_a_sound_project", &[], writes_a_sound_project),
        trial("init/keeps_what_is_there", &[], keeps_what_is_there),
        trial("init/from_parquet", &[], || proposes("parquet", parquet)),
        trial("init/from_csv", &[], || proposes("csv", csv)),
        trial("init/from_ndjson", &[], || proposes("ndjson", ndjson)),
        trial("init/from_a_topic", &[], from_a_topic),
        trial("init/from_nothing", &[], from_nothing),
        trial("init/examples_are_sound", &[], examples_are_sound),
    ]
}

fn writes_a_sound_project() {
    let project = Project::init();
    let said = say(&project.dir(), &["validate"]).ok().out();
    assert_eq!(
        said,
        "fraud is sound: 3 streams, 3 feature views, 8 checks, 1 model, 3 monitors, 3 triggers\n"
    );
    // A folder below the project's is in the project, too.
    say(&project.dir().join("sql/checks"), &["validate"]).ok();
    let faults = say(&project.dir(), &["validate", "--json"]).ok().json();
    assert_eq!(faults, serde_json::json!([]));
}

/// The example projects, as they lie in the repository; what `run.sh` puts beside their files, too.
fn examples_are_sound() {
    let examples = root().join("examples");
    for name in ["embed", "weather"] {
        let said = say(&examples.join(name), &["validate"]).ok().out();
        assert!(said.contains("is sound: "), "{name}: {said}");
    }
    let project = Project::empty();
    let weather = examples.join("weather");
    for file in [
        "tidemill.toml",
        "schemas/weather.avsc",
        "schemas/rainfall.avsc",
        "schemas/predictions.avsc",
    ] {
        project.write(file, &read(&weather.join(file)));
    }
    for folder in ["features", "monitors", "triggers"] {
        let folder = format!("sql/{folder}");
        for entry in std::fs::read_dir(weather.join(&folder)).expect("it is there").flatten() {
            let name = entry.file_name();
            project.write(&format!("{folder}/{}", name.display()), &read(&entry.path()));
        }
    }
    project.write("sql/triggers/monthly.sql", &read(&weather.join("policies/monthly.sql")));
    say(&project.dir(), &["validate"]).ok();
    // Without a forecast the report has none, and it is a report.
    let report = say(
        &project.dir(),
        &["sql", "--json", "--", &read(&weather.join("report.sql"))],
    )
    .ok()
    .json();
    assert_eq!(report[0]["days"], 0);
}

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn keeps_what_is_there() {
    let project = Project::init();
    project.write("tidemill.toml", "name = \"mine\"\n");
    say(project.outside(), &["init", "fraud"]).ends(4);
    let kept = std::fs::read_to_string(project.dir().join("tidemill.toml")).expect("it is there");
    assert_eq!(kept, "name = \"mine\"\n");
    say(project.outside(), &["init", "fraud", "--force"]).ok();
    say(&project.dir(), &["validate"]).ok();
}

/// A project that was proposed from a file validates, takes the file's rows and answers for them.
fn proposes(ending: &str, write: impl Fn(&std::path::Path)) {
    let project = Project::empty();
    let file = project.outside().join(format!("trips.{ending}"));
    write(&file);
    let from = file.display().to_string();
    say(project.outside(), &["init", "fraud", "--from", &from]).ok();
    let dir = project.dir();
    let said = say(&dir, &["validate"]).ok().out();
    assert!(said.starts_with("trips is sound: 1 stream,"), "{said}");
    let toml = std::fs::read_to_string(dir.join("tidemill.toml")).expect("it is written");
    for proposed in ["[streams.trips]", "key = [\"trip_id\"]", "event_time = \"started_at\""] {
        assert!(toml.contains(proposed), "no `{proposed}` in\n{toml}");
    }
    if ending == "parquet" {
        say(&dir, &["replay", &from, "--stream", "trips"]).ok();
        let counted = say(
            &dir,
            &["sql", "--json", "select count(*) as n, sum(fare) as fares from trips"],
        )
        .ok();
        assert_eq!(
            counted.json(),
            serde_json::json!([{ "n": ROWS, "fares": ROWS as f64 * 7.5 }])
        );
    }
}

fn from_a_topic() {
    let project = Project::simulated();
    let up = Running::up(&project.dir());
    let other = Project::empty();
    let bootstrap = format!("kafka.bootstrap={}", up.bootstrap());
    say(
        other.outside(),
        &["init", "fraud", "--from", "transactions", "--set", &bootstrap],
    )
    .ok();
    say(&other.dir(), &["validate"]).ok();
    let toml = std::fs::read_to_string(other.dir().join("tidemill.toml")).expect("it is written");
    assert!(toml.contains("event_time = \"TX_DATETIME\""), "{toml}");
    up.stop();
}

fn from_nothing() {
    let project = Project::empty();
    let said = say(project.outside(), &["init", "fraud", "--from", "missing.parquet"]).ends(3);
    assert!(said.err.contains("missing.parquet"), "{}", said.err);
    let said = say(project.outside(), &["init", "fraud", "--from", "some-topic"]).ends(2);
    assert!(said.err.contains("kafka.bootstrap"), "{}", said.err);
    assert!(!project.dir().exists(), "a refused proposal writes nothing");
}

fn started_at(row: i64) -> i64 {
    1_700_000_000_000_000 + row * 60_000_000
}

fn parquet(path: &std::path::Path) {
    let rows = 0..ROWS;
    let batch = RecordBatch::try_from_iter([
        (
            "trip_id",
            Arc::new(Int64Array::from_iter_values(rows.clone())) as arrow::array::ArrayRef,
        ),
        (
            "driver_id",
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row % 7))),
        ),
        (
            "started_at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                rows.clone().map(started_at),
            )),
        ),
        (
            "fare",
            Arc::new(Float64Array::from_iter_values(rows.clone().map(|_| 7.5))),
        ),
        (
            "city",
            Arc::new(StringArray::from_iter_values(
                rows.map(|row| if row % 2 == 0 { "Porto" } else { "Turin" }),
            )),
        ),
    ])
    .expect("the columns are of one length");
    let file = File::create(path).expect("the file can be made");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("the schema can be written");
    writer.write(&batch).expect("the rows can be written");
    writer.close().expect("the file can be closed");
}

/// A row as texts: id, driver, start, fare.
fn texts(row: i64) -> (i64, i64, String, &'static str) {
    let at = chrono::DateTime::from_timestamp_micros(started_at(row)).expect("it is in range");
    (row, row % 7, at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), "7.5")
}

fn csv(path: &std::path::Path) {
    let mut text = "trip_id,driver_id,started_at,fare\n".to_owned();
    for (id, driver, at, fare) in (0..ROWS).map(texts) {
        text.push_str(&format!("{id},{driver},{at},{fare}\n"));
    }
    std::fs::write(path, text).expect("the file can be written");
}

fn ndjson(path: &std::path::Path) {
    let mut text = String::new();
    for (id, driver, at, fare) in (0..ROWS).map(texts) {
        text.push_str(&format!(
            "{{\"trip_id\":{id},\"driver_id\":{driver},\"started_at\":\"{at}\",\"fare\":{fare}}}\n"
        ));
    }
    std::fs::write(path, text).expect("the file can be written");
}
