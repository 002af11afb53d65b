//! Who may ask.

use std::net::SocketAddr;
use std::sync::Arc;

use expect_test::expect;
use reqwest::Method;
use tidemill_types::{ErrorCode, Explain};

use super::{FakeOperations, Running, shown};
use crate::{Server, ServerMetrics, ServerSettings, Token};

async fn bind(address: &str, token: Option<&str>) -> Result<Server, crate::ServerError> {
    let settings = ServerSettings {
        address: address.parse::<SocketAddr>().unwrap(),
        token: token.map(|token| Token::new(token).unwrap()),
        ..ServerSettings::default()
    };
    Server::bind(
        settings,
        Arc::new(FakeOperations::default()),
        Arc::new(ServerMetrics::new()),
    )
    .await
}

#[tokio::test]
async fn an_address_that_others_reach_needs_a_token() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let problem = bind(address, None).await.err().unwrap().problem();
        assert_eq!(problem.code, ErrorCode::Refused, "{address}");
        assert!(problem.hint.unwrap().contains("TIDEMILL_SERVER__TOKEN"), "{address}");
    }
    assert!(bind("0.0.0.0:0", Some("0123456789abcdef")).await.is_ok());
    assert!(bind("127.0.0.1:0", None).await.is_ok());
    let taken = bind("127.0.0.1:0", None).await.unwrap();
    let problem = bind(&taken.local_addr().to_string(), None)
        .await
        .err()
        .unwrap()
        .problem();
    assert_eq!(problem.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn a_token_guards_all_but_health_and_the_page() {
    let server = Running::with(|settings| settings.token = Some(Token::new("0123456789abcdef").unwrap())).await;
    let status = async |path: &str, token: Option<&str>| {
        let asked = server.ask(Method::GET, path, None);
        let asked = match token {
            Some(token) => asked.bearer_auth(token),
            None => asked,
        };
        asked.send().await.unwrap().status().as_u16()
    };
    for path in [
        "/",
        "/health",
        "/ready",
        "/v2/health/live",
        "/v2/health/ready",
        "/api",
        "/api/openapi.json",
    ] {
        assert_eq!(status(path, None).await, 200, "{path}");
    }
    for path in ["/api/v1/status", "/v2", "/v2/models/fraud", "/metrics", "/nowhere"] {
        assert_eq!(status(path, None).await, 401, "{path}");
        assert_eq!(status(path, Some("0123456789abcdeF")).await, 401, "{path}");
        assert_ne!(status(path, Some("0123456789abcdef")).await, 401, "{path}");
    }
    expect![[r#"
        401 Unauthorized
        {
          "error": {
            "code": "refused",
            "hint": "send the header `Authorization: Bearer <token>`",
            "message": "this server wants its token"
          }
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/api/v1/status", None)).await);
    expect![[r#"
        401 Unauthorized
        {
          "error": "this server wants its token (hint: send the header `Authorization: Bearer <token>`)"
        }"#]]
    .assert_eq(&shown(server.ask(Method::GET, "/v2", None)).await);
    let answer = server.ask(Method::GET, "/v2", None).send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn without_a_token_pages_of_elsewhere_are_refused() {
    let server = Running::start().await;
    let own = format!("http://{}", server.address);
    let status = async |header: &str, value: &str| {
        let asked = server.ask(Method::POST, "/api/v1/deployments/fraud/rollback", None);
        asked.header(header, value).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("origin", &own).await, 200);
    assert_eq!(status("origin", "https://example.org").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("host", "rebound.example.org:8080").await, 403);
    assert_eq!(status("host", "localhost:8080").await, 200);
    assert_eq!(status("host", "[::1]:8080").await, 200);
    let asked = server
        .ask(Method::GET, "/api/v1/status", None)
        .header("host", "rebound.example.org");
    expect![[r#"
        403 Forbidden
        {
          "error": {
            "code": "refused",
            "hint": "ask for 127.0.0.1 or localhost, or set a token (TIDEMILL_SERVER__TOKEN) and send it",
            "message": "without a token this server answers only under its own address, not as `rebound.example.org`"
          }
        }"#]]
    .assert_eq(&shown(asked).await);
}
