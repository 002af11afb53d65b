//! Settings: from the file, `TIDEMILL_*` and flags, in this order, and said where each came from. Who holds a project.

use expect_test::expect;
use libtest_mimic::Trial;

use super::binary::{Running, command, finish, say};
use super::fixtures::Project;
use super::needs::{root, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("settings/provenance", &[], provenance),
        trial("settings/unknown", &[], unknown),
        trial("settings/schema_is_current", &[], schema_is_current),
        trial("settings/secrets_stay_secret", &[], secrets_stay_secret),
        trial("settings/open_address_needs_a_token", &[], open_address_needs_a_token),
        trial(
            "settings/open_broker_demands_something",
            &[],
            open_broker_demands_something,
        ),
        trial("settings/second_up", &[], second_up),
    ]
}

fn provenance() {
    let project = Project::init();
    let toml = std::fs::read_to_string(project.dir().join("tidemill.toml")).expect("it is there");
    project.write(
        "tidemill.toml",
        &format!("{toml}\n[engine]\nthreads = 1\nmemory = \"256MiB\"\n"),
    );
    let show = |args: &[&str]| {
        let mut command = command(&project.dir());
        command.env("TIDEMILL_ENGINE__QUERY_ROWS", "7");
        command.env("TIDEMILL_ENGINE__MEMORY", "512MiB");
        finish(command, args, "").ok()
    };
    let shown = show(&["config", "engine", "--set", "engine.memory=1GiB", "--json"]).json();
    let of = |setting: &str| {
        let all = shown.as_array().expect("a list");
        let found = all.iter().find(|shown| shown["setting"] == setting);
        let found = found.unwrap_or_else(|| panic!("no `{setting}` in {shown}"));
        (found["value"].clone(), found["origin"]["kind"].clone())
    };
    assert_eq!(of("engine.threads"), (1.into(), "file".into()));
    assert_eq!(of("engine.query_rows"), (7.into(), "environment".into()));
    assert_eq!(of("engine.memory"), ("1GiB".into(), "flag".into()));
    assert_eq!(of("engine.query_bytes"), ("64MiB".into(), "default".into()));
    let table = show(&["config", "engine.threads"]).out();
    assert!(table.contains("tidemill.toml:"), "{table}");
    // It is also what is used.
    let rows = "select * from generate_series(1, 100)";
    let mut limited = command(&project.dir());
    limited.env("TIDEMILL_ENGINE__QUERY_ROWS", "7");
    // Data for machines that is cut is an error.
    let cut = finish(limited, &["sql", "--json", rows], "").ends(6);
    assert!(cut.err.contains("after 7 rows"), "{}", cut.err);
    assert_eq!(cut.json().as_array().map(Vec::len), Some(7), "{}", cut.err);
}

fn unknown() {
    let project = Project::init();
    let with = |name: &str| {
        let mut command = command(&project.dir());
        command.env(name, "1");
        finish(command, &["validate"], "").ends(2).err
    };
    expect![[r#"
        error: unknown setting `server.adress`
        hint: did you mean `address`? set by TIDEMILL_SERVER__ADRESS
    "#]]
    .assert_eq(&with("TIDEMILL_SERVER__ADRESS"));
    expect![[r#"
        error: the environment variable TIDEMILL_LAKE names no setting
        hint: the setting `section.name` is TIDEMILL_SECTION__NAME; `tidemill config` lists them all
    "#]]
    .assert_eq(&with("TIDEMILL_LAKE"));
    let said = say(&project.dir(), &["--set", "server.adress=1", "validate"]).ends(2);
    expect![[r#"
        error: unknown setting `server.adress`
        hint: did you mean `address`? set by the flag for `server.adress`
    "#]]
    .assert_eq(&said.err);
    let said = say(&project.dir(), &["--set", "server.address", "validate"]).ends(2);
    expect![[r#"
        error: `--set server.address` has no value
        hint: write --set server.address=127.0.0.1:9000
    "#]]
    .assert_eq(&said.err);
    say(&project.dir(), &["config", "no.such"]).ends(3);
    say(project.outside(), &["status", "--project", "nowhere"]).ends(3);
}

fn schema_is_current() {
    let written = std::fs::read_to_string(root().join("docs/tidemill.schema.json")).expect("it is there");
    let said = say(&std::env::temp_dir(), &["config", "--schema"]).ok().out();
    assert!(
        said.trim_end() == written.trim_end(),
        "docs/tidemill.schema.json is stale: `tidemill config --schema > docs/tidemill.schema.json`"
    );
}

fn secrets_stay_secret() {
    let project = Project::init();
    for args in [&["config"][..], &["config", "--json"]] {
        let mut command = command(&project.dir());
        command.env("TIDEMILL_SERVER__TOKEN", "correct-horse-battery-staple");
        let said = finish(command, args, "").ok();
        assert!(!said.out().contains("battery"), "{}", said.out());
        assert!(said.out().contains("TIDEMILL_SERVER__TOKEN") || said.out().contains("server.token"));
    }
}

fn open_broker_demands_something() {
    let project = Project::init();
    for args in [&["up"][..], &["broker"]] {
        let open = [args, &["--set", "broker.listen=0.0.0.0"]].concat();
        let said = say(&project.dir(), &open).ends(2);
        assert!(said.err.contains("kafka.security.protocol"), "{}", said.err);
    }
}

fn open_address_needs_a_token() {
    let project = Project::init();
    let said = say(&project.dir(), &["up", "--set", "server.address=0.0.0.0:0"]).ends(2);
    assert!(said.err.contains("TIDEMILL_SERVER__TOKEN"), "{}", said.err);
}

fn second_up() {
    let project = Project::init();
    let first = Running::up(&project.dir());
    let said = say(&project.dir(), &["up"]).ends(4);
    assert!(said.err.contains("`tidemill up`, process"), "{}", said.err);
    assert!(said.err.contains(&first.url()), "{}", said.err);
    first.stop();
    // Whoever was killed holds nothing.
    Running::up(&project.dir()).kill();
    Running::up(&project.dir()).stop();
}
