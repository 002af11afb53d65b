//! The proof that every record landed once, and what it says when somebody else took rows.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use super::binary::say;
use super::fixtures::Project;
use super::needs::{Need, root, trial};

const PYTHON_NEEDS: [Need; 2] = [Need::Clients, Need::Program("python3")];
const FEW: [&str; 9] = [
    "simulate",
    "--days",
    "3",
    "--customers",
    "50",
    "--terminals",
    "100",
    "--json",
    "--again",
];

pub fn trials() -> Vec<Trial> {
    vec![
        trial("audit/whole_and_damaged", &[], whole_and_damaged),
        trial("audit/python_deltalake", &PYTHON_NEEDS, python_deltalake),
    ]
}

fn whole_and_damaged() {
    let project = Project::init();
    let dir = project.dir();
    say(&dir, &["ingest", "audit", "transactions"]).ok();
    say(&dir, &FEW).ok();
    let audited = say(&dir, &["ingest", "audit", "transactions", "--json"]).ok().json();
    assert_eq!(
        (audited["topic_read"].clone(), audited["faults"].clone()),
        (true.into(), Value::Array(Vec::new()))
    );
    let whole = say(&dir, &["ingest", "audit", "transactions", "--offline"]).ok().out();
    assert!(whole.contains("every record landed once"), "{whole}");
    say(&dir, &["ingest", "audit", "transaction"]).ends(3);
    let gone = delete_a_file(&dir.join(".tidemill/lake/transactions/_delta_log"));
    let damaged = say(&dir, &["ingest", "audit", "transactions"]).ends(9).out();
    assert!(damaged.contains(&format!("{gone} rows of commit")), "{damaged}");
    assert!(damaged.contains("delete by Apache-Spark/4.0.0"), "{damaged}");
    let damaged = say(&dir, &["ingest", "audit", "transactions", "--json"]).ends(9).json();
    assert_eq!(damaged["faults"][0]["causes"][0]["kind"], "delete", "{damaged}");
}

/// Writes what Spark's DELETE of a whole file writes. Returns the rows of that file.
fn delete_a_file(log: &Path) -> u64 {
    let entry = |version: u64| log.join(format!("{version:020}.json"));
    let next = (0..=u64::MAX)
        .find(|version| !entry(*version).exists())
        .expect("a log ends");
    let adds = (0..next).find_map(|version| {
        let text = std::fs::read_to_string(entry(version)).ok()?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find_map(|line| line.get("add").cloned())
    });
    let add = adds.expect("something has landed");
    let stats: Value = serde_json::from_str(add["stats"].as_str().expect("files have statistics")).expect("JSON");
    let lines = [
        serde_json::json!({ "commitInfo": { "timestamp": 1, "operation": "DELETE", "engineInfo": "Apache-Spark/4.0.0" } }),
        serde_json::json!({ "remove": { "path": add["path"], "deletionTimestamp": 1, "dataChange": true } }),
    ];
    std::fs::write(entry(next), lines.map(|line| line.to_string()).join("\n")).expect("the log can be written");
    stats["numRecords"].as_u64().expect("rows are counted")
}

fn python_deltalake() {
    let output = Command::new(root().join("tests/clients/delta_audit.sh"))
        .arg(env!("CARGO_BIN_EXE_tidemill"))
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
