//! Whole projects in a folder: what is wrong with them, and where their settings come from.

mod faults;
mod headers;
mod layers;
mod schemas;
mod written;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{Fault, Overrides, Project, ProjectError};

/// The smallest project with a stream, a view, a check and a model.
const SOUND: &[(&str, &str)] = &[
    (
        "tidemill.toml",
        r#"
[streams.trips]
key = ["ID"]
event_time = "AT"

[streams.tips]
key = ["ID"]

[models.tip]
stream = "trips"
label = "tips.GIVEN"
"#,
    ),
    (
        "schemas/trips.avsc",
        r#"{ "type": "record", "name": "trip", "fields": [
            { "name": "ID", "type": "long" },
            { "name": "AT", "type": { "type": "long", "logicalType": "timestamp-millis" } },
            { "name": "ENDED", "type": ["null", { "type": "long", "logicalType": "timestamp-millis" }] },
            { "name": "KM", "type": "double" } ] }"#,
    ),
    (
        "schemas/tips.avsc",
        r#"{ "type": "record", "name": "tip", "fields": [
            { "name": "ID", "type": "long" },
            { "name": "GIVEN", "type": "int" },
            { "name": "NOTE", "type": "string" } ] }"#,
    ),
    (
        "sql/features/distance.sql",
        "-- feature view: distance\n-- entity: trip\n-- key: ID\n-- event time: AT\n-- lookback: 0s\n\nselect ID, AT, KM from trips\n",
    ),
    (
        "sql/checks/km_positive.sql",
        "-- check: km_positive\n-- kind: row\n-- on: trips\n\nKM > 0\n",
    ),
];

/// A folder with the files of the sound project, some of them replaced or added.
fn folder(changes: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in SOUND.iter().chain(changes) {
        write(dir.path(), file, text);
    }
    dir
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn load(changes: &[(&str, &str)], overrides: &Overrides) -> Result<Project, ProjectError> {
    Project::load(folder(changes).path(), overrides)
}

/// Every fault of a project as people see it.
fn faults(changes: &[(&str, &str)], overrides: &Overrides) -> String {
    match load(changes, overrides) {
        Ok(_) => "no fault\n".to_owned(),
        Err(error) => listed(&error.faults),
    }
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("{fault}\n")).collect();
    lines.concat()
}

/// The sound project with these lines below its settings.
fn settings(more: &str) -> String {
    format!("{}\n{more}", SOUND[0].1)
}

#[test]
fn the_sound_project_is_sound() {
    let project = load(&[], &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    let model = &project.models[0];
    assert_eq!(model.views.len(), 1, "by default all views");
    assert_eq!(model.checks.len(), 1, "by default all checks on what it reads");
    assert_eq!(model.experiment, project.settings.name);
    assert_eq!(
        project.deployments[0].name.as_str(),
        "tip",
        "a model is served under its own name"
    );
    assert_eq!(project.streams[0].topic.as_str(), "trips");
    assert_eq!(project.streams[0].partition_by.as_ref().unwrap().as_str(), "ID");
    assert_eq!(project.warnings, []);
}

#[test]
fn an_empty_settings_file_is_a_project() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "tidemill.toml", "");
    let project = Project::load(dir.path(), &Overrides::default()).unwrap();
    assert!(project.streams.is_empty());
    assert!(project.lake().expose().ends_with(".tidemill/lake"));
}
