#![expect(clippy::needless_pass_by_value, reason = "cases read better without ampersands")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tidemill_types::{ErrorCode, Explain, VersionNumber};

use super::{logistic, name, slots};
use crate::protocol::InferRequest;
use crate::{Deployed, InferenceEvent, InferenceObserver, NoObserver, ROWS_PER_REQUEST_MAX};

fn column(name: &str, datatype: &str, data: Value) -> Value {
    let rows = data.as_array().map_or(0, Vec::len);
    json!({ "name": name, "shape": [rows], "datatype": datatype, "data": data })
}

fn three(amount: Value, count: Value, weekend: Value) -> Value {
    json!({ "inputs": [
        column("AMOUNT", "FP64", amount),
        column("COUNT", "INT64", count),
        column("WEEKEND", "BOOL", weekend),
    ] })
}

/// The logits of the answer, or the problem.
async fn ask(body: &Value) -> String {
    let (slots, _) = slots();
    let request = match InferRequest::parse(body.to_string().as_bytes()) {
        Ok(request) => request,
        Err(error) => return error.problem().message,
    };
    match slots.infer(&name("fraud"), None, request).await {
        Ok(answer) => {
            let scores = answer.outputs[0].data.iter();
            let logits: Vec<f64> = scores.map(|p| ((p / (1.0 - p)).ln() * 1e6).round() / 1e6).collect();
            format!("{logits:?}")
        }
        Err(error) => {
            let problem = error.problem();
            let hint = problem.hint.map_or(String::new(), |hint| format!("; {hint}"));
            format!("{}: {}{hint}", problem.code, problem.message)
        }
    }
}

async fn check(body: Value, expected: Expect) {
    expected.assert_eq(&ask(&body).await);
}

#[tokio::test]
async fn columns_are_matched_by_name() {
    check(
        three(json!([0.5, 1]), json!([1, 0]), json!([false, true])),
        expect!["[2.5, 5.0]"],
    )
    .await;
    check(
        json!({ "inputs": [
            column("WEEKEND", "INT32", json!([1])),
            column("AMOUNT", "FP32", json!([0.5])),
            { "name": "COUNT", "shape": [1, 1], "datatype": "FP64", "data": [[1]] },
        ] }),
        expect!["[6.5]"],
    )
    .await;
    check(three(json!([]), json!([]), json!([])), expect!["[]"]).await;
}

#[tokio::test]
async fn one_tensor_goes_by_the_models_order() {
    let input = |shape: Value, data: Value| json!({ "inputs": [{ "name": "input", "shape": shape, "datatype": "FP64", "data": data }] });
    check(
        input(json!([2, 3]), json!([[0.5, 1, 0], [1, 0, 1]])),
        expect!["[2.5, 5.0]"],
    )
    .await;
    check(input(json!([2, 3]), json!([0.5, 1, 0, 1, 0, 1])), expect!["[2.5, 5.0]"]).await;
    check(input(json!([0, 3]), json!([])), expect!["[]"]).await;
    check(input(json!([1, 2]), json!([1, 2])), expect!["invalid_input: tensor `input` has 2 columns, and the model 3 features; in this order: `AMOUNT`, `COUNT`, `WEEKEND`"]).await;
    check(
        input(json!([3]), json!([1, 2, 1])),
        expect![
            "invalid_input: the model has no feature `input`; the model's features are `AMOUNT`, `COUNT`, `WEEKEND`"
        ],
    )
    .await;
    check(
        input(json!([1, 3]), json!([0.5, 1.5, 0])),
        expect!["invalid_input: feature `COUNT` is INT64, and row 0 has 1.5"],
    )
    .await;
    check(input(json!([1, 3, 1]), json!([1, 2, 1])), expect!["invalid_input: tensor `input` has shape [1, 3, 1]; a tensor of one feature is [rows] or [rows, 1], one that holds them all [rows, 3]"]).await;
    check(input(json!([]), json!([])), expect!["invalid_input: tensor `input` has shape []; a tensor of one feature is [rows] or [rows, 1], one that holds them all [rows, 3]"]).await;
}

#[tokio::test]
async fn what_does_not_fit_the_model_is_told_so() {
    check(
        json!({ "inputs": [] }),
        expect!["invalid_input: the request has no inputs; the model's features are `AMOUNT`, `COUNT`, `WEEKEND`"],
    )
    .await;
    check(
        json!({ "inputs": [column("AMOUNT", "FP64", json!([1]))] }),
        expect!["invalid_input: missing features `COUNT`, `WEEKEND`; given were `AMOUNT`"],
    )
    .await;
    check(
        json!({ "inputs": [column("AMUONT", "FP64", json!([1]))] }),
        expect!["invalid_input: the model has no feature `AMUONT`; did you mean `AMOUNT`?"],
    )
    .await;
    check(
        json!({ "inputs": [column("zzz", "FP64", json!([1]))] }),
        expect!["invalid_input: the model has no feature `zzz`; the model's features are `AMOUNT`, `COUNT`, `WEEKEND`"],
    )
    .await;
    check(
        json!({ "inputs": [column("AMOUNT", "FP64", json!([1])), column("AMOUNT", "FP64", json!([1]))] }),
        expect!["invalid_input: tensor `AMOUNT` is there twice"],
    )
    .await;
    check(
        three(json!([1, 2]), json!([1]), json!([true])),
        expect!["invalid_input: tensor `COUNT` has 1 rows, and `AMOUNT` 2"],
    )
    .await;
    check(
        three(json!(["a"]), json!([1]), json!([true])),
        expect![[r#"invalid_input: tensor `AMOUNT` is FP64, and element 0 is the text "a""#]],
    )
    .await;
    check(
        three(json!([true]), json!([1]), json!([true])),
        expect!["invalid_input: tensor `AMOUNT` is FP64, and element 0 is true"],
    )
    .await;
    check(
        three(json!([1]), json!([1.5]), json!([true])),
        expect!["invalid_input: tensor `COUNT` is INT64, and element 0 is 1.5"],
    )
    .await;
    check(
        three(json!([1]), json!([1]), json!([2])),
        expect!["invalid_input: tensor `WEEKEND` is BOOL, and element 0 is 2"],
    )
    .await;
    check(
        three(json!([null]), json!([1]), json!([true])),
        expect!["invalid_input: feature `AMOUNT` of row 0 is missing; this model needs every value"],
    )
    .await;
    check(
        json!({ "inputs": [column("AMOUNT", "BYTES", json!(["1"]))] }),
        expect!["invalid_input: tensor `AMOUNT` is BYTES, and the model's features are numbers; send FP64, FP32, an integer type or BOOL"],
    )
    .await;
    check(
        json!({ "inputs": [{ "name": "AMOUNT", "shape": [3], "datatype": "FP64", "data": [1] }] }),
        expect!["invalid_input: tensor `AMOUNT` has shape [3] and 1 elements; the shape wants 3"],
    )
    .await;
    check(
        json!({ "inputs": [{ "name": "AMOUNT", "shape": [4_294_967_296_u64, 4_294_967_296_u64], "datatype": "FP64", "data": [1] }] }),
        expect!["limit_reached: 4294967296 rows are more than the 65536 of one request; send several requests"],
    )
    .await;
    let mut with_output = three(json!([1]), json!([1]), json!([true]));
    with_output["outputs"] = json!([{ "name": "score" }]);
    check(
        with_output,
        expect!["invalid_input: the model has no output `score`; its output is `probability`"],
    )
    .await;
}

#[tokio::test]
async fn large_requests_are_scored_beside_the_runtime_and_have_a_limit() {
    let (slots, recorder) = slots();
    let ask = async |rows: usize| {
        let columns = ["AMOUNT", "COUNT", "WEEKEND"].map(|name| (name.to_owned(), vec![0.0; rows]));
        slots
            .infer(&name("fraud"), None, InferRequest::from_columns(columns))
            .await
    };
    let answer = ask(ROWS_PER_REQUEST_MAX).await.unwrap();
    assert_eq!(answer.outputs[0].shape, [ROWS_PER_REQUEST_MAX as u64]);
    assert_eq!(answer.outputs[0].data[ROWS_PER_REQUEST_MAX - 1], 0.5);
    let problem = ask(ROWS_PER_REQUEST_MAX + 1).await.unwrap_err().problem();
    assert_eq!(problem.message, "65537 rows are more than the 65536 of one request");
    let heard = recorder.0.lock().unwrap().clone();
    assert_eq!(heard[0], ("fraud".to_owned(), 1, ROWS_PER_REQUEST_MAX, None));
    assert_eq!(heard[1], ("fraud".to_owned(), 1, 0, Some(ErrorCode::LimitReached)));
}

#[tokio::test]
async fn the_answer_names_who_gave_it() {
    let (slots, _) = slots();
    let mut body = three(json!([1]), json!([0]), json!([false]));
    body["id"] = json!("abc");
    body["outputs"] = json!([{ "name": "probability" }]);
    let request = InferRequest::parse(body.to_string().as_bytes()).unwrap();
    let answer = slots
        .infer(&name("fraud"), Some(VersionNumber(1)), request)
        .await
        .unwrap();
    let expected = json!({
        "model_name": "fraud",
        "model_version": "1",
        "id": "abc",
        "outputs": [{ "name": "probability", "shape": [1], "datatype": "FP64", "data": [logistic(1.0)] }],
    });
    assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
}

#[tokio::test]
async fn who_is_not_there_is_told_so() {
    let (slots, recorder) = slots();
    let check = async |deployment: &str, version: Option<u32>, expected: Expect| {
        let version = version.map(VersionNumber);
        let problem = slots
            .infer(&name(deployment), version, InferRequest::default())
            .await
            .unwrap_err()
            .problem();
        expected.assert_eq(&format!(
            "{}: {}; {}",
            problem.code,
            problem.message,
            problem.hint.unwrap_or_default()
        ));
    };
    check(
        "fruad",
        None,
        expect!["not_found: no deployment is called `fruad`; did you mean `fraud`?"],
    )
    .await;
    check(
        "x",
        None,
        expect!["not_found: no deployment is called `x`; deployed are `fraud`"],
    )
    .await;
    check("fraud", Some(2), expect!["not_found: deployment `fraud` serves v1, not v2; ask without a version, ask for v1, or deploy the other version first"]).await;
    assert!(
        recorder.0.lock().unwrap().is_empty(),
        "unknown names must not become labels of metrics"
    );
}

#[test]
fn metadata_is_the_protocols() {
    let (slots, _) = slots();
    let metadata = slots.metadata(&name("fraud"), None).unwrap();
    expect![[r#"
        {
          "name": "fraud",
          "versions": [
            "1"
          ],
          "platform": "tidemill",
          "inputs": [
            {
              "name": "AMOUNT",
              "datatype": "FP64",
              "shape": [
                -1
              ]
            },
            {
              "name": "COUNT",
              "datatype": "INT64",
              "shape": [
                -1
              ]
            },
            {
              "name": "WEEKEND",
              "datatype": "BOOL",
              "shape": [
                -1
              ]
            }
          ],
          "outputs": [
            {
              "name": "probability",
              "datatype": "FP64",
              "shape": [
                -1
              ]
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&metadata).unwrap());
}

#[test]
fn rows_are_scored_without_the_protocol() {
    let deployed = Deployed::check(super::candidate(1, 0.0)).unwrap();
    assert_eq!(deployed.score_rows(&[1.0, 0.0, 0.0]).unwrap(), [logistic(1.0)]);
    assert!(deployed.score_rows(&[1.0]).is_err());
    let event = InferenceEvent {
        deployment: &name("fraud"),
        model: &deployed.model,
        version: deployed.version,
        rows: 1,
        elapsed: std::time::Duration::ZERO,
        refused: None,
    };
    NoObserver.observe(event);
}

proptest! {
    #[test]
    fn a_matrix_and_its_columns_score_the_same(rows in prop::collection::vec((-3.0_f32..3.0, -3_i32..3, any::<bool>()), 0..50)) {
        let deployed = Deployed::check(super::candidate(1, 0.0)).unwrap();
        let amounts: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
        let counts: Vec<f64> = rows.iter().map(|row| f64::from(row.1)).collect();
        let weekends: Vec<f64> = rows.iter().map(|row| f64::from(row.2)).collect();
        let flat: Vec<f64> = rows.iter().flat_map(|row| [f64::from(row.0), f64::from(row.1), f64::from(row.2)]).collect();
        let columns = InferRequest::from_columns([
            ("WEEKEND".to_owned(), weekends),
            ("COUNT".to_owned(), counts),
            ("AMOUNT".to_owned(), amounts),
        ]);
        let mut matrix = InferRequest::from_columns([("input".to_owned(), flat)]);
        matrix.inputs[0].shape = vec![rows.len() as u64, 3];
        prop_assert_eq!(deployed.score(&columns).unwrap(), deployed.score(&matrix).unwrap());
    }
}
