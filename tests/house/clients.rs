//! Clients that are not ours against `tidemill broker`: kcat, confluent-kafka and the Java client.

use std::process::Command;

use libtest_mimic::{Completion, Trial};

use super::binary::Running;
use super::fixtures::Project;
use super::needs::root;

pub fn trials() -> Vec<Trial> {
    ["kcat", "confluent", "java"]
        .into_iter()
        .map(|client| Trial::ignorable_test(format!("clients/{client}"), move || Ok(runs(client))))
        .collect()
}

/// Runs a client's script; what it lacks it says itself, as `missing: kcat (…)`.
fn runs(client: &str) -> Completion {
    let project = Project::init();
    let broker = Running::start(&project.dir(), &["--json", "broker"]);
    let output = Command::new(root().join(format!("tests/clients/{client}.sh")))
        .arg(broker.bootstrap())
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout);
    if let Some(missing) = said.lines().find(|line| line.starts_with("missing: ")) {
        return Completion::ignored_with(missing);
    }
    assert!(
        output.status.success(),
        "{client}\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    broker.stop();
    Completion::Completed
}
