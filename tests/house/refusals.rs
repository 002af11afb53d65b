//! What is wrong with a request is answered by 4xx in one shape: a code, a message, and a hint where there is one.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::fixtures::{Fixtures, Served};
use super::http::{get, request};
use super::needs::trial;

pub fn trials(fixtures: &Arc<Fixtures>) -> Vec<Trial> {
    let of = |run: fn(&Served)| {
        let fixtures = Arc::clone(fixtures);
        move || run(fixtures.small())
    };
    vec![
        trial("http/refusals", &[], of(refusals)),
        trial("http/inference_refusals", &[], of(inference_refusals)),
        trial("http/infers", &[], of(infers)),
        trial("http/serves_itself", &[], of(serves_itself)),
    ]
}

fn refusals(served: &Served) {
    let check = |method: &str, path: &str, body: &str, status: u16, code: &str, word: &str| {
        let answer = request(method, &format!("{}{path}", served.server.url()), body);
        let what = format!("{method} {path} {body}: {} {}", answer.status, answer.body);
        assert_eq!(answer.status, status, "{what}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{what}");
        let message = error["message"].as_str().unwrap_or_else(|| panic!("{what}"));
        let hint = error["hint"].as_str().unwrap_or_default();
        assert!(message.contains(word) || hint.contains(word), "no `{word}` in {what}");
    };
    let sql = "/api/v1/sql";
    check("POST", sql, "{\"query\": ", 400, "invalid_input", "");
    check("POST", sql, "{\"query\": 5}", 400, "invalid_input", "expected a string");
    check("POST", sql, "{\"qurey\": \"select 1\"}", 400, "invalid_input", "qurey");
    check(
        "POST",
        sql,
        "{\"query\": \"delete from labels\"}",
        400,
        "invalid_input",
        "only reading",
    );
    check(
        "POST",
        sql,
        "{\"query\": \"drop table labels\"}",
        400,
        "invalid_input",
        "only reading",
    );
    check(
        "POST",
        sql,
        "{\"query\": \"select * from lables\"}",
        400,
        "invalid_input",
        "labels",
    );
    check("GET", sql, "", 405, "invalid_input", "");
    check("GET", "/api/v1/nothing", "", 404, "not_found", "");
    check("GET", "/api/v1/models/fruad", "", 404, "not_found", "fraud");
    check("GET", "/api/v1/models/fraud/versions/99", "", 404, "not_found", "99");
    check(
        "GET",
        "/api/v1/models/fraud/versions/first",
        "",
        400,
        "invalid_input",
        "first",
    );
    check("GET", "/api/v1/runs/zz", "", 400, "invalid_input", "zz");
    check("GET", "/api/v1/runs?limit=many", "", 400, "invalid_input", "limit");
    check(
        "GET",
        "/api/v1/features?view=terminal_risks",
        "",
        404,
        "not_found",
        "terminal_risk",
    );
    check("GET", "/api/v1/features?from=yesterday", "", 400, "invalid_input", "");
    check(
        "GET",
        "/api/v1/dead-letters/transactions/0/12345678",
        "",
        404,
        "not_found",
        "",
    );
    check(
        "POST",
        "/api/v1/checks",
        "{\"names\": [\"nope\"]}",
        404,
        "not_found",
        "nope",
    );
    check(
        "POST",
        "/api/v1/runs",
        "{\"model\": \"fruad\"}",
        404,
        "not_found",
        "fraud",
    );
    check(
        "POST",
        "/api/v1/runs",
        "{\"model\": \"fraud\", \"seed\": \"x\"}",
        400,
        "invalid_input",
        "",
    );
    check(
        "POST",
        "/api/v1/runs",
        "{\"model\": \"fraud\", \"algorithm\": \"xgbost\"}",
        400,
        "invalid_input",
        "xgboost",
    );
    check(
        "POST",
        "/api/v1/deployments",
        "{\"model\": \"fraud\", \"version\": 99}",
        404,
        "not_found",
        "99",
    );
    check(
        "PUT",
        "/api/v1/models/fraud/aliases/champion",
        "{\"version\": 99}",
        404,
        "not_found",
        "99",
    );
    check(
        "POST",
        "/api/v1/deployments/fruad/rollback",
        "",
        404,
        "not_found",
        "fraud",
    );
}

fn inference_refusals(served: &Served) {
    let check = |path: &str, body: &str, status: u16, word: &str| {
        let answer = request("POST", &format!("{}{path}", served.server.url()), body);
        let what = format!("{path} {body}: {} {}", answer.status, answer.body);
        assert_eq!(answer.status, status, "{what}");
        // The protocol's shape: the error is a text.
        let message = answer.json()["error"].as_str().map(ToOwned::to_owned);
        assert!(
            message.is_some_and(|message| message.contains(word)),
            "no `{word}` in {what}"
        );
    };
    let infer = "/v2/models/fraud/infer";
    let inputs = |change: fn(&mut Vec<Value>)| {
        let mut inputs = tensors(served);
        change(&mut inputs);
        json!({ "inputs": inputs }).to_string()
    };
    check(infer, "{\"inputs\": [", 400, "");
    check(infer, "{}", 400, "inputs");
    check(infer, "{\"inputs\": []}", 400, "");
    check("/v2/models/fruad/infer", &inputs(|_| ()), 404, "fraud");
    check("/v2/models/fraud/versions/1/infer", &inputs(|_| ()), 404, "");
    check(
        infer,
        &inputs(|inputs| drop(inputs.pop())),
        400,
        "TERMINAL_ID_RISK_30DAY_WINDOW",
    );
    check(
        infer,
        &inputs(|inputs| inputs[0]["data"] = json!(["much"])),
        400,
        "TX_AMOUNT",
    );
    check(
        infer,
        &inputs(|inputs| inputs[0]["datatype"] = json!("BYTES")),
        400,
        "TX_AMOUNT",
    );
    check(
        infer,
        &inputs(|inputs| inputs[0]["shape"] = json!([2])),
        400,
        "TX_AMOUNT",
    );
    check(
        infer,
        &inputs(|inputs| inputs[0]["name"] = json!("TX_AMUNT")),
        400,
        "TX_AMUNT",
    );
    check(
        infer,
        &inputs(|inputs| inputs.push(inputs[0].clone())),
        400,
        "TX_AMOUNT",
    );
}

/// One row, a tensor per feature.
fn tensors(served: &Served) -> Vec<Value> {
    let metadata = get(&format!("{}/v2/models/fraud", served.server.url())).json();
    let inputs = metadata["inputs"].as_array().expect("the model's features");
    assert_eq!(inputs.len(), 15, "TX_AMOUNT and the 14");
    inputs
        .iter()
        .map(|input| json!({ "name": input["name"], "shape": [1], "datatype": "FP64", "data": [1] }))
        .collect()
}

fn infers(served: &Served) {
    let url = format!("{}/v2/models/fraud/infer", served.server.url());
    let mut inputs = tensors(served);
    let body = json!({ "id": "one", "inputs": inputs }).to_string();
    let first = request("POST", &url, &body).json();
    assert_eq!((&first["id"], &first["model_version"]), (&"one".into(), &"4".into()));
    let score = first["outputs"][0]["data"][0].as_f64().expect("a score");
    assert!((0.0..=1.0).contains(&score), "{first}");
    // By name: their order does not matter.
    inputs.reverse();
    let second = request("POST", &url, &json!({ "inputs": inputs }).to_string()).json();
    assert_eq!(second["outputs"], first["outputs"]);
    // As one tensor, in the model's order.
    let flat = json!({ "inputs": [{ "name": "input", "shape": [1, 15], "datatype": "FP64", "data": [vec![1; 15]] }] });
    let third = request("POST", &url, &flat.to_string()).json();
    assert_eq!(third["outputs"], first["outputs"]);
}

fn serves_itself(served: &Served) {
    let url = served.server.url();
    for (path, word) in [
        ("/", "tidemill"),
        ("/health", ""),
        ("/ready", ""),
        ("/v2", "tidemill"),
        ("/v2/health/live", ""),
        ("/v2/health/ready", ""),
        ("/v2/models/fraud/ready", ""),
        ("/api/docs/", "<html"),
        ("/api/openapi.json", "/api/v1/sql"),
        ("/api/v1/experiments", "fraud"),
        ("/api/v1/deployments", "champion"),
        ("/metrics", "tidemill_deployment_version"),
    ] {
        let answer = get(&format!("{url}{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let body = answer.body.to_lowercase();
        assert!(body.contains(word), "{path} has no `{word}`: {body}");
    }
    // Whatever the document lists is served: nothing but a wrong method or input can be wrong with it.
    let document = get(&format!("{url}/api/openapi.json")).json();
    for (path, methods) in document["paths"].as_object().expect("the routes") {
        if methods.get("get").is_some() && !path.contains('{') {
            let status = get(&format!("{url}{path}")).status;
            assert!(status < 500 && status != 404, "GET {path}: {status}");
        }
    }
}
