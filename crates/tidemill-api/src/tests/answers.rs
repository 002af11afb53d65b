//! What every route answers, as a client sees it.

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::values::{self, name};
use super::{Running, in_order, shown};
use crate::StreamState;

/// Asks one after the other and puts the answers under each other.
async fn transcript(requests: &[(Method, &str, Option<Value>)]) -> String {
    let server = Running::start().await;
    let mut text = String::new();
    for (method, path, body) in requests {
        let answer = shown(server.ask(method.clone(), path, body.as_ref())).await;
        let body = body
            .clone()
            .map_or(String::new(), |body| format!(" {}", in_order(body)));
        text.push_str(&format!("> {method} {path}{body}\n{answer}\n\n"));
    }
    server.end().await.unwrap();
    text
}

fn get(path: &str) -> (Method, &str, Option<Value>) {
    (Method::GET, path, None)
}

#[tokio::test]
async fn house() {
    insta::assert_snapshot!(transcript(&[get("/health"), get("/ready"), get("/api/v1/status")]).await);
}

#[tokio::test]
async fn data() {
    let requests = [
        (Method::POST, "/api/v1/sql", Some(json!({ "query": "select 1" }))),
        get("/api/v1/tables"),
        get("/api/v1/features?view=customer_spending&from=2018-07-25&to=2018-08-01"),
        (
            Method::POST,
            "/api/v1/checks",
            Some(json!({ "from": "2018-07-25", "to": "2018-08-01" })),
        ),
        get("/api/v1/dead-letters?stream=transactions&limit=2"),
        get("/api/v1/dead-letters/transactions/1/41"),
        get("/api/v1/streams/transactions/audit?offline=true"),
        (
            Method::POST,
            "/api/v1/dead-letters/transactions/replay",
            Some(json!({ "letters": [{ "partition": 1, "offset": 41, "value": { "text": "{}" } }] })),
        ),
    ];
    insta::assert_snapshot!(transcript(&requests).await);
}

#[tokio::test]
async fn training() {
    let requests = [
        (
            Method::POST,
            "/api/v1/runs",
            Some(json!({ "model": "fraud", "params": { "max_depth": 6 } })),
        ),
        get("/api/v1/experiments"),
        get("/api/v1/runs?experiment=fraud&order_by=auc&limit=1"),
        get("/api/v1/runs/0123456789abcdef0123456789abcdef"),
        get("/api/v1/runs/compare?ids=0123456789abcdef0123456789abcdef,ffffffffffffffffffffffffffffffff"),
    ];
    insta::assert_snapshot!(transcript(&requests).await);
}

#[tokio::test]
async fn models() {
    let requests = [
        get("/api/v1/models"),
        get("/api/v1/models/fraud"),
        get("/api/v1/models/fraud/versions"),
        get("/api/v1/models/fraud/versions/v1"),
        get("/api/v1/models/fraud/versions/1/lineage"),
        get("/api/v1/models/fraud/aliases"),
        get("/api/v1/models/fraud/alias-events"),
        (
            Method::PUT,
            "/api/v1/models/fraud/aliases/champion",
            Some(json!({ "version": 1 })),
        ),
    ];
    insta::assert_snapshot!(transcript(&requests).await);
}

#[tokio::test]
async fn deployments() {
    let requests = [
        get("/api/v1/deployments"),
        (
            Method::POST,
            "/api/v1/deployments",
            Some(json!({ "model": "fraud", "version": 2 })),
        ),
        get("/api/v1/deployments/fraud/history"),
        (Method::POST, "/api/v1/deployments/fraud/rollback", None),
        (
            Method::POST,
            "/api/v1/deployments/fraud/rollback",
            Some(json!({ "reason": "worse" })),
        ),
    ];
    insta::assert_snapshot!(transcript(&requests).await);
}

#[tokio::test]
async fn the_loop() {
    let requests = [
        get("/api/v1/drift?model=fraud&column=TX_AMOUNT&from=2018-08-01&points=3"),
        get("/api/v1/performance?metric=auc&to=2018-08-09"),
        get("/api/v1/monitors"),
        (Method::POST, "/api/v1/monitors/feature_drift/run", None),
        (
            Method::POST,
            "/api/v1/monitors/feature_drift/run",
            Some(json!({ "at": "2018-08-02" })),
        ),
        get("/api/v1/triggers"),
        get("/api/v1/firings?trigger=weekly&limit=1"),
        (
            Method::POST,
            "/api/v1/triggers/weekly/fire",
            Some(json!({ "reason": "a new terminal" })),
        ),
        get("/api/v1/predictions?source=stream&limit=1"),
        get("/api/v1/predictions/fraud-0-41"),
        get("/api/v1/clock"),
        (
            Method::POST,
            "/api/v1/clock/wait",
            Some(json!({ "until": "2018-08-04" })),
        ),
        (Method::POST, "/api/v1/clock/wait", Some(json!({ "timeout": "1s" }))),
    ];
    insta::assert_snapshot!(transcript(&requests).await);
}

#[tokio::test]
async fn inference() {
    let input = json!({
        "id": "7",
        "inputs": [{ "name": "TX_AMOUNT", "shape": [2], "datatype": "FP64", "data": [57.16, null] }],
    });
    let requests = [
        get("/v2"),
        get("/v2/health/live"),
        get("/v2/health/ready"),
        get("/v2/models/fraud"),
        get("/v2/models/fraud/versions/2"),
        get("/v2/models/fraud/ready"),
        get("/v2/models/fraud/versions/2/ready"),
        get("/v2/models/empty/ready"),
        (Method::POST, "/v2/models/fraud/infer", Some(input.clone())),
        (Method::POST, "/v2/models/fraud/versions/2/infer", Some(input)),
    ];
    insta::assert_snapshot!(transcript(&requests).await);
}

#[tokio::test]
async fn figures() {
    let server = Running::start().await;
    shown(server.ask(Method::GET, "/health", None)).await;
    shown(server.ask(Method::GET, "/nowhere", None)).await;
    tidemill_serve::InferenceObserver::observe(
        &*server.metrics,
        tidemill_serve::InferenceEvent {
            deployment: &name("fraud"),
            model: &name("fraud"),
            version: tidemill_types::VersionNumber(2),
            rows: 3,
            elapsed: std::time::Duration::from_micros(80),
            refused: None,
        },
    );
    let answer = server.ask(Method::GET, "/metrics", None).send().await.unwrap();
    expect!["application/openmetrics-text; version=1.0.0; charset=utf-8"]
        .assert_eq(answer.headers()["content-type"].to_str().unwrap());
    let text = answer.text().await.unwrap();
    // How long a request took is another number each time, and series have no order among themselves.
    let mut lasting: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("tidemill_http_request_duration_seconds_"))
        .collect();
    lasting.sort_unstable();
    insta::assert_snapshot!(lasting.join("\n"));
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn not_ready_is_503_with_reasons() {
    let server = Running::start().await;
    let mut status = values::status();
    status.streams[0].state = StreamState::Failed;
    status.streams[0].problem = Some(values::absent("topic"));
    status.slots[0].serving = None;
    *server.fake.status.lock().unwrap() = Some(Ok(status));
    expect![[r#"
        503 Service Unavailable
        {
          "ready": false,
          "reasons": [
            "ingest of `transactions` failed: nothing is called `topic`",
            "deployment `fraud` serves nothing and should serve v2"
          ]
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/ready", None)).await);
    expect![[r#"
        503 Service Unavailable
        {
          "live": true,
          "ready": false
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/v2/health/ready", None)).await);
    *server.fake.status.lock().unwrap() = Some(Err(values::absent("registry")));
    expect![[r#"
        503 Service Unavailable
        {
          "ready": false,
          "reasons": [
            "the status is not known: nothing is called `registry`"
          ]
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/ready", None)).await);
    let figures = shown(server.ask(Method::GET, "/metrics", None)).await;
    assert!(
        figures.starts_with("200") && figures.contains("\ntidemill_ready 0\n"),
        "{figures}"
    );
}

#[tokio::test]
async fn arrow_comes_when_it_is_asked_for() {
    let server = Running::start().await;
    let body = json!({ "query": "select 1" });
    for (accept, expected) in [
        (
            "application/vnd.apache.arrow.stream",
            "application/vnd.apache.arrow.stream",
        ),
        (
            "text/html, application/vnd.apache.arrow.stream;q=0.9",
            "application/vnd.apache.arrow.stream",
        ),
        ("*/*", "application/json"),
    ] {
        let asked = server
            .ask(Method::POST, "/api/v1/sql", Some(&body))
            .header("accept", accept);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], expected, "{accept}");
        if expected != "application/json" {
            assert_eq!(answer.headers()["tidemill-truncated"], "true");
            assert_eq!(answer.headers()["tidemill-elapsed-micros"], "12345");
        }
    }
}

/// The page, its files and what they load come from the server and from nowhere else.
#[tokio::test]
async fn the_page_to_try_it_is_served_whole() {
    let server = Running::start().await;
    let page = server.ask(Method::GET, "/api", None).send().await.unwrap();
    assert_eq!(page.url().path(), "/api/docs/");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    let html = page.text().await.unwrap();
    let loaded = html.split("src=\"").chain(html.split("href=\"")).skip(1);
    let files = loaded.filter_map(|text| text.split_once('"')).map(|(file, _)| file);
    let files: std::collections::BTreeSet<&str> = files.filter(|file| !file.contains(' ')).collect();
    for file in &files {
        let path = format!("/api/docs/{}", file.trim_start_matches("./"));
        let answer = server.ask(Method::GET, &path, None).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    assert!(files.len() >= 6, "{files:?}");
    let initializer = shown(server.ask(Method::GET, "/api/docs/swagger-initializer.js", None)).await;
    assert!(initializer.contains("/api/openapi.json"), "{initializer}");
    assert!(!initializer.contains("https://"), "{initializer}");
    let landing = shown(server.ask(Method::GET, "/", None)).await;
    assert!(
        landing.contains("href=\"/api\"") && !landing.contains("https://"),
        "{landing}"
    );
}
