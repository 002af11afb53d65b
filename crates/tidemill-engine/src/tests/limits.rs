use std::time::Duration;

use expect_test::{Expect, expect};
use tidemill_types::Explain;

use super::bench_lake::{catalog, settings};
use crate::{Engine, EngineError, QueryLimits};

const LIMITS: QueryLimits = QueryLimits {
    timeout: Duration::from_mins(1),
    rows: 100,
    bytes: 1024 * 1024,
};

fn check(sql: &str, limits: QueryLimits, expected: &Expect) {
    let engine = Engine::new(settings(), None, None, catalog(Vec::new())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let printed = match runtime.block_on(engine.query(sql, limits)) {
        Ok(answer) => format!("{} rows, truncated: {}", answer.rows(), answer.truncated),
        // How much was taken differs from run to run.
        Err(EngineError::Exhausted { message }) if message.contains("top memory consumers") => {
            "out of memory".to_owned()
        }
        Err(error) => format!("{}: {error}", error.code()),
    };
    expected.assert_eq(&printed);
}

#[test]
fn rows_and_bytes_are_cut_off_and_said_to_be() {
    check(
        "select * from generate_series(1, 100)",
        LIMITS,
        &expect!["100 rows, truncated: false"],
    );
    check(
        "select * from generate_series(1, 101)",
        LIMITS,
        &expect!["100 rows, truncated: true"],
    );
    check(
        "select * from generate_series(1, 1000000000000)",
        LIMITS,
        &expect!["100 rows, truncated: true"],
    );
    let few_bytes = QueryLimits { bytes: 401, ..LIMITS };
    check(
        "select * from generate_series(1, 90)",
        few_bytes,
        &expect!["50 rows, truncated: true"],
    );
    check(
        "select * from transactions",
        LIMITS,
        &expect!["0 rows, truncated: false"],
    );
    let none = QueryLimits { rows: 0, ..LIMITS };
    check("select 1", none, &expect!["0 rows, truncated: true"]);
}

#[test]
fn time_runs_out_for_what_never_ends() {
    let soon = QueryLimits {
        timeout: Duration::from_millis(300),
        ..LIMITS
    };
    check(
        "select count(*) from generate_series(1, 1000000000000)",
        soon,
        &expect!["timed_out: the query was stopped after 0.3 s"],
    );
    check(
        "select count(*) from generate_series(1, 1000000) as a(x), generate_series(1, 1000000) as b(y) where x <> y",
        soon,
        &expect!["timed_out: the query was stopped after 0.3 s"],
    );
}

#[test]
fn memory_is_shared_out_and_made_data_is_bounded() {
    check(
        "select length(repeat('x', 1000000)) as n",
        LIMITS,
        &expect!["1 rows, truncated: false"],
    );
    check(
        "select repeat('x', 2000000000)",
        LIMITS,
        &expect![
            "limit_reached: the query needs more than it may have: `repeat` would make 18000000000 bytes, the limit is 67108864"
        ],
    );
    check(
        "select generate_series(1, 1000000000000)",
        LIMITS,
        &expect![
            "limit_reached: the query needs more than it may have: `generate_series` would make 7999999999992 bytes, the limit is 67108864"
        ],
    );
    check(
        "select range(0, 2000000000, 2)",
        LIMITS,
        &expect![
            "limit_reached: the query needs more than it may have: `range` would make 8000000000 bytes, the limit is 67108864"
        ],
    );
    check(
        "select array_repeat(1.5, 1000000000)",
        LIMITS,
        &expect![
            "limit_reached: the query needs more than it may have: `array_repeat` would make 8000000000 bytes, the limit is 67108864"
        ],
    );
    check(
        "select rpad('x', 2000000000)",
        LIMITS,
        &expect![
            "limit_reached: the query needs more than it may have: `rpad` would make 16000000000 bytes, the limit is 67108864"
        ],
    );
    check(
        "select array_length(generate_series(1, 1000)) as n",
        LIMITS,
        &expect!["1 rows, truncated: false"],
    );
    check(
        "select repeat('ab', value) from generate_series(1, 3)",
        LIMITS,
        &expect!["3 rows, truncated: false"],
    );
    check(
        "select count(*) from generate_series(1, 9000000) as a(x) join generate_series(1, 9000000) as b(y) on x = y",
        LIMITS,
        &expect!["out of memory"],
    );
    check(
        &format!("select 1 -- {}", "x".repeat(2_000_000)),
        LIMITS,
        &expect!["limit_reached: an SQL text has at most 1048576 bytes, this one has 2000012"],
    );
}

#[test]
fn a_failing_value_is_the_querys_fault() {
    check(
        "select 1 / (value - 2) from generate_series(1, 3)",
        LIMITS,
        &expect!["invalid_input: the query failed on its data: division by zero"],
    );
    check(
        "select cast('x' as int)",
        LIMITS,
        &expect!["invalid_input: the query failed on its data: Cannot cast string 'x' to value of Int32 type"],
    );
}

#[test]
fn an_engine_may_be_dropped_on_an_async_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(settings(), None, None, catalog(Vec::new())).unwrap();
        let answer = engine.query("select 1", LIMITS).await.unwrap();
        drop(engine);
        assert_eq!(answer.rows(), 1);
    });
}
