//! Drift, a trigger, a training, a promotion: nobody touches anything in between, and it comes out the same however fast the
//! events come and however often the process dies.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use libtest_mimic::Trial;
use serde_json::Value;

use super::binary::{Running, say, wait_for};
use super::fixtures::Project;
use super::http;
use super::kills::{folder_bytes, points};
use super::learning::holds_each_offset_once;
use super::needs::{root, trial};

/// Decides where the kills fall; another one with `TIDEMILL_TEST_SEED`.
const SEED: u64 = 20_180_512;
/// Deaths on the way; more of them with `TIDEMILL_TEST_KILLS`.
const KILLS: u64 = 3;
/// A world that changes: people spend less.
const SENT: [&str; 12] = [
    "--days",
    "70",
    "--customers",
    "500",
    "--terminals",
    "1000",
    "--drift-day",
    "38",
    "--drift-amount",
    "0.4",
    "--seed",
    "7",
];
/// The longest wait for the clock.
const CLOCK_WAIT: &str = r#"{"timeout": "15m"}"#;
/// What the README says that each week's predictions were worth.
const BY_WEEK: &str = include_str!("../../examples/fraud_stream/by_week.sql");
/// Every fact that must be the same.
const CLOSING: &str = include_str!("../../crates/tidemill/sql/closing.sql");

pub fn trials() -> Vec<Trial> {
    let plain: Arc<OnceLock<Ended>> = Arc::default();
    let with = |run: fn(&Ended)| {
        let plain = Arc::clone(&plain);
        move || run(plain.get_or_init(runs_to_its_end))
    };
    let seed = number("TIDEMILL_TEST_SEED").unwrap_or(SEED);
    vec![
        trial("loop/closes", &[], with(closes)),
        trial("loop/by_week", &[], with(by_week)),
        trial("loop/same_at_another_speed", &[], with(same_at_another_speed)),
        trial(format!("loop/killed/seed_{seed}"), &[], with(killed)),
    ]
}

/// How the loop stands at its end.
#[derive(Debug)]
struct Ended {
    project: Project,
    closing: Vec<String>,
    /// Bytes of its state.
    bytes: u64,
}

impl Ended {
    fn of(project: Project) -> Ended {
        Ended {
            closing: closing(&project.dir()),
            bytes: folder_bytes(&project.dir().join(".tidemill")),
            project,
        }
    }

    #[track_caller]
    fn lines<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.closing.iter().filter_map(|line| line.split_once('|'));
        lines.filter(move |(of, _)| *of == part).map(|(_, line)| line)
    }
}

/// Everything in one go.
fn runs_to_its_end() -> Ended {
    let project = Project::init();
    let server = up(&project.dir());
    simulate(&project.dir(), &SENT);
    wait_for_clock(&server);
    server.stop();
    Ended::of(project)
}

fn closes(ended: &Ended) {
    let all = ended.closing.join("\n");
    let payments = one(&ended.project, "select count(*) as n from transactions");
    holds_each_offset_once(&ended.project, "transactions", payments);
    holds_each_offset_once(&ended.project, "labels", payments);

    // The first model, and a better one that the change of the world asked for: nobody touched anything in between.
    let promoted: Vec<&str> = ended
        .lines("firings")
        .filter(|line| line.contains("ended promoted"))
        .collect();
    let asked_by_drift = promoted.iter().filter(|line| line.contains(" drift by "));
    assert!(promoted.len() >= 2 && asked_by_drift.count() >= 1, "{all}");
    // A challenger was promoted if and only if it was better on the same rows.
    for firing in ended.lines("firings").filter(|line| line.contains(" against ")) {
        let figures: Vec<f64> = firing
            .split_whitespace()
            .zip(firing.split_whitespace().skip(1))
            .filter(|(word, _)| ["average_precision", "against"].contains(word))
            .filter_map(|(_, figure)| figure.parse().ok())
            .collect();
        let [challenger, champion] = figures[..] else {
            panic!("two figures in {firing}");
        };
        assert_eq!(challenger > champion, firing.contains("ended promoted"), "{firing}");
    }
    assert!(ended.lines("firings").all(|line| line.contains(": ended ")), "{all}");

    // The alias points at what was promoted last, and that is what serves.
    let last = row_of(
        &ended.project,
        "select version from trigger_firings where outcome = 'promoted' order by at desc limit 1",
    )["version"]
        .clone();
    let champion = row_of(&ended.project, "select version from aliases where alias = 'champion'");
    assert_eq!(champion["version"], last, "{all}");

    // From the first model on every payment of a finished tick was scored, once.
    let owed = one(
        &ended.project,
        "select count(*) as n from transactions
         where TX_DATETIME >= (select min(at) from trigger_firings where outcome = 'promoted')
           and TX_DATETIME < (select max(at) from event_clock)",
    );
    let scored = row_of(
        &ended.project,
        "select count(*) as n, count(distinct prediction_id) as ids, count(distinct TRANSACTION_ID) as payments
         from predictions",
    );
    for count in ["n", "ids", "payments"] {
        assert_eq!(scored[count], owed, "{count}\n{all}");
    }
    holds_each_offset_once(&ended.project, "predictions", owed);
}

/// The README prints the statement, and it counts every prediction whose label is known.
fn by_week(ended: &Ended) {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README can be read");
    let (_, statement) = BY_WEEK.split_once("\nselect").expect("a comment, then the statement");
    assert!(
        readme.contains(&format!("select{statement}")),
        "README.md does not print examples/fraud_stream/by_week.sql"
    );
    let weeks = say(&ended.project.dir(), &["sql", "--json", "--", BY_WEEK]).ok().json();
    let weeks = weeks.as_array().expect("rows");
    assert!(weeks.len() >= 4, "{weeks:?}");
    let payments: i64 = weeks.iter().filter_map(|week| week["payments"].as_i64()).sum();
    let labelled = "select count(*) as n from predictions join labels using (TRANSACTION_ID)";
    assert_eq!(payments, one(&ended.project, labelled));
    for week in weeks {
        for figure in ["auc", "average_precision", "card_precision_100"] {
            let value = week[figure].as_f64().unwrap_or(-1.0);
            assert!((0.0..=1.0).contains(&value), "{figure} of {week}");
        }
    }
}

/// Half of the events, everything that follows from them, and then the others.
fn same_at_another_speed(plain: &Ended) {
    let project = Project::init();
    let server = up(&project.dir());
    let mut half = SENT;
    half[1] = "35";
    simulate(&project.dir(), &half);
    wait_for_clock(&server);
    simulate(&project.dir(), &SENT);
    wait_for_clock(&server);
    server.stop();
    holds_the_same(plain, &Ended::of(project));
}

/// When the process dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// As soon as its state takes so many bytes.
    Bytes(u64),
    /// In the middle of a training.
    Training,
}

fn killed(plain: &Ended) {
    let seed = number("TIDEMILL_TEST_SEED").unwrap_or(SEED);
    let kills = number("TIDEMILL_TEST_KILLS").unwrap_or(KILLS).max(2);
    let mut moments: Vec<Moment> = points(seed, kills - 1, plain.bytes).map(Moment::Bytes).collect();
    moments.insert(moments.len() / 2, Moment::Training);
    println!("seed {seed}: {moments:?}");

    let project = Project::init();
    let dir = project.dir();
    let mut simulation = vec!["simulate", "--no-wait"];
    simulation.extend(SENT);
    for moment in moments {
        let mut server = up(&dir);
        // It dies with the server, wherever it is by then.
        let sender = Running::spawn(&dir, &simulation);
        wait_for(&format!("{moment:?}"), || {
            assert!(server.ended().is_none(), "it ended before {moment:?}: {}", server.log());
            let there = match moment {
                Moment::Bytes(bytes) => folder_bytes(&dir.join(".tidemill")) >= bytes,
                Moment::Training => is_training(&server),
            };
            there.then_some(())
        });
        server.kill();
        drop(sender);
    }
    let server = up(&dir);
    simulate(&dir, &SENT);
    wait_for_clock(&server);
    server.stop();
    holds_the_same(plain, &Ended::of(project));
}

#[track_caller]
fn holds_the_same(plain: &Ended, other: &Ended) {
    let missing: Vec<_> = plain
        .closing
        .iter()
        .filter(|line| !other.closing.contains(line))
        .collect();
    let foreign: Vec<_> = other
        .closing
        .iter()
        .filter(|line| !plain.closing.contains(line))
        .collect();
    assert!(
        missing.is_empty() && foreign.is_empty() && plain.closing.len() == other.closing.len(),
        "not as in one go\nmissing: {missing:#?}\ninstead: {foreign:#?}"
    );
}

/// `tidemill up` with the event clock.
#[track_caller]
fn up(dir: &Path) -> Running {
    Running::start(dir, &["--json", "up"])
}

#[track_caller]
fn simulate(dir: &Path, sent: &[&str]) {
    let mut args = vec!["simulate", "--json"];
    args.extend(sent);
    say(dir, &args).ok();
}

/// Waits until the clock has stepped all that has landed.
#[track_caller]
fn wait_for_clock(server: &Running) {
    let answer = http::request("POST", &format!("{}/api/v1/clock/wait", server.url()), CLOCK_WAIT);
    assert_eq!(answer.status, 200, "{}\n{}", answer.body, server.log());
}

fn is_training(server: &Running) -> bool {
    let answer = http::get(&format!("{}/api/v1/firings?limit=1", server.url()));
    answer.status == 200 && answer.json()[0]["state"] == "training"
}

fn closing(dir: &Path) -> Vec<String> {
    let rows = say(dir, &["sql", "--json", "--rows", "10000", "--", CLOSING])
        .ok()
        .json();
    let rows = rows.as_array().expect("rows").iter();
    let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
    rows.map(|row| format!("{}|{}", text(row, "part"), text(row, "line")))
        .collect()
}

#[track_caller]
fn row_of(project: &Project, query: &str) -> Value {
    super::learning::row(project, query)
}

#[track_caller]
fn one(project: &Project, query: &str) -> i64 {
    row_of(project, query)["n"].as_i64().expect("a number")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
