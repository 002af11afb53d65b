#![expect(clippy::needless_pass_by_value, reason = "cases read better without ampersands")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tidemill_types::Explain;

use crate::protocol::{Datatype, InferRequest, InputTensor, TensorData};

fn check(tensor: Value, expected: Expect) {
    let body = json!({ "inputs": [tensor] }).to_string();
    let shown = match InferRequest::parse(body.as_bytes()) {
        Ok(request) => format!("{:?}", request.inputs[0].data),
        // Where in the text it is depends on the order in which this build's maps write their fields.
        Err(error) => error
            .problem()
            .message
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    expected.assert_eq(&shown);
}

fn tensor(datatype: &str, shape: Value, data: Value) -> Value {
    json!({ "name": "x", "shape": shape, "datatype": datatype, "data": data })
}

#[test]
fn elements_come_flat_or_nested() {
    check(
        tensor("FP64", json!([3]), json!([1, 2.5, null])),
        expect!["Numbers([1.0, 2.5, NaN])"],
    );
    check(
        tensor("FP64", json!([2, 2]), json!([1, 2, 3, 4])),
        expect!["Numbers([1.0, 2.0, 3.0, 4.0])"],
    );
    check(
        tensor("FP64", json!([2, 2]), json!([[1, 2], [3, 4]])),
        expect!["Numbers([1.0, 2.0, 3.0, 4.0])"],
    );
    check(
        tensor("BOOL", json!([3]), json!([null, true, false])),
        expect!["Booleans([None, Some(true), Some(false)])"],
    );
    check(
        tensor("BYTES", json!([2]), json!(["a", "b"])),
        expect![[r#"Texts(["a", "b"])"#]],
    );
    check(tensor("FP64", json!([0]), json!([])), expect!["Numbers([])"]);
}

#[test]
fn what_is_no_tensor_is_told_so() {
    check(
        tensor("FP64", json!([2, 2]), json!([[1, 2], [3]])),
        expect!["the body is not an inference request: lists of different lengths side by side"],
    );
    check(
        tensor("FP64", json!([2, 2]), json!([[1, 2, 3], [4, 5, 6]])),
        expect![
            "the body is not an inference request: tensor `x` has shape [2, 2], and its lists are nested as [2, 3]"
        ],
    );
    check(
        tensor("FP64", json!([2]), json!([1, [2]])),
        expect!["the body is not an inference request: values and lists side by side"],
    );
    check(
        tensor("FP64", json!([2]), json!([[1], 2])),
        expect!["the body is not an inference request: values and lists side by side"],
    );
    check(
        tensor("FP64", json!([1]), json!([[[1]]])),
        expect!["the body is not an inference request: lists more than two deep"],
    );
    check(
        tensor("FP64", json!([2]), json!([1, "a"])),
        expect!["the body is not an inference request: a text among numbers"],
    );
    check(
        tensor("FP64", json!([2]), json!([1, true])),
        expect!["the body is not an inference request: a boolean among numbers"],
    );
    check(
        tensor("FP64", json!([1]), json!([{"a": 1}])),
        expect![
            "the body is not an inference request: invalid type: map, expected a number, a boolean, a text, null or a list of them"
        ],
    );
    check(
        tensor("FP64", json!([1]), json!(1)),
        expect![
            "the body is not an inference request: invalid type: integer `1`, expected a list of numbers, booleans or texts, flat or row by row"
        ],
    );
    check(
        tensor("FLOAT", json!([1]), json!([1])),
        expect![
            "the body is not an inference request: `FLOAT` is not a datatype: BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64 or BYTES"
        ],
    );
    check(
        tensor("FP64", json!([-1]), json!([1])),
        expect!["the body is not an inference request: invalid value: integer `-1`, expected u64"],
    );
    check(
        json!({ "name": "x", "shape": [1], "datatype": "FP64" }),
        expect!["the body is not an inference request: missing field `data`"],
    );
}

#[test]
fn what_is_no_json_is_told_so() {
    let check = |body: &str, expected: Expect| {
        expected.assert_eq(&InferRequest::parse(body.as_bytes()).unwrap_err().problem().message);
    };
    check(
        "",
        expect!["the body is not an inference request: EOF while parsing a value at line 1 column 0"],
    );
    check(
        "{",
        expect!["the body is not an inference request: EOF while parsing an object at line 1 column 1"],
    );
    check(
        "[]",
        expect![
            "the body is not an inference request: invalid length 2, expected struct InferRequest with 4 elements at line 1 column 2"
        ],
    );
    check(
        "{}",
        expect!["the body is not an inference request: missing field `inputs` at line 1 column 2"],
    );
    check(
        r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [NaN]}]}"#,
        expect!["the body is not an inference request: expected value at line 1 column 70"],
    );
    check(
        r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1e999]}]}"#,
        expect!["the body is not an inference request: number out of range at line 1 column 74"],
    );
}

fn datatypes() -> impl Strategy<Value = Datatype> {
    prop::sample::select(vec![
        Datatype::Fp64,
        Datatype::Fp32,
        Datatype::Int64,
        Datatype::Bool,
        Datatype::Bytes,
    ])
}

fn data() -> impl Strategy<Value = TensorData> {
    prop_oneof![
        prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..40).prop_map(TensorData::Numbers),
        prop::collection::vec(prop::option::of(any::<bool>()), 0..40)
            // Nothing but nulls reads back as numbers.
            .prop_filter("a boolean", |values| values.iter().any(Option::is_some))
            .prop_map(TensorData::Booleans),
        prop::collection::vec(".{0,8}", 1..40).prop_map(TensorData::Texts),
    ]
}

proptest! {
    #[test]
    fn a_request_reads_back_as_it_was_written(
        id in prop::option::of(".{0,20}"),
        tensors in prop::collection::vec((".{0,12}", datatypes(), data()), 0..6),
    ) {
        let inputs = tensors.into_iter().map(|(name, datatype, data)| InputTensor {
            name,
            shape: vec![data.len() as u64],
            datatype,
            parameters: serde_json::Map::new(),
            data,
        });
        let request = InferRequest { id, inputs: inputs.collect(), ..InferRequest::default() };
        let body = serde_json::to_vec(&request).unwrap();
        prop_assert_eq!(InferRequest::parse(&body).unwrap(), request);
    }

    #[test]
    fn nested_rows_read_as_the_flat_ones(rows in 1_usize..8, columns in 1_usize..8, first in -1e6_f64..1e6) {
        let value = |row: usize, column: usize| first + (row * columns + column) as f64;
        let nested: Vec<Vec<f64>> = (0..rows).map(|row| (0..columns).map(|column| value(row, column)).collect()).collect();
        let flat: Vec<f64> = nested.concat();
        let parse = |data: Value| {
            let body = json!({ "inputs": [tensor("FP64", json!([rows, columns]), data)] });
            InferRequest::parse(body.to_string().as_bytes()).unwrap()
        };
        prop_assert_eq!(parse(json!(nested)), parse(json!(flat)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = InferRequest::parse(&body);
    }

    #[test]
    fn any_json_is_read_or_refused(values in prop::collection::vec("[0-9\\[\\]{},:\"a-z.-]{0,30}", 0..5)) {
        let body = format!(r#"{{"inputs": [{}]}}"#, values.join(","));
        let _ = InferRequest::parse(body.as_bytes());
    }
}
