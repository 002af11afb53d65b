//! `tidemill sql`: every format, from the command line and standard input; reading only, within limits.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type};
use arrow::ipc::reader::StreamReader;
use expect_test::{Expect, expect};
use libtest_mimic::Trial;

use super::binary::{say, say_with_input};
use super::fixtures::{Fixtures, Project};
use super::needs::trial;

const FIRST_TWO: &str = "select CUSTOMER_ID, TX_AMOUNT, TX_DATETIME from transactions order by TRANSACTION_ID limit 2";

pub fn trials(fixtures: &Arc<Fixtures>) -> Vec<Trial> {
    let of = |run: fn(&Project)| {
        let fixtures = Arc::clone(fixtures);
        move || run(&fixtures.small().project)
    };
    vec![
        trial("sql/formats", &[], of(formats)),
        trial("sql/arrow", &[], of(arrow)),
        trial("sql/standard_input", &[], of(standard_input)),
        trial("sql/refuses_to_write", &[], of(refuses_to_write)),
        trial("sql/mistakes", &[], of(mistakes)),
        trial("sql/limits", &[], of(limits)),
        trial("sql/every_table_answers", &[], of(every_table_answers)),
    ]
}

fn formats(project: &Project) {
    let check = |format: &str, said: &Expect| {
        let found = say(&project.dir(), &["sql", "--format", format, FIRST_TWO]).ok();
        // How long it took is the one thing that differs from run to run.
        let text = found.out();
        let text = text.split(" in ").next().unwrap_or_default();
        said.assert_eq(text);
    };
    check(
        "table",
        &expect![[r#"
         CUSTOMER_ID   TX_AMOUNT   TX_DATETIME
        ────────────────────────────────────────────────
                 103       13.29   2018-04-01T00:05:42Z
                 230       54.08   2018-04-01T00:25:30Z
        2 rows"#]],
    );
    check(
        "csv",
        &expect![[r#"
        CUSTOMER_ID,TX_AMOUNT,TX_DATETIME
        103,13.29,2018-04-01T00:05:42Z
        230,54.08,2018-04-01T00:25:30Z
    "#]],
    );
    check(
        "json",
        &expect![[r#"
        [{"CUSTOMER_ID":103,"TX_AMOUNT":13.29,"TX_DATETIME":"2018-04-01T00:05:42Z"},{"CUSTOMER_ID":230,"TX_AMOUNT":54.08,"TX_DATETIME":"2018-04-01T00:25:30Z"}]
    "#]],
    );
    check(
        "ndjson",
        &expect![[r#"
        {"CUSTOMER_ID":103,"TX_AMOUNT":13.29,"TX_DATETIME":"2018-04-01T00:05:42Z"}
        {"CUSTOMER_ID":230,"TX_AMOUNT":54.08,"TX_DATETIME":"2018-04-01T00:25:30Z"}
    "#]],
    );
}

fn arrow(project: &Project) {
    let said = say(&project.dir(), &["sql", "--format", "arrow", FIRST_TWO]).ok();
    let batches: Vec<_> = StreamReader::try_new(said.bytes.as_slice(), None)
        .expect("an Arrow stream")
        .collect::<Result<_, _>>()
        .expect("whole batches");
    let rows = arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("of one schema");
    assert_eq!(rows.num_rows(), 2);
    let customers = rows["CUSTOMER_ID"].as_primitive::<Int32Type>();
    let amounts = rows["TX_AMOUNT"].as_primitive::<Float64Type>();
    let json = say(&project.dir(), &["sql", "--json", FIRST_TWO]).ok().json();
    for row in 0..rows.num_rows() {
        assert_eq!(json[row]["CUSTOMER_ID"], customers.value(row));
        assert_eq!(json[row]["TX_AMOUNT"], amounts.value(row));
    }
    assert!(!customers.is_null(0));
}

fn standard_input(project: &Project) {
    for args in [&["sql", "--format", "csv"][..], &["sql", "-f", "csv", "-"]] {
        let said = say_with_input(&project.dir(), args, "select 1 as a\n").ok();
        assert_eq!(said.out(), "a\n1\n", "{args:?}");
    }
    let said = say_with_input(&project.dir(), &["sql"], " \n").ends(2);
    assert!(said.err.contains("there is no query"), "{}", said.err);
}

fn refuses_to_write(project: &Project) {
    let count = || {
        say(
            &project.dir(),
            &["sql", "-f", "csv", "select count(*) as n from transactions"],
        )
        .ok()
        .out()
    };
    let before = count();
    let target = project.outside().join("stolen.csv");
    let copy = format!("copy transactions to '{}'", target.display());
    for query in [
        "delete from transactions",
        "update transactions set TX_AMOUNT = 0",
        "insert into transactions select * from transactions",
        "truncate table transactions",
        "drop table labels",
        "create table x as select 1",
        "create external table x stored as csv location '/etc/passwd'",
        "set datafusion.execution.batch_size = 1",
        &copy,
    ] {
        let said = say(&project.dir(), &["sql", query]).ends(2);
        assert!(said.err.starts_with("error: "), "{query}: {}", said.err);
    }
    assert!(!target.exists());
    assert_eq!(count(), before);
}

fn mistakes(project: &Project) {
    let check = |query: &str, said: &Expect| said.assert_eq(&say(&project.dir(), &["sql", query]).ends(2).err);
    check(
        "select count(*) from transactons",
        &expect![[r#"
        error: there is no table `transactons`
        hint: did you mean `transactions`?
    "#]],
    );
    check(
        "select TX_AMUNT from transactions",
        &expect![[r#"
        error: there is no column `TX_AMUNT`
        hint: did you mean `TX_AMOUNT`?
    "#]],
    );
    check(
        "selct 1",
        &expect![[r#"
        error: not valid SQL: Expected: an SQL statement, found: selct
    "#]],
    );
    check(
        "select 1 as a; select 2 as b",
        &expect![[r#"
        error: one statement is answered at a time, this text holds 2
        hint: send the statements one by one
    "#]],
    );
    check(
        "select * from '/etc/passwd'",
        &expect![[r#"
        error: there is no table `/etc/passwd`
        hint: `show tables` lists the tables
    "#]],
    );
}

fn limits(project: &Project) {
    let said = say(
        &project.dir(),
        &[
            "sql",
            "--json",
            "--rows",
            "3",
            "select TRANSACTION_ID from transactions",
        ],
    )
    .ok();
    assert_eq!(said.json().as_array().map(Vec::len), Some(3));
    // Cut where it was asked to be: that is the answer, and no error.
    assert_eq!(said.err, "");
    let endless = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let said = say(&project.dir(), &["sql", "--timeout", "1s", endless]).ends(6);
    assert!(said.err.starts_with("error: "), "{}", said.err);
}

/// Runs and models included.
fn every_table_answers(project: &Project) {
    let dir = project.dir();
    let names = say(
        &dir,
        &[
            "sql",
            "--json",
            "select table_name as name from information_schema.tables where table_schema = 'public'",
        ],
    );
    let names = names.ok().json();
    let names: Vec<&str> = names
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    for expected in [
        "transactions",
        "labels",
        "dead_letters",
        "customer_spending",
        "runs",
        "models",
        "deployments",
    ] {
        assert!(names.contains(&expected), "no `{expected}` among {names:?}");
    }
    for name in names {
        say(&dir, &["sql", "--json", &format!("select * from {name} limit 1")]).ok();
    }
    let said = say(
        &dir,
        &[
            "sql",
            "-f",
            "csv",
            "select count(*) as versions, count(distinct content_hash) as contents from model_versions",
        ],
    );
    assert_eq!(said.ok().out(), "versions,contents\n4,4\n");
}
