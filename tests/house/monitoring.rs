//! What `tidemill drift`, `performance`, `monitors`, `triggers`, `predictions` and `clock` say, of a project of their own.

use expect_test::{Expect, expect};
use libtest_mimic::Trial;

use super::binary::{Running, say};
use super::fixtures::Project;
use super::http::{get, request};
use super::needs::trial;

/// Payments as they were known at the tick, against those of the training rows.
const AMOUNTS: &str = "-- monitor: amounts
-- kind: drift
-- model: fraud
-- every: 1d
-- window: 7d
--
-- Amounts of a week.

select TX_AMOUNT from transactions where TX_DATETIME >= $from and TX_DATETIME < $to
";
/// Fires whenever it is looked at.
const ALWAYS: &str = "-- trigger: always
-- kind: data
-- model: fraud
-- cooldown: 7d
--
-- Every week.

select count(*) as payments from transactions having count(*) > 0
";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("loop/a_monitor_is_looked_at", &[], a_monitor_is_looked_at),
        trial("loop/refusals", &[], refusals),
    ]
}

/// The small simulation with a monitor of its own, and no trigger that would train beside the trial.
fn watched() -> Project {
    let project = Project::simulated();
    let folder = |name: &str| project.dir().join("sql").join(name);
    // A project without the folder has nothing to remove.
    let _ = std::fs::remove_dir_all(folder("triggers"));
    for name in ["monitors", "triggers"] {
        std::fs::create_dir_all(folder(name)).expect("a folder can be made");
    }
    project.write("sql/monitors/amounts.sql", AMOUNTS);
    project
}

fn a_monitor_is_looked_at() {
    let project = watched();
    let dir = project.dir();
    let check = |args: &[&str], said: &Expect| said.assert_eq(&say(&dir, args).ok().out());
    say(&dir, &["train", "fraud", "--algorithm", "decision_tree"]).ok();
    say(&dir, &["deploy", "fraud", "1"]).ok();
    check(
        &["monitors", "run", "amounts", "--at", "2018-04-20"],
        &expect![[r#"
        drift of `fraud` as of 2018-04-20: 2018-04-13 to 2018-04-20, against v1
         column       value   status    rows   measure   against
        ─────────────────────────────────────────────────────────
         TX_AMOUNT   0.0031   stable   6,781   psi       v1
        looked at, and not kept: the tables hold what the event clock ran
    "#]],
    );
    // It was looked at, and nothing is kept.
    check(
        &["drift", "--monitor", "amounts"],
        &expect![[r#"
        no drift was measured; `tidemill monitors list` shows what is, and when
    "#]],
    );
    let asked = ["monitors", "run", "amounts", "--at", "2018-05-20", "--json"];
    let alone = say(&dir, &asked).ok().json();
    let up = Running::up(&dir);
    assert_eq!(say(&dir, &asked).ok().json(), alone);
    let answer = get(&format!("{}/api/v1/monitors", up.url())).json();
    let monitors = answer.as_array().expect("a list");
    assert!(monitors.iter().any(|monitor| monitor["name"] == "amounts"), "{answer}");
    up.stop();
}

fn refusals() {
    let project = watched();
    project.write("sql/triggers/always.sql", ALWAYS);
    let dir = project.dir();
    let check = |args: &[&str], code: i32, said: &Expect| said.assert_eq(&say(&dir, args).ends(code).err);
    check(
        &["monitors", "run", "amounts"],
        5,
        &expect![[r#"
        error: no version of `fraud` serves: there is nothing to measure drift against
        hint: tidemill train fraud, then tidemill deploy fraud 1
    "#]],
    );
    check(
        &["monitors", "run", "amonts"],
        3,
        &expect![[r#"
        error: no monitor is called `amonts`
        hint: did you mean `amounts`?
    "#]],
    );
    check(
        &["drift", "--monitor", "amonts"],
        3,
        &expect![[r#"
        error: no monitor is called `amonts`
        hint: did you mean `amounts`?
    "#]],
    );
    check(
        &["drift", "--model", "fruad"],
        3,
        &expect![[r#"
        error: no model is called `fruad`
        hint: did you mean `fraud`?
    "#]],
    );
    check(
        &["drift", "--from", "2018-08-01", "--to", "2018-07-01"],
        2,
        &expect![[r#"
            error: the window ends (2018-07-01T00:00:00Z) before it begins (2018-08-01T00:00:00Z)
            hint: --to is the first time after the window
        "#]],
    );
    check(
        &["performance", "--model", "fruad"],
        3,
        &expect![[r#"
        error: no model is called `fruad`
        hint: did you mean `fraud`?
    "#]],
    );
    check(
        &["triggers", "fire", "allways"],
        3,
        &expect![[r#"
        error: no trigger is called `allways`
        hint: did you mean `always`?
    "#]],
    );
    check(
        &["triggers", "history", "allways"],
        3,
        &expect![[r#"
        error: no trigger is called `allways`
        hint: did you mean `always`?
    "#]],
    );
    check(
        &["clock", "--wait", "--timeout", "1s"],
        5,
        &expect![[r#"
        error: no event clock runs for `fraud`
        hint: `tidemill up` runs it
    "#]],
    );
    for args in [
        &["drift", "--points", "0"][..],
        &["predictions", "list", "--source", "elsewhere"],
        &["clock", "--until", "2018-08-01"],
        &["triggers", "fire"],
    ] {
        say(&dir, args).ends(2);
    }
    let up = Running::up(&dir);
    let check = |method: &str, path: &str, body: &str, status: u16, code: &str| {
        let answer = request(method, &format!("{}/api/v1{path}", up.url()), body);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.json()["error"]["code"], code, "{path}: {}", answer.body);
    };
    check("GET", "/drift?column=1x", "", 400, "invalid_input");
    check("GET", "/drift?colum=TX_AMOUNT", "", 400, "invalid_input");
    check("GET", "/drift?monitor=amonts", "", 404, "not_found");
    check("GET", "/performance?points=many", "", 400, "invalid_input");
    check("POST", "/monitors/amonts/run", "", 404, "not_found");
    check("POST", "/monitors/amounts/run", "{\"when\": 1}", 400, "invalid_input");
    check("POST", "/triggers/allways/fire", "", 404, "not_found");
    check("GET", "/triggers/always/fire", "", 405, "invalid_input");
    check("GET", "/predictions?stream=transactions", "", 404, "not_found");
    check(
        "GET",
        &format!("/predictions/{}", "x".repeat(300)),
        "",
        400,
        "invalid_input",
    );
    check("POST", "/clock/wait", "{\"timeout\": \"soon\"}", 400, "invalid_input");
    up.stop();
}
