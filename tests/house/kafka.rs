//! The same against Apache Kafka: the published transactions through a broker that is not ours.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use super::binary::{Running, Said, command, finish, say, wait_for};
use super::dead_letters::SOUND;
use super::fixtures::{Project, fraud_file, replay_args};
use super::fraud::holds_the_published_file;
use super::needs::{Need, root, trial};

const NEEDS: [Need; 4] = [
    Need::Kafka,
    Need::SharedData,
    Need::Program("java"),
    Need::Program("mvn"),
];

const SECURED_NEEDS: [Need; 4] = [
    Need::Kafka,
    Need::Program("java"),
    Need::Program("mvn"),
    Need::Program("openssl"),
];

const TRANSACTIONS_NEEDS: [Need; 3] = [Need::Kafka, Need::Program("java"), Need::Program("mvn")];

pub fn trials() -> Vec<Trial> {
    vec![
        trial("kafka/published_file", &NEEDS, published_file),
        trial(
            "kafka/transactions_of_a_producer",
            &TRANSACTIONS_NEEDS,
            transactions_of_a_producer,
        ),
        trial("kafka/secured", &SECURED_NEEDS, secured),
        trial(
            "kafka/own_broker_secured",
            &[Need::Program("openssl")],
            own_broker_secured,
        ),
    ]
}

/// Settings as variables.
type Environment = [(&'static str, String)];

fn run_in(project: &Project, environment: &Environment, args: &[&str]) -> Said {
    let mut command = command(&project.dir());
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    finish(command, args, "")
}

/// A Kafka of its own, stopped when this value is gone.
struct Kafka {
    script: PathBuf,
    dir: tempfile::TempDir,
    bootstrap: String,
    /// Everything that the script said, by name.
    said: BTreeMap<String, String>,
}

impl Kafka {
    fn start() -> Kafka {
        Kafka::start_with(&[])
    }

    fn start_with(environment: &[(&str, &str)]) -> Kafka {
        let script = root().join("tests/servers/kafka.sh");
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let output = Command::new(&script)
            .arg("start")
            .arg(dir.path())
            .envs(environment.iter().copied())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let pairs = said.lines().filter_map(|line| line.split_once('='));
        let pairs: BTreeMap<String, String> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let bootstrap = pairs.get("KAFKA_BOOTSTRAP");
        let bootstrap = bootstrap.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        Kafka {
            bootstrap: bootstrap.clone(),
            said: pairs,
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

/// Committed records land and aborted ones do not; the markers of both take offsets, and nothing lags behind them. The
/// in-process broker and librdkafka's mock know no transactions.
fn transactions_of_a_producer() {
    let kafka = Kafka::start();
    let project = Project::init();
    let dir = project.dir();
    let bootstrap = format!("kafka.bootstrap={}", kafka.bootstrap);
    let settings = ["--set", &bootstrap, "--set", "ingest.flush_interval=200ms"];
    let up = Running::start(
        &dir,
        &[&["--json", "up", "--set", "clock.run=false"], &settings[..]].concat(),
    );
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("transactional.id", "a-shop")
        .create()
        .expect("a producer");
    let limit = Duration::from_secs(30);
    producer.init_transactions(limit).expect("the broker answers");
    // Each with the records of one transaction, and whether it is committed.
    let histories: [&[(u64, bool)]; 3] = [&[(2, true)], &[(3, false), (1, true)], &[(1, false), (1, false)]];
    let (mut rows, mut end) = (0, 0);
    for history in histories {
        for (records, is_committed) in history {
            producer.begin_transaction().expect("a transaction begins");
            for _ in 0..*records {
                let record = BaseRecord::<str, [u8]>::to("transactions").partition(0);
                producer.send(record.payload(SOUND)).expect("the queue has room");
            }
            if *is_committed {
                producer.commit_transaction(limit).expect("it is committed");
                rows += records;
            } else {
                producer.flush(limit).expect("the broker has them");
                producer.abort_transaction(limit).expect("it is aborted");
            }
            end += records + 1;
        }
        wait_for("the transactions, and no lag behind their markers", || {
            let status = say(&dir, &["status", "--json"]).ok().json();
            let streams = status["streams"].as_array()?;
            let stream = streams.iter().find(|stream| stream["stream"] == "transactions")?;
            let partition = stream["partitions"].as_array()?.iter().find(|p| p["partition"] == 0)?;
            (partition["end"] == end && stream["rows"] == rows && stream["lag_rows"] == 0).then_some(())
        });
    }
    let log = up.log();
    assert!(!log.contains("a new client is made"), "{log}");
    up.stop();
    let audited = say(
        &dir,
        &[&["ingest", "audit", "transactions", "--json"], &settings[..]].concat(),
    );
    let audited = audited.ok().json();
    assert_eq!(audited["topic_read"], true, "{audited}");
    assert_eq!(audited["faults"], Value::Array(Vec::new()), "{audited}");
}

/// A few events, sent and landed.
const FEW: [&str; 9] = [
    "simulate",
    "--days",
    "1",
    "--customers",
    "20",
    "--terminals",
    "20",
    "--again",
    "--json",
];

/// Everything that reads or writes Kafka does so encrypted and as somebody, by each way that there is.
fn secured() {
    let kafka = Kafka::start_with(&[("KAFKA_SECURE", "1")]);
    let project = Project::init();
    let said = |name: &str| {
        kafka
            .said
            .get(name)
            .cloned()
            .unwrap_or_else(|| panic!("the script says no {name}"))
    };
    let tls = said("KAFKA_TLS");
    let password_file = project.dir().join("ada.password");
    std::fs::write(&password_file, "ada-secret\n").expect("the project can be written");
    let by_password = |mechanism: &str, password: &str| -> Vec<(&'static str, String)> {
        vec![
            ("TIDEMILL_KAFKA__BOOTSTRAP", said("KAFKA_SASL_SSL")),
            ("TIDEMILL_KAFKA__SECURITY__PROTOCOL", "sasl_ssl".to_owned()),
            ("TIDEMILL_KAFKA__SECURITY__MECHANISM", mechanism.to_owned()),
            ("TIDEMILL_KAFKA__SECURITY__USERNAME", "ada".to_owned()),
            ("TIDEMILL_KAFKA__SECURITY__PASSWORD", password.to_owned()),
            ("TIDEMILL_KAFKA__SECURITY__CA", format!("{tls}/ca.pem")),
            ("ADA_PASSWORD", "ada-secret".to_owned()),
        ]
    };
    let by_certificate = vec![
        ("TIDEMILL_KAFKA__BOOTSTRAP", said("KAFKA_SSL")),
        ("TIDEMILL_KAFKA__SECURITY__PROTOCOL", "ssl".to_owned()),
        ("TIDEMILL_KAFKA__SECURITY__CA", format!("{tls}/ca.pem")),
        ("TIDEMILL_KAFKA__SECURITY__CERTIFICATE", format!("{tls}/client.pem")),
        ("TIDEMILL_KAFKA__SECURITY__KEY", format!("{tls}/client.key")),
        ("TIDEMILL_KAFKA__SECURITY__KEY_PASSWORD", "client-secret".to_owned()),
    ];
    let ways = [
        by_password("plain", "ada-secret"),
        by_password("scram-sha-256", "{ env = \"ADA_PASSWORD\" }"),
        by_password("scram-sha-512", "{ file = \"ada.password\" }"),
        by_certificate,
    ];
    for way in &ways {
        run_in(&project, way, &FEW).ok();
        let shown = run_in(&project, way, &["config", "kafka"]).ok().out();
        assert!(!shown.contains("-secret"), "{shown}");
    }
    let audited = run_in(&project, &ways[2], &["ingest", "audit", "transactions", "--json"])
        .ok()
        .json();
    assert_eq!(audited["topic_read"], true, "{audited}");
    // Who is not let in is told so, and no secret with it.
    let wrong = run_in(&project, &by_password("scram-sha-512", "not-the-secret"), &FEW);
    assert_ne!(wrong.code, 0, "{}", wrong.err);
    assert!(!wrong.err.contains("not-the-secret"), "{}", wrong.err);
}

/// The broker in the process demands what the settings make its clients show, and from nobody else's it takes less.
fn own_broker_secured() {
    let tls = tempfile::tempdir().expect("a temporary folder can be made");
    let made = Command::new(root().join("tests/servers/kafka.sh"))
        .arg("certificates")
        .arg(tls.path())
        .status()
        .expect("bash runs");
    assert!(made.success(), "certificates can be made");
    let file = |name: &str| tls.path().join(name).display().to_string();
    let encrypted = [
        ("TIDEMILL_KAFKA__SECURITY__CA", file("ca.pem")),
        ("TIDEMILL_BROKER__CERTIFICATE", file("server.crt")),
        ("TIDEMILL_BROKER__KEY", file("server.plain")),
    ];
    let protocol = |protocol: &str| ("TIDEMILL_KAFKA__SECURITY__PROTOCOL", protocol.to_owned());
    let as_ada = |mechanism: &str, password: &str| {
        [
            ("TIDEMILL_KAFKA__SECURITY__MECHANISM", mechanism.to_owned()),
            ("TIDEMILL_KAFKA__SECURITY__USERNAME", "ada".to_owned()),
            ("TIDEMILL_KAFKA__SECURITY__PASSWORD", password.to_owned()),
        ]
    };
    let by_certificate = [
        ("TIDEMILL_BROKER__CLIENT_CA", file("ca.pem")),
        ("TIDEMILL_KAFKA__SECURITY__CERTIFICATE", file("client.pem")),
        ("TIDEMILL_KAFKA__SECURITY__KEY", file("client.plain")),
    ];
    let ways: [Vec<(&'static str, String)>; 4] = [
        [
            &[protocol("sasl_plaintext")][..],
            &as_ada("scram-sha-256", "ada-secret"),
        ]
        .concat(),
        [&[protocol("sasl_ssl")][..], &encrypted, &as_ada("plain", "ada-secret")].concat(),
        [&[protocol("ssl")][..], &encrypted, &by_certificate].concat(),
        [
            &[protocol("sasl_ssl")][..],
            &encrypted,
            &by_certificate,
            &as_ada("scram-sha-512", "ada-secret"),
        ]
        .concat(),
    ];
    let project = Project::init();
    for way in &ways {
        run_in(&project, way, &FEW).ok();
        let shown = run_in(&project, way, &["config"]).ok().out();
        assert!(!shown.contains("-secret"), "{shown}");
    }
}
