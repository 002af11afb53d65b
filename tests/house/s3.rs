//! A lake in a bucket: landed, read, audited, and two writers that share it.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;

use super::binary::{Running, say, wait_for};
use super::fixtures::Project;
use super::needs::{Need, root, trial};

const NEEDS: [Need; 2] = [Need::Clients, Need::Program("python3")];

pub fn trials() -> Vec<Trial> {
    vec![trial("s3/two_writers_land_each_record_once", &NEEDS, two_writers)]
}

/// An S3 server of its own, stopped when this value is gone.
struct S3 {
    script: PathBuf,
    dir: tempfile::TempDir,
    endpoint: String,
}

impl S3 {
    fn start() -> S3 {
        let script = root().join("tests/servers/s3.sh");
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let output = Command::new(&script)
            .arg("start")
            .arg(dir.path())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let endpoint = said.lines().find_map(|line| line.strip_prefix("S3_ENDPOINT="));
        let endpoint = endpoint.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        S3 {
            endpoint: endpoint.to_owned(),
            script,
            dir,
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(self.dir.path()).status();
    }
}

fn two_writers() {
    let s3 = S3::start();
    let lake = format!(
        "[storage]\nlake = \"s3://lake/fraud\"\noptions = {{ endpoint = \"{}\", region = \"us-east-1\", allow_http = \"true\", \
         access_key_id = \"test\", secret_access_key = \"hush\" }}\n",
        s3.endpoint
    );
    let (one, other) = (Project::init(), Project::init());
    for project in [&one, &other] {
        let settings = std::fs::read_to_string(project.dir().join("tidemill.toml")).expect("a project has settings");
        assert!(!settings.contains("[storage]"), "{settings}");
        project.write("tidemill.toml", &format!("{settings}\n{lake}"));
    }
    let fast = ["--json", "up", "--set", "ingest.flush_rows=100"];
    let first = Running::start(&one.dir(), &fast);
    let bootstrap = format!("kafka.bootstrap={}", first.bootstrap());
    let mut beside = fast.to_vec();
    beside.extend(["--set", &bootstrap]);
    // The same pipeline on the same lake: each loses versions to the other, and goes on where the table stands.
    let second = Running::start(&other.dir(), &beside);
    let few = [
        "simulate",
        "--days",
        "2",
        "--customers",
        "200",
        "--terminals",
        "100",
        "--no-wait",
    ];
    say(&one.dir(), &few).ok();
    let landed = wait_for("all records in the bucket", || {
        let status = say(&one.dir(), &["status", "--json"]).ok().json();
        let stream = status["streams"]
            .as_array()?
            .iter()
            .find(|stream| stream["stream"] == "transactions")?
            .clone();
        (stream["lag_rows"] == 0 && stream["rows"].as_u64()? > 0).then_some(stream)
    });
    second.stop();
    let audited = say(&one.dir(), &["ingest", "audit", "transactions", "--json"])
        .ok()
        .json();
    assert_eq!(audited["topic_read"], true, "{audited}");
    let count = "select count(*) = count(distinct _tm_partition * 1000000000 + _tm_offset) as once from transactions";
    assert_eq!(
        say(&one.dir(), &["sql", "-f", "csv", count]).ok().out(),
        "once\ntrue\n",
        "{landed}"
    );
    let shown = say(&one.dir(), &["config", "storage"]).ok().out();
    assert!(!shown.contains("hush"), "{shown}");
    first.stop();
}
