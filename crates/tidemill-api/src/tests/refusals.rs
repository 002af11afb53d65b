//! Every way in which a request is refused has one shape.

use expect_test::{Expect, expect};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Running, shown};

async fn check(method: Method, path: &str, body: Option<Value>, expected: Expect) {
    let server = Running::start().await;
    let answer = shown(server.ask(method, path, body.as_ref())).await;
    expected.assert_eq(&answer);
}

/// As `check`, with a body of any kind.
async fn check_raw(path: &str, content_type: &str, body: &str, expected: Expect) {
    let server = Running::start().await;
    let asked = server.ask(Method::POST, path, None).body(body.to_owned());
    let asked = match content_type {
        "" => asked,
        content_type => asked.header("content-type", content_type),
    };
    expected.assert_eq(&shown(asked).await);
}

#[tokio::test]
async fn what_is_not_there() {
    check(
        Method::GET,
        "/nowhere",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": {
            "code": "not_found",
            "hint": "every path is described in /api",
            "message": "nothing is at /nowhere"
          }
        }"#]],
    )
    .await;
    check(
        Method::POST,
        "/api/v1/nowhere",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": {
            "code": "not_found",
            "hint": "every path is described in /api",
            "message": "nothing is at /api/v1/nowhere"
          }
        }"#]],
    )
    .await;
    check(
        Method::GET,
        "/v2/nowhere",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": "nothing is at /v2/nowhere (hint: every path is described in /api)"
        }"#]],
    )
    .await;
    check(
        Method::GET,
        "/api/docs/nowhere.js",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": {
            "code": "not_found",
            "message": "the page has no file `nowhere.js`"
          }
        }"#]],
    )
    .await;
    check(
        Method::GET,
        "/api/v1/models/absent",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": {
            "code": "not_found",
            "hint": "did you mean `fraud`?",
            "message": "nothing is called `absent`"
          }
        }"#]],
    )
    .await;
    check(
        Method::GET,
        "/v2/models/absent",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": "nothing is called `absent` (hint: did you mean `fraud`?)"
        }"#]],
    )
    .await;
    check(
        Method::GET,
        "/v2/models/absent/ready",
        None,
        expect![[r#"
        404 Not Found
        {
          "error": "nothing is called `absent` (hint: did you mean `fraud`?)"
        }"#]],
    )
    .await;
}

#[tokio::test]
async fn methods_that_a_path_does_not_take() {
    check(
        Method::DELETE,
        "/api/v1/models",
        None,
        expect![[r#"
        405 Method Not Allowed
        {
          "error": {
            "code": "invalid_input",
            "hint": "every path is described in /api",
            "message": "/api/v1/models does not take DELETE"
          }
        }"#]],
    )
    .await;
    check(
        Method::GET,
        "/v2/models/fraud/infer",
        None,
        expect![[r#"
        405 Method Not Allowed
        {
          "error": "/v2/models/fraud/infer does not take GET (hint: every path is described in /api)"
        }"#]],
    )
    .await;
    let server = Running::start().await;
    let answer = server
        .ask(Method::DELETE, "/api/v1/deployments", None)
        .send()
        .await
        .unwrap();
    let allowed = answer.headers()["allow"].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn names_that_are_none() {
    check(
        Method::GET,
        "/api/v1/models/Fraud",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "`Fraud` is no model name: a lower-case letter or `_`, then lower-case letters, digits or `_`"
              }
            }"#]],
    )
    .await;
    check(
        Method::GET,
        "/api/v1/runs/123",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "`123` is no run name: 32 lower-case hexadecimal digits"
              }
            }"#]],
    )
    .await;
    check(
        Method::GET,
        "/api/v1/models/fraud/versions/0",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "`0` is no version name: a number from 1, as `3` or `v3`"
              }
            }"#]],
    )
    .await;
    check(
        Method::GET,
        "/api/v1/dead-letters/transactions/x/1",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "Cannot parse value at index 1 with value `x` to a `i32`"
              }
            }"#]],
    )
    .await;
    check(
        Method::GET,
        "/v2/models/a-b",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": "`a-b` is no deployment name: a lower-case letter or `_`, then lower-case letters, digits or `_`"
            }"#]],
    )
    .await;
    check(
        Method::PUT,
        "/api/v1/models/fraud/aliases/v3",
        Some(json!({ "version": 3 })),
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "`v3` is no alias name: not a version number such as `3` or `v3`"
              }
            }"#]],
    )
    .await;
}

#[tokio::test]
async fn parameters_that_are_none() {
    check(Method::GET, "/api/v1/runs?order=auc", None, expect![[r#"
        400 Bad Request
        {
          "error": {
            "code": "invalid_input",
            "hint": "every parameter is described in /api",
            "message": "the parameters are not what this takes: order: unknown field `order`, expected one of `experiment`, `model`, `status`, `order_by`, `ascending`, `limit`"
          }
        }"#]]).await;
    check(
        Method::GET,
        "/api/v1/runs?limit=many",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "hint": "every parameter is described in /api",
                "message": "the parameters are not what this takes: limit: invalid digit found in string"
              }
            }"#]],
    )
    .await;
    check(Method::GET, "/api/v1/features?from=yesterday", None, expect![[r#"
        400 Bad Request
        {
          "error": {
            "code": "invalid_input",
            "hint": "every parameter is described in /api",
            "message": "the parameters are not what this takes: from: `yesterday` is not a time: write 2018-07-25, 2018-07-25T12:00:00 (UTC) or 2018-07-25T12:00:00+02:00"
          }
        }"#]]).await;
    check(
        Method::GET,
        "/api/v1/runs/compare?ids=1,2",
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "`1` is no run name: 32 lower-case hexadecimal digits"
              }
            }"#]],
    )
    .await;
    let many = vec!["0123456789abcdef0123456789abcdef"; 33].join(",");
    check(
        Method::GET,
        &format!("/api/v1/runs/compare?ids={many}"),
        None,
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "message": "33 runs are more than the 32 that fit side by side"
              }
            }"#]],
    )
    .await;
}

#[tokio::test]
async fn bodies_that_do_not_fit() {
    check(
        Method::POST,
        "/api/v1/runs",
        Some(json!({ "modle": "fraud" })),
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "hint": "every field is described in /api",
                "message": "the body is not what this takes: unknown field `modle`, expected one of `model`, `algorithm`, `params`, `seed`, `train`, `evaluate`, `as_of`, `experiment`, `name`, `register`, `deploy`, `actor` at line 1 column 8"
              }
            }"#]],
    )
    .await;
    check(
        Method::POST,
        "/api/v1/runs",
        Some(json!({ "model": "Fraud" })),
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "hint": "every field is described in /api",
                "message": "the body is not what this takes: `Fraud` is no model name: a lower-case letter or `_`, then lower-case letters, digits or `_` at line 1 column 17"
              }
            }"#]],
    )
    .await;
    check(
        Method::POST,
        "/api/v1/runs",
        Some(json!({ "model": "fraud", "seed": "x" })),
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "hint": "every field is described in /api",
                "message": "the body is not what this takes: invalid type: string \"x\", expected u64 at line 1 column 27"
              }
            }"#]],
    )
    .await;
    check(
        Method::POST,
        "/api/v1/sql",
        Some(json!({})),
        expect![[r#"
        400 Bad Request
        {
          "error": {
            "code": "invalid_input",
            "hint": "every field is described in /api",
            "message": "the body is not what this takes: missing field `query` at line 1 column 2"
          }
        }"#]],
    )
    .await;
    check(
        Method::POST,
        "/api/v1/sql",
        Some(json!({ "query": "drop table x" })),
        expect![[r#"
            400 Bad Request
            {
              "error": {
                "code": "invalid_input",
                "hint": "write `select …`",
                "message": "only reading is allowed"
              }
            }"#]],
    )
    .await;
    check_raw(
        "/api/v1/sql",
        "application/json",
        "{",
        expect![[r#"
        400 Bad Request
        {
          "error": {
            "code": "invalid_input",
            "hint": "every field is described in /api",
            "message": "the body is not what this takes: EOF while parsing an object at line 1 column 1"
          }
        }"#]],
    )
    .await;
    check_raw(
        "/api/v1/sql",
        "application/json",
        "",
        expect![[r#"
        400 Bad Request
        {
          "error": {
            "code": "invalid_input",
            "hint": "every field is described in /api",
            "message": "the body is not what this takes: EOF while parsing a value at line 1 column 0"
          }
        }"#]],
    )
    .await;
    check_raw(
        "/api/v1/sql",
        "text/plain",
        "{}",
        expect![[r#"
        415 Unsupported Media Type
        {
          "error": {
            "code": "invalid_input",
            "hint": "send the header `Content-Type: application/json`",
            "message": "the body must be JSON"
          }
        }"#]],
    )
    .await;
    check_raw(
        "/api/v1/sql",
        "",
        "{}",
        expect![[r#"
        415 Unsupported Media Type
        {
          "error": {
            "code": "invalid_input",
            "hint": "send the header `Content-Type: application/json`",
            "message": "the body must be JSON"
          }
        }"#]],
    )
    .await;
    check_raw(
        "/api/v1/deployments/fraud/rollback",
        "text/plain",
        "{}",
        expect![[r#"
        415 Unsupported Media Type
        {
          "error": {
            "code": "invalid_input",
            "hint": "send the header `Content-Type: application/json`",
            "message": "the body must be JSON, or empty"
          }
        }"#]],
    )
    .await;
    check_raw("/v2/models/fraud/infer", "", "{", expect![[r#"
        400 Bad Request
        {
          "error": "the body is not an inference request: EOF while parsing an object at line 1 column 1 (hint: send {\"inputs\": [{\"name\": …, \"shape\": [rows], \"datatype\": \"FP64\", \"data\": […]}]}; a missing value is null)"
        }"#]]).await;
    check_raw("/v2/models/fraud/infer", "", "{}", expect![[r#"
        400 Bad Request
        {
          "error": "the body is not an inference request: missing field `inputs` at line 1 column 2 (hint: send {\"inputs\": [{\"name\": …, \"shape\": [rows], \"datatype\": \"FP64\", \"data\": […]}]}; a missing value is null)"
        }"#]]).await;
    check_raw(
        "/v2/models/absent/infer",
        "",
        r#"{"inputs": []}"#,
        expect![[r#"
        404 Not Found
        {
          "error": "nothing is called `absent` (hint: did you mean `fraud`?)"
        }"#]],
    )
    .await;
}

#[tokio::test]
async fn faults_of_ours() {
    let server = Running::start().await;
    let asked = server
        .ask(Method::GET, "/v2/models/panics", None)
        .header("x-request-id", "r-0");
    expect![[r#"
        500 Internal Server Error
        {
          "error": "the request broke off: on purpose (hint: this is a fault of tidemill; the log has more under request r-0)"
        }"#]].assert_eq(&shown(asked).await);
    for (method, path, body) in [
        (Method::GET, "/api/v1/models/panics", None),
        (Method::POST, "/api/v1/runs", Some(json!({ "model": "panics" }))),
    ] {
        let asked = server.ask(method, path, body.as_ref()).header("x-request-id", "r-1");
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 500, "{path}");
        assert_eq!(answer.headers()["x-request-id"], "r-1");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "internal", "{path}");
        assert_eq!(body["error"]["message"], "the request broke off: on purpose", "{path}");
    }
    assert!(shown(server.ask(Method::GET, "/health", None)).await.starts_with("200"));
}
