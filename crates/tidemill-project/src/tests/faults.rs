//! What is wrong in `tidemill.toml`, and what its names point to.

use expect_test::{Expect, expect};
use tidemill_types::{ErrorCode, Explain};

use super::{faults, load, settings};
use crate::{Overrides, Project};

fn check(toml: &str, expected: &Expect) {
    expected.assert_eq(&faults(&[("tidemill.toml", toml)], &Overrides::default()));
}

fn check_more(more: &str, expected: &Expect) {
    check(&settings(more), expected);
}

#[test]
fn unknown_keys_come_with_a_suggestion() {
    check_more(
        "[ingest]\nflush_row = 10\n[sever]\naddress = \"127.0.0.1:1\"\n",
        &expect![[r"
            error: unknown setting `ingest.flush_row`
            hint: did you mean `flush_rows`? see tidemill.toml:14
            error: unknown setting `sever`
            hint: did you mean `server`? see tidemill.toml:15
        "]],
    );
    check_more(
        "[streams.more]\nevent-time = \"AT\"\n[engine]\nspeed = 3\n",
        &expect![[r"
            error: stream `more` has no schema: there is no file `schemas/more.avsc`
            hint: write its Avro schema there, or name another file with `schema`; see tidemill.toml:13
            error: unknown setting `streams.more.event-time`
            hint: did you mean `event_time`? see tidemill.toml:14
            error: unknown setting `engine.speed`
            hint: there is `memory`, `threads`, `query_timeout`, `query_rows`, `query_bytes`; see tidemill.toml:16
        "]],
    );
}

#[test]
fn every_fault_is_reported_with_its_line() {
    check_more(
        "[ingest]\nflush_rows = \"many\"\nflush_interval = \"soon\"\nbuffer_bytes = \"1\"\ndead_share_max = 2\n\
         [broker]\nfsync = \"allways\"\nport = 70000\n[engine]\nmemory = \"0B\"\n[clock]\ntick = [\"1h\"]\n",
        &expect![[r#"
            error: `ingest.flush_rows`: expected a whole number from 0, found the text "many"
            hint: see tidemill.toml:14
            error: `ingest.flush_interval`: `soon` is not a duration: write 7d, 12h, 30m, 10s, 250ms or a sum such as 1d12h
            hint: see tidemill.toml:15
            error: `ingest.buffer_bytes`: `1` is not a size: write 512KB, 128MB, 4GiB or a number of bytes such as 65536B
            hint: see tidemill.toml:16
            error: `ingest.dead_share_max` must be a share, from 0 to 1
            hint: see tidemill.toml:17
            error: `broker.fsync`: `allways` is not known
            hint: did you mean `always`? see tidemill.toml:19
            error: `broker.port`: expected a whole number from 0 to 65535, found the number 70000
            hint: see tidemill.toml:20
            error: `engine.memory` must be above zero
            hint: see tidemill.toml:22
            error: `clock.tick`: expected a text in quotes, found an array
            hint: see tidemill.toml:24
        "#]],
    );
}

#[test]
fn a_worker_without_a_group_is_a_fault() {
    check_more(
        "[ingest]\nworker = \"a\"\n",
        &expect![[r#"
            error: `ingest.worker` names a worker, and this process shares its streams with none
            hint: set `ingest.assignment = "group"`, or leave the name out; see tidemill.toml:14
        "#]],
    );
}

#[test]
fn toml_that_is_none_is_a_fault_with_its_line() {
    check(
        "name = \"a\nbroker = 3\n",
        &expect![[r#"
            error: cannot read `tidemill.toml`: invalid basic string, expected `"`
            hint: see tidemill.toml:1
            error: `broker`: expected a table, found a single value
            hint: see tidemill.toml:2
        "#]],
    );
    check(
        "name = \"a\"\nname = \"b\"\n",
        &expect![[r"
            error: cannot read `tidemill.toml`: duplicate key
            hint: see tidemill.toml:2
        "]],
    );
}

#[test]
fn names_must_be_there() {
    check_more(
        "[models.other]\nstream = \"trip\"\nlabel = \"tips.GIFEN\"\nviews = [\"distanse\"]\nevaluation = \"x\"\nchecks = [\"km_positiv\"]\n\
         top_k = { entity = \"CUSTOMER\" }\n[deployments.nobody]\n",
        &expect![[r"
            error: `models.other.stream` names the unknown stream `trip`
            hint: did you mean `trips`? see tidemill.toml:14
            error: `models.other.views` names the unknown feature view `distanse`
            hint: did you mean `distance`? see tidemill.toml:16
            error: `models.other.evaluation` names the unknown evaluation `x`
            hint: there is none yet; see tidemill.toml:17
            error: `models.other.checks` names the unknown check `km_positiv`
            hint: did you mean `km_positive`? see tidemill.toml:18
            error: `deployments.nobody.model` names the unknown model `nobody`
            hint: there is `tip`, `other`; see tidemill.toml:20
        "]],
    );
    check_more(
        "[models.empty]\n",
        &expect![[r"
            error: `models.empty.stream` is missing
            hint: set the stream whose rows it scores; see tidemill.toml:13
            error: `models.empty.label` is missing
            hint: set what it predicts, as `labels.TX_FRAUD`; see tidemill.toml:13
        "]],
    );
}

#[test]
fn columns_must_be_there_and_fit() {
    check(
        "[streams.trips]\nkey = [\"KM\", \"Id\"]\nevent_time = \"KM\"\n[streams.tips]\nkey = [\"ID\"]\nevent_time = \"GIVEN\"\n",
        &expect![[r#"
            error: the key column `KM` of stream `trips` is double
            hint: floating point identifies nothing: use long, int or string; the columns stand in schemas/trips.avsc; see tidemill.toml:2
            error: stream `trips` has no column `Id` for `key`
            hint: did you mean `ID`? the columns stand in schemas/trips.avsc; see tidemill.toml:2
            error: the event time `KM` of stream `trips` is double, not a time
            hint: make it { "type": "long", "logicalType": "timestamp-micros" }; the columns stand in schemas/trips.avsc; see tidemill.toml:3
            error: the event time `GIVEN` of stream `tips` is int, not a time
            hint: make it { "type": "long", "logicalType": "timestamp-micros" }; the columns stand in schemas/tips.avsc; see tidemill.toml:6
        "#]],
    );
    check(
        "[streams.trips]\nkey = [\"ENDED\"]\nevent_time = \"ENDED\"\n",
        &expect![[r"
            error: the key column `ENDED` of stream `trips` may be null
            hint: take the null out of its type: a null identifies nothing; the columns stand in schemas/trips.avsc; see tidemill.toml:2
            error: the event time `ENDED` of stream `trips` may be null
            hint: take the null out of its type, or leave `event_time` out to use the Kafka timestamp; the columns stand in schemas/trips.avsc; see tidemill.toml:3
        "]],
    );
    check(
        "[streams.trips]\n[streams.tips]\n[models.tip]\nstream = \"trips\"\nlabel = \"tips.NOTE\"\n",
        &expect![[r"
            error: stream `trips` has no key, so its rows find no label
            hint: set `streams.trips.key`; see tidemill.toml:4
            error: the label `tips.NOTE` is string, not a number
            hint: give 0 and 1 as int; see tidemill.toml:5
            error: stream `tips` has no key, so its labels find no row
            hint: set `streams.tips.key`; see tidemill.toml:5
        "]],
    );
}

#[test]
fn models_must_make_sense() {
    check_more(
        "features = [\"KM\", \"KM\", \"GIVEN\"]\nparams = { depth = [1] }\ntrain = \"0s\"\n\
         gate = [{ metric = \"auc\" }, { metric = \"brier\", at_least = 1.0, at_most = 0.5 }, { at_least = 1.0 }]\n",
        &expect![[r"
            error: feature `KM` stands twice
            hint: see tidemill.toml:13
            error: feature `GIVEN` is the label
            hint: a model that sees its label learns nothing else; see tidemill.toml:13
            error: hyperparameter `depth` of model `tip` is neither number, text nor truth
            hint: see tidemill.toml:14
            error: `models.tip.train` must be above zero
            hint: see tidemill.toml:15
            error: `models.tip.gate[2]`: `metric` is missing
            hint: see tidemill.toml:16
            error: the rule for `auc` in the gate of model `tip` has no bound
            hint: add `at_least` or `at_most`; see tidemill.toml:16
            error: no figure can pass the rule for `brier` in the gate of model `tip`
            hint: `at_least` 1 is above `at_most` 0.5; see tidemill.toml:16
        "]],
    );
}

#[test]
fn a_fact_has_one_home() {
    check_more(
        "[views.distance]\nlookback = \"3d\"\n[checks.km_positive]\nseverity = \"warn\"\n",
        &expect![[r"
            error: `views.distance.lookback` is not a setting: what a feature view means stands in its SQL file
            hint: put it into the header of sql/features/distance.sql; see tidemill.toml:14
            error: `checks.km_positive.severity` is not a setting: what a check means stands in its SQL file
            hint: put it into the header of sql/checks/km_positive.sql; see tidemill.toml:16
        "]],
    );
}

#[test]
fn an_open_broker_demands_something() {
    check_more(
        "[broker]\nlisten = \"0.0.0.0\"\n",
        &expect![[r"
            error: `broker.listen` is 0.0.0.0, which others can reach, and the broker asks nobody for a password or a certificate
            hint: set `kafka.security.protocol` to `sasl_ssl` and what belongs to it, or to `ssl` with `broker.client_ca`, or listen on 127.0.0.1; see tidemill.toml:14
        "]],
    );
    check_more(
        "[broker]\nlisten = \"localhost\"\n",
        &expect![[r"
            error: `broker.listen`: `localhost` is not an address: write 127.0.0.1, 0.0.0.0 or ::1
            hint: see tidemill.toml:14
        "]],
    );
    check_more(
        "[kafka.security]\nprotocol = \"ssl\"\n[broker]\nlisten = \"0.0.0.0\"\nkey = \"broker.key\"\n",
        &expect![[r"
            error: `broker.certificate` must be set beside `broker.key`
            hint: see tidemill.toml:15
            error: `broker.listen` is 0.0.0.0, which others can reach, and the broker asks nobody for a password or a certificate
            hint: set `kafka.security.protocol` to `sasl_ssl` and what belongs to it, or to `ssl` with `broker.client_ca`, or listen on 127.0.0.1; see tidemill.toml:16
        "]],
    );
    let sasl = "[kafka.security]\nprotocol = \"sasl_plaintext\"\nmechanism = \"scram-sha-256\"\nusername = \"ada\"\n\
                password = { env = \"KAFKA_PASSWORD\" }\n[broker]\nlisten = \"::\"\n";
    check_more(
        sasl,
        &expect![[r"
            no fault
        "]],
    );
}

#[test]
fn an_open_door_needs_a_token() {
    check_more(
        "[server]\naddress = \"0.0.0.0:8080\"\n",
        &expect![[r"
            error: `server.address` is 0.0.0.0:8080, which others can reach, and no token is set
            hint: set TIDEMILL_SERVER__TOKEN or `server.token_file`, or listen on 127.0.0.1; see tidemill.toml:14
        "]],
    );
    check_more(
        "[server]\naddress = \"0.0.0.0:8080\"\ntoken = \"t\"\n",
        &expect![[r"
        no fault
    "]],
    );
    check_more(
        "[server]\ntoken = 12345\n",
        &expect![[r"
            error: `server.token`: expected a text in quotes
            hint: see tidemill.toml:14
        "]],
    );
    check_more(
        "[server]\ntoken = \"\"\ntoken_file = \"t\"\n",
        &expect![[r"
            error: `server.token` is empty
            hint: leave it out or give it a value; see tidemill.toml:14
            error: both `server.token` and `server.token_file` are set
            hint: keep one of them; see tidemill.toml:15
        "]],
    );
}

#[test]
fn streams_share_neither_topic_nor_name() {
    check_more(
        "[streams.more]\ntopic = \"trips\"\nschema = \"schemas/trips.avsc\"\n",
        &expect![[r"
            error: streams `trips` and `more` read the same topic `trips`
            hint: see tidemill.toml:14
        "]],
    );
    check_more(
        "[streams.runs]\nschema = \"schemas/trips.avsc\"\n[streams.distance]\nschema = \"schemas/trips.avsc\"\n",
        &expect![[r"
            error: stream `runs` has the name of one of tidemill's own tables
            hint: choose another name; see tidemill.toml:13
            error: feature view `distance` has the name of a stream
            hint: choose another name; see sql/features/distance.sql:1
        "]],
    );
    check_more(
        "[streams.Bad-Name]\n[streams.nowhere]\npartitions = 0\n",
        &expect![[r"
            error: `streams.Bad-Name`: `Bad-Name` is no stream name: a lower-case letter or `_`, then lower-case letters, digits or `_`
            hint: see tidemill.toml:13
            error: stream `nowhere` has no schema: there is no file `schemas/nowhere.avsc`
            hint: write its Avro schema there, or name another file with `schema`; see tidemill.toml:14
            error: `streams.nowhere.partitions` must be above zero
            hint: see tidemill.toml:15
        "]],
    );
}

#[test]
fn one_fault_is_explained_by_itself_and_several_are_listed() {
    let one = load(
        &[("tidemill.toml", &settings("").replacen('\n', "nam = \"x\"\n", 1))],
        &Overrides::default(),
    )
    .unwrap_err();
    assert_eq!(one.to_string(), "unknown setting `nam`");
    assert_eq!(one.hint().unwrap(), "did you mean `name`? see tidemill.toml:1");
    let two = load(
        &[("tidemill.toml", &settings("").replacen('\n', "nam = \"x\"\nb = 1\n", 1))],
        &Overrides::default(),
    )
    .unwrap_err();
    assert!(two.to_string().contains("2 faults in the project"), "{two}");
    assert_eq!(two.hint(), None);
}

#[test]
fn a_folder_without_settings_is_no_project() {
    let dir = tempfile::tempdir().unwrap();
    let error = Project::load(dir.path(), &Overrides::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(error.hint().unwrap().contains("tidemill init"));
}

#[test]
fn what_nobody_reads_is_a_warning() {
    let strays = [
        ("sql/models/drift.sql", "select 1"),
        ("sql/loose.sql", "select 1"),
        ("sql/feature/x.sql", "select 1"),
        ("schemas/more.avsc", "{}"),
        ("sql/features/.hidden.sql", "nothing"),
        ("sql/features/notes.md", "nothing"),
    ];
    let project = load(&strays, &Overrides::default()).unwrap();
    let warnings: Vec<String> = project.warnings.iter().map(|warning| warning.message.clone()).collect();
    expect![[r"
        `sql/feature` is not read
        `sql/loose.sql` is not read: it lies in none of the folders of sql/
        `sql/models` is not read
        `schemas/more.avsc` is the schema of no stream"]]
    .assert_eq(&warnings.join("\n"));
}
