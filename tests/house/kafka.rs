//! The same against Apache Kafka: the published transactions through a broker that is not ours.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;

use super::binary::{command, finish, say};
use super::fixtures::{Project, fraud_file, replay_args};
use super::fraud::holds_the_published_file;
use super::needs::{Need, root, trial};

const NEEDS: [Need; 4] = [
    Need::Kafka,
    Need::SharedData,
    Need::Program("java"),
    Need::Program("mvn"),
];

pub fn trials() -> Vec<Trial> {
    vec![trial("kafka/published_file", &NEEDS, published_file)]
}

/// A Kafka of its own, stopped when this value is gone.
struct Kafka {
    script: PathBuf,
    dir: tempfile::TempDir,
    bootstrap: String,
}

impl Kafka {
    fn start() -> Kafka {
        let script = root().join("tests/servers/kafka.sh");
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let output = Command::new(&script)
            .arg("start")
            .arg(dir.path())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let bootstrap = said.lines().find_map(|line| line.strip_prefix("KAFKA_BOOTSTRAP="));
        let bootstrap = bootstrap.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        Kafka {
            bootstrap: bootstrap.to_owned(),
            script,
            dir,
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(self.dir.path()).status();
    }
}

fn published_file() {
    let kafka = Kafka::start();
    let project = Project::init();
    let file = fraud_file();
    let mut replay = command(&project.dir());
    replay.env("TIDEMILL_KAFKA__BOOTSTRAP", &kafka.bootstrap);
    finish(replay, &replay_args(&file), "").ok();
    holds_the_published_file(&project);
    let from = say(
        &project.dir(),
        &["sql", "-f", "csv", "select count(*) as n from dead_letters"],
    )
    .ok();
    assert_eq!(from.out(), "n\n0\n");
}
