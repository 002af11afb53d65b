//! Sizes, places and times have limits; a change that was begun runs to its end.

use std::time::Duration;

use expect_test::expect;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Running, shown};
use crate::ServerError;

#[tokio::test]
async fn a_body_has_a_limit() {
    let server = Running::with(|settings| settings.request_bytes_max = 100).await;
    let long = json!({ "query": "x".repeat(100) });
    expect![[r#"
        413 Payload Too Large
        {
          "error": {
            "code": "limit_reached",
            "hint": "send less at a time, or raise the setting",
            "message": "the body is longer than `server.request_bytes` allows"
          }
        }"#]]
    .assert_eq(&shown(server.ask(Method::POST, "/api/v1/sql", Some(&long))).await);
    expect![[r#"
        413 Payload Too Large
        {
          "error": "the body is longer than `server.request_bytes` allows (hint: send less at a time, or raise the setting)"
        }"#]].assert_eq(&shown(server.ask(Method::POST, "/v2/models/fraud/infer", Some(&long))).await);
    // Without a length in front, as it comes.
    let chunks = futures::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>("x".repeat(50))));
    let asked = server
        .ask(Method::POST, "/v2/models/fraud/infer", None)
        .body(reqwest::Body::wrap_stream(chunks));
    assert!(shown(asked).await.starts_with("413"));
}

#[tokio::test]
async fn requests_in_flight_have_a_limit() {
    let server = Running::with(|settings| settings.requests_in_flight_max = 1).await;
    let held = tokio::spawn(server.ask(Method::GET, "/api/v1/models/held", None).send());
    server.fake.reached.acquire().await.unwrap().forget();
    expect![[r#"
        429 Too Many Requests
        {
          "error": {
            "code": "limit_reached",
            "hint": "ask again in a second, or raise server.requests_in_flight",
            "message": "1 requests are in flight already"
          }
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/api/v1/models", None)).await);
    let refused = server.ask(Method::GET, "/v2/models/fraud", None).send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    for path in ["/health", "/ready", "/metrics"] {
        let answer = server.ask(Method::GET, path, None).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path} must answer when the server is full");
    }
    server.fake.release.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    assert!(
        shown(server.ask(Method::GET, "/api/v1/models", None))
            .await
            .starts_with("200")
    );
}

#[tokio::test]
async fn answers_have_a_time_limit() {
    let server = Running::with(|settings| {
        settings.request_timeout = Duration::from_millis(20);
        settings.work_timeout = Duration::from_millis(30);
    })
    .await;
    expect![[r#"
        408 Request Timeout
        {
          "error": {
            "code": "timed_out",
            "message": "no answer within 20ms"
          }
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/api/v1/models/held", None)).await);
    expect![[r#"
        408 Request Timeout
        {
          "error": "no answer within 20ms"
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/v2/models/held", None)).await);
    let train = json!({ "model": "held" });
    expect![[r#"
        408 Request Timeout
        {
          "error": {
            "code": "timed_out",
            "hint": "what was started to change something goes on; look at it before you ask again",
            "message": "no answer within 30ms"
          }
        }"#]]
    .assert_eq(&shown(server.ask(Method::POST, "/api/v1/runs", Some(&train))).await);
    // Reading was given up; the training goes on.
    server.fake.release.add_permits(1);
    server.fake.finished.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn a_change_runs_to_its_end_when_whoever_asked_goes_away() {
    let server = Running::start().await;
    let asked = tokio::spawn(
        server
            .ask(Method::POST, "/api/v1/deployments/held/rollback", None)
            .send(),
    );
    server.fake.reached.acquire().await.unwrap().forget();
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    server.fake.release.add_permits(1);
    server.fake.finished.acquire().await.unwrap().forget();
    server.end().await.unwrap();
}

#[tokio::test]
async fn a_shutdown_finishes_requests_in_flight() {
    let server = Running::start().await;
    let held = tokio::spawn(server.ask(Method::GET, "/api/v1/models/held", None).send());
    server.fake.reached.acquire().await.unwrap().forget();
    server.begin_shutdown();
    server.fake.release.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
    server.end().await.unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_only_so_long() {
    let server = Running::with(|settings| settings.shutdown_timeout = Duration::from_millis(20)).await;
    let held = tokio::spawn(server.ask(Method::GET, "/api/v1/models/held", None).send());
    server.fake.reached.acquire().await.unwrap().forget();
    let ended = server.end().await;
    assert!(matches!(ended, Err(ServerError::CutOff { .. })), "{ended:?}");
    drop(held);
}

#[tokio::test]
async fn connections_have_a_limit() {
    let server = Running::with(|settings| settings.connections_max = 1).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    answered(&mut first).await;
    let second = tokio::spawn(server.ask(Method::GET, "/health", None).send());
    // The first holds the only place. Were there another, the second would be answered during all this.
    for _ in 0..50 {
        answered(&mut first).await;
    }
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
}

/// One request and its answer over a connection that stays open.
async fn answered(connection: &mut TcpStream) {
    connection
        .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"healthy\":true}") {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn silent_connections_end_and_working_ones_do_not() {
    let server = Running::with(|settings| settings.idle_timeout = Duration::from_millis(20)).await;
    let held = tokio::spawn(server.ask(Method::GET, "/api/v1/models/held", None).send());
    server.fake.reached.acquire().await.unwrap().forget();
    // One says nothing from the start, one after an answer. That they end shows that the time has passed.
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    answered(&mut kept).await;
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(kept.read(&mut [0]).await.unwrap(), 0);
    server.fake.release.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().status(), 200);
}
