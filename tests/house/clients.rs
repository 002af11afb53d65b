//! Clients that are not ours: kcat, confluent-kafka and the Java client against `tidemill broker`, a browser against the
//! page at `/api`.

use std::process::Command;

use libtest_mimic::{Completion, Trial};

use super::binary::Running;
use super::fixtures::Project;
use super::needs::root;

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = ["kcat", "confluent", "java"]
        .into_iter()
        .map(|client| Trial::ignorable_test(format!("clients/{client}"), move || Ok(speaks(client))))
        .collect();
    trials.push(Trial::ignorable_test("clients/browser", || Ok(shows_the_page())));
    trials
}

fn speaks(client: &str) -> Completion {
    let project = Project::init();
    let broker = Running::start(&project.dir(), &["--json", "broker"]);
    let address = broker.bootstrap();
    runs(client, broker, &address)
}

fn shows_the_page() -> Completion {
    let project = Project::init();
    let server = Running::up(&project.dir());
    let address = server.url();
    runs("browser", server, &address)
}

/// Runs a client's script against a server; what it lacks it says itself, as `missing: kcat (…)`.
fn runs(client: &str, server: Running, address: &str) -> Completion {
    let output = Command::new(root().join(format!("tests/clients/{client}.sh")))
        .arg(address)
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
    server.stop();
    Completion::Completed
}
