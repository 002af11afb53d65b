//! What requests were answered is on record, while versions come and go and no request fails.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::binary::{Running, say, wait_for};
use super::fixtures::Project;
use super::http::{get, request};
use super::needs::trial;

/// Requests a second, and for how many seconds.
const RATE: u64 = 200;
const SECONDS: u64 = 20;

pub fn trials() -> Vec<Trial> {
    vec![trial("predictions/recorded_while_versions_move", &[], recorded)]
}

/// The predictions stream of the project, which gets one where it has none.
fn with_predictions(project: &Project) {
    if project.dir().join("schemas/predictions.avsc").is_file() {
        return;
    }
    let time = json!({ "type": "long", "logicalType": "timestamp-micros" });
    let text = |name: &str| json!({ "name": name, "type": "string" });
    let maybe = |name: &str, kind: &str| json!({ "name": name, "type": ["null", kind], "default": null });
    let fields = json!([
        text("prediction_id"), text("model"), { "name": "model_version", "type": "long" }, text("deployment"),
        { "name": "score", "type": "double" }, { "name": "decision", "type": "int" }, text("source"),
        { "name": "scored_at", "type": time }, { "name": "event_time", "type": time },
        maybe("TRANSACTION_ID", "long"), maybe("CUSTOMER_ID", "int"), maybe("feature_hash", "string"),
    ]);
    let schema = json!({ "type": "record", "name": "Prediction", "fields": fields });
    project.write("schemas/predictions.avsc", &schema.to_string());
    project.edit(
        "tidemill.toml",
        "[streams.labels]",
        "[streams.predictions]\nkey = [\"prediction_id\"]\nevent_time = \"event_time\"\npartition_by = \"CUSTOMER_ID\"\n\n\
         [streams.labels]",
    );
}

fn recorded() {
    let project = Project::init();
    with_predictions(&project);
    let dir = project.dir();
    say(&dir, &super::fixtures::SIMULATED).ok();
    let up = Running::up(&dir);
    say(&dir, &["train", "fraud", "--algorithm", "decision_tree,xgboost"]).ok();
    say(&dir, &["deploy", "fraud", "1"]).ok();

    let url = format!("{}/v2/models/fraud/infer", up.url());
    let features = get(&format!("{}/v2/models/fraud", up.url())).json();
    let features = features["inputs"].as_array().expect("inputs").clone();
    let asked = |id: &str, keys: &Value| {
        let inputs: Vec<Value> = features
            .iter()
            .map(|feature| json!({ "name": feature["name"], "datatype": "FP64", "shape": [2], "data": [1, 0] }))
            .collect();
        json!({ "id": id, "parameters": { "keys": keys }, "inputs": inputs }).to_string()
    };
    let refused = request("POST", &url, &asked("r", &json!({ "CUSTOMER_ID": "x" })));
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("as `CUSTOMER_ID`, which is"), "{}", refused.body);

    let answers = std::thread::scope(|scope| {
        let moves = scope.spawn(|| move_versions(&dir));
        let body = |number: u64| {
            asked(
                &format!("r{number}"),
                &json!({ "CUSTOMER_ID": 7, "TRANSACTION_ID": [number, null] }),
            )
        };
        let answers = ask_at_a_rate(&url, body);
        moves.join().expect("deployed and rolled back");
        answers
    });
    let asked = RATE * SECONDS;
    assert_eq!(answers.len() as u64, asked);
    let failed: Vec<&(u16, String)> = answers.iter().filter(|(status, _)| *status != 200).collect();
    assert!(
        failed.is_empty(),
        "{} of {asked} failed, as {:?}",
        failed.len(),
        failed[0]
    );

    // Every row is recorded, or counted where it was not; then it lands.
    let figures = || get(&format!("{}/api/v1/status", up.url())).json()["predictions"].clone();
    let recorded = wait_for("the record of every request", || {
        let figures = figures();
        let number = |name: &str| figures[name].as_u64().expect("a number");
        (number("recorded") + number("dropped") == 2 * asked).then(|| number("recorded"))
    });
    assert_eq!(recorded, 2 * asked, "{}", figures());
    let sql = "select count(*) as records, count(distinct prediction_id) as ids, count(TRANSACTION_ID) as named,
        min(CUSTOMER_ID) as customer, count(distinct model_version) as versions
        from predictions where source = 'request'";
    let rows = || say(&dir, &["sql", "-f", "csv", sql]).ok().out();
    let expected = format!(
        "records,ids,named,customer,versions\n{},{},{asked},7,2\n",
        2 * asked,
        2 * asked
    );
    wait_for("the predictions in the lake", || (rows() == expected).then_some(()));
    up.stop();
}

/// A deploy and a rollback, again and again as long as requests come; the last one leaves version 1.
fn move_versions(dir: &Path) {
    for _ in 0..3 {
        say(dir, &["deploy", "fraud", "2"]).ok();
        say(dir, &["rollback", "fraud", "--reason", "back and forth"]).ok();
    }
}

/// Sends requests when they are due, whether those before were answered or not.
fn ask_at_a_rate(url: &str, body: impl Fn(u64) -> String) -> Vec<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let mut due = tokio::time::interval(Duration::from_millis(1_000 / RATE));
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..RATE * SECONDS {
            due.tick().await;
            let asked = client
                .post(url)
                .header("content-type", "application/json")
                .body(body(number));
            waiting.spawn(async move {
                match asked.send().await {
                    Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
                    Err(error) => (0, error.to_string()),
                }
            });
        }
        waiting.join_all().await
    })
}
