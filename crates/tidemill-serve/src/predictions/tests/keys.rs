use arrow::util::display::array_value_to_string;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tidemill_types::Explain;

use super::*;

/// The columns that keys of two rows give, or the problem.
#[expect(clippy::needless_pass_by_value, reason = "cases read better without ampersands")]
fn check(keys: Value, expected: Expect) {
    let carried = json!([
        { "name": "ID", "type": ["null", "long"] },
        { "name": "CUSTOMER", "type": ["null", "int"] },
        { "name": "SHOP", "type": ["null", "string"] },
        { "name": "AT", "type": ["null", { "type": "long", "logicalType": "timestamp-micros" }] },
        { "name": "AMOUNT", "type": ["null", "double"] },
        { "name": "DAY", "type": ["null", { "type": "int", "logicalType": "date" }] },
        { "name": "TAG", "type": ["null", "bytes"] },
        { "name": "COLOUR", "type": ["null", { "type": "enum", "name": "colour", "symbols": ["red", "blue"] }] },
        { "name": "GOOD", "type": ["null", "boolean"] },
    ]);
    let contract = PredictionContract::new(&predictions_stream("predictions", &carried), &payments()).unwrap();
    let parameters = json!({ "keys": keys, "other": 1 });
    let told = match contract.keys(parameters.as_object().unwrap(), 2) {
        Ok(keys) => {
            let columns = keys.0.iter().map(|(name, column)| {
                let values = (0..column.len()).map(|row| array_value_to_string(column, row).unwrap());
                format!("{name}: {}\n", values.collect::<Vec<_>>().join(" | "))
            });
            columns.collect()
        }
        Err(error) => {
            let problem = error.problem();
            format!(
                "{}: {}; {}",
                problem.code,
                problem.message,
                problem.hint.unwrap_or_default()
            )
        }
    };
    expected.assert_eq(&told);
}

#[test]
fn one_value_is_for_all_rows_and_a_list_has_one_each() {
    check(
        json!({ "ID": [7, null], "CUSTOMER": 596, "SHOP": "x", "GOOD": [true, false], "AMOUNT": [1, 2.5] }),
        expect![[r"
            AMOUNT: 1.0 | 2.5
            CUSTOMER: 596 | 596
            GOOD: true | false
            ID: 7 | 
            SHOP: x | x
        "]],
    );
    check(
        json!({ "AT": "2018-04-01T00:00:31.5Z", "DAY": ["2018-04-01", "1969-12-31"], "TAG": "00ff", "COLOUR": "red" }),
        expect![[r"
            AT: 2018-04-01T00:00:31.500Z | 2018-04-01T00:00:31.500Z
            COLOUR: red | red
            DAY: 2018-04-01 | 1969-12-31
            TAG: 00ff | 00ff
        "]],
    );
    check(json!({}), expect![""]);
}

#[test]
fn what_does_not_fit_is_told_so() {
    check(
        json!([1]),
        expect![[
            r#"invalid_input: the parameter `keys` is not an object; send {"keys": {"COLUMN": value}}, or a list with a value for each row"#
        ]],
    );
    check(
        json!({ "ID": [1, 2, 3] }),
        expect!["invalid_input: `keys` has 3 values of `ID` for 2 rows; give one value for all rows, or a list of 2"],
    );
    check(
        json!({ "score": 1 }),
        expect![
            "invalid_input: predictions carry no column `score`; they carry `ID`, `CUSTOMER`, `SHOP`, `AT`, `AMOUNT`, `DAY`, `TAG`, `COLOUR`, `GOOD`"
        ],
    );
    for (wrong, expected) in [
        (
            json!({ "ID": 1.5 }),
            expect!["invalid_input: `keys` has 1.5 as `ID`, which is long; "],
        ),
        (
            json!({ "CUSTOMER": 3_000_000_000_u64 }),
            expect!["invalid_input: `keys` has 3000000000 as `CUSTOMER`, which is int; "],
        ),
        (
            json!({ "SHOP": [1, 2] }),
            expect!["invalid_input: `keys` has 1 as `SHOP`, which is string; "],
        ),
        (
            json!({ "AT": 7 }),
            expect!["invalid_input: `keys` has 7 as `AT`, which is timestamp-micros; write it as 2018-07-25T12:00:00Z"],
        ),
        (
            json!({ "DAY": "2018-04-01T01:00:00Z" }),
            expect![[
                r#"invalid_input: `keys` has "2018-04-01T01:00:00Z" as `DAY`, which is date; write it as 2018-07-25"#
            ]],
        ),
        (
            json!({ "TAG": "0f0" }),
            expect![[r#"invalid_input: `keys` has "0f0" as `TAG`, which is bytes; write them as hexadecimal digits"#]],
        ),
        (
            json!({ "COLOUR": "green" }),
            expect![[
                r#"invalid_input: `keys` has "green" as `COLOUR`, which is enum; only the symbols of the schema are values of it"#
            ]],
        ),
        (
            json!({ "GOOD": "yes" }),
            expect![[r#"invalid_input: `keys` has "yes" as `GOOD`, which is boolean; "#]],
        ),
        (
            json!({ "AMOUNT": [[1], [2]] }),
            expect!["invalid_input: `keys` has [1] as `AMOUNT`, which is double; "],
        ),
    ] {
        check(wrong, expected);
    }
}
