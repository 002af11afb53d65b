//! File, environment and flags, and where each value comes from.

use expect_test::{Expect, expect};

use super::{faults, load, settings};
use crate::Overrides;

fn overrides(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Overrides {
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    Overrides {
        environment: own(environment).into_iter().collect(),
        flags: own(flags),
    }
}

fn check_faults(environment: &[(&str, &str)], flags: &[(&str, &str)], expected: &Expect) {
    expected.assert_eq(&faults(&[], &overrides(environment, flags)));
}

#[test]
fn flags_go_over_the_environment_over_the_file() {
    let toml = settings(
        "[server]\naddress = \"127.0.0.1:1\"\nrequests_in_flight = 7\nrequest_bytes = \"1MB\"\n[kafka]\nproperties = { a = \"1\" }\n",
    );
    let overrides = overrides(
        &[
            ("HOME", "/root"),
            ("TIDEMILL_LOG", "debug"),
            ("TIDEMILL_SERVER__ADDRESS", "127.0.0.1:2"),
            ("TIDEMILL_SERVER__REQUESTS_IN_FLIGHT", "8"),
            ("TIDEMILL_SERVER__TOKEN", "12345"),
            ("TIDEMILL_MODELS__TIP__SEED", "9"),
            ("TIDEMILL_MODELS__TIP__FEATURES", "[\"KM\"]"),
            ("TIDEMILL_MODELS__TIP__PARAMS", "{ max_depth = 3 }"),
            ("TIDEMILL_MODELS__TIP__PARAMS__ETA", "0.1"),
            ("TIDEMILL_KAFKA__BOOTSTRAP", "host:9092"),
            ("TIDEMILL_STORAGE__REGISTRY", "postgres://me:pw@host/db"),
        ],
        &[
            ("server.address", "127.0.0.1:3"),
            ("models.tip.algorithm", "random_forest"),
            ("kafka.properties.\"ssl.key.password\"", "hunter2"),
        ],
    );
    let project = load(&[("tidemill.toml", &toml)], &overrides).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(project.settings.server.token.as_ref().unwrap().expose(), "12345");
    assert_eq!(
        project.settings.kafka.properties.expose()["ssl.key.password"],
        "hunter2"
    );
    let shown: Vec<String> = project
        .provenance
        .iter()
        .filter(|setting| setting.origin != crate::Origin::Default || setting.setting.starts_with("clock"))
        .map(|setting| {
            let value = setting.value.as_ref().map_or_else(String::new, ToString::to_string);
            format!("{} = {value}  # {}\n", setting.setting, setting.origin)
        })
        .collect();
    let shown = shown.concat();
    assert!(
        !shown.contains("hunter2") && !shown.contains("12345") && !shown.contains("pw"),
        "{shown}"
    );
    expect![[r#"
        streams.trips.key = ["ID"]  # tidemill.toml:3
        streams.trips.event_time = "AT"  # tidemill.toml:4
        streams.tips.key = ["ID"]  # tidemill.toml:7
        models.tip.stream = "trips"  # tidemill.toml:10
        models.tip.label = "tips.GIVEN"  # tidemill.toml:11
        models.tip.features = ["KM"]  # TIDEMILL_MODELS__TIP__FEATURES
        models.tip.algorithm = "random_forest"  # flag models.tip.algorithm
        models.tip.params.eta = 0.1  # TIDEMILL_MODELS__TIP__PARAMS__ETA
        models.tip.params.max_depth = 3  # TIDEMILL_MODELS__TIP__PARAMS
        models.tip.seed = 9  # TIDEMILL_MODELS__TIP__SEED
        kafka.bootstrap = "host:9092"  # TIDEMILL_KAFKA__BOOTSTRAP
        kafka.properties.a = "1"  # tidemill.toml:18
        kafka.properties."ssl.key.password" = "***"  # flag kafka.properties."ssl.key.password"
        storage.registry = "postgres://me:***@host/db"  # TIDEMILL_STORAGE__REGISTRY
        server.address = "127.0.0.1:3"  # flag server.address
        server.token = "***"  # TIDEMILL_SERVER__TOKEN
        server.request_bytes = "1MB"  # tidemill.toml:16
        server.requests_in_flight = 8  # TIDEMILL_SERVER__REQUESTS_IN_FLIGHT
        clock.run = true  # default
        clock.tick = "1h"  # default
        clock.idle = "10m"  # default
    "#]]
    .assert_eq(&shown);
    let debugged = format!("{project:?}");
    assert!(!debugged.contains("hunter2") && !debugged.contains("12345") && !debugged.contains(":pw@"));
}

#[test]
fn unknown_variables_and_flags_are_faults() {
    check_faults(
        &[("TIDEMILL_SERVER_ADDRESS", "x"), ("TIDEMILL_SEVER__ADDRESS", "x")],
        &[],
        &expect![[r"
            error: the environment variable TIDEMILL_SERVER_ADDRESS names no setting
            hint: did you mean TIDEMILL_SERVER__ADDRESS?
            error: the environment variable TIDEMILL_SEVER__ADDRESS names no setting
            hint: did you mean TIDEMILL_SERVER__ADDRESS?
        "]],
    );
    check_faults(
        &[
            ("TIDEMILL_SERVER__ADRESS", "127.0.0.1:1"),
            ("TIDEMILL_LOGS", "x"),
            ("TIDEMILL_X", ""),
        ],
        &[],
        &expect![[r"
            error: the environment variable TIDEMILL_LOGS names no setting
            hint: did you mean TIDEMILL_LOG?
            error: the environment variable TIDEMILL_X names no setting
            hint: the setting `section.name` is TIDEMILL_SECTION__NAME; `tidemill config` lists them all
            error: unknown setting `server.adress`
            hint: did you mean `address`? set by TIDEMILL_SERVER__ADRESS
        "]],
    );
    check_faults(
        &[("TIDEMILL_SERVER__ADDRESS", "nowhere"), ("TIDEMILL_NAME__X", "1")],
        &[],
        &expect![[r"
            error: `name`: expected a text in quotes, found a table
            hint: set by TIDEMILL_NAME__X
            error: `server.address`: `nowhere` is not an address: write 127.0.0.1:8080 or [::1]:8080
            hint: set by TIDEMILL_SERVER__ADDRESS
        "]],
    );
    check_faults(
        &[],
        &[
            ("models.tip.algoritm", "x"),
            ("a..b", "x"),
            ("models.tip.algorithm", "forest"),
        ],
        &expect![[r"
            error: `a..b` is not the path of a setting
            hint: write it as `section.setting`; set by the flag for `a..b`
            error: unknown setting `models.tip.algoritm`
            hint: did you mean `algorithm`? set by the flag for `models.tip.algoritm`
            error: `models.tip.algorithm`: `forest` is not known
            hint: there is `logistic_regression`, `decision_tree`, `random_forest`, `xgboost`; set by the flag for `models.tip.algorithm`
        "]],
    );
}
