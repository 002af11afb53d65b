//! Requests to a server, and what its errors were before they became HTTP.

use std::error::Error;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use reqwest::{RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidemill_types::{ErrorCode, Problem};
use url::Url;

use crate::Token;
use crate::server::answer::ERROR_CODE;

/// Longest time to reach a server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for an answer that only looks something up.
const LOOKUP_TIMEOUT: Duration = Duration::from_mins(2);
/// Longest time for an answer that computes; the server's own limit comes first unless it was raised.
const WORK_TIMEOUT: Duration = Duration::from_hours(6);

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// It only looks something up.
    Lookup,
    /// It computes.
    Work,
}

/// A client of a server's [`crate::Operations`].
#[derive(Debug, Clone)]
pub struct HttpClient {
    address: Url,
    token: Option<Token>,
    client: reqwest::Client,
}

impl HttpClient {
    /// A client of the server at `address`, as `http://127.0.0.1:8080`. Nothing is asked yet.
    pub fn new(address: &str, token: Option<Token>) -> Result<HttpClient, Problem> {
        let wrong = |why: String| {
            Problem::new(
                ErrorCode::InvalidInput,
                format!("`{address}` is not a server's address: {why}"),
            )
            .with_hint("write it as http://127.0.0.1:8080")
        };
        let url = Url::parse(address).map_err(|error| wrong(error.to_string()))?;
        if url.scheme() != "http" {
            return Err(wrong(format!("`{}` is not spoken here", url.scheme())));
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A proxy for the world outside knows nothing of a server on this machine.
            .no_proxy()
            .build()
            .map_err(|error| Problem::new(ErrorCode::Internal, format!("failed to make an HTTP client: {error}")))?;
        Ok(HttpClient {
            address: url,
            token,
            client,
        })
    }

    /// The server's address.
    pub fn address(&self) -> &Url {
        &self.address
    }

    pub(super) fn request(&self, method: Method, path: &str, patience: Patience) -> RequestBuilder {
        let mut url = self.address.clone();
        url.set_path(path);
        self.request_url(method, url, patience)
    }

    /// Looks up what has `name` below `path`; the name is one part of the path, whatever it is written with.
    pub(super) fn request_below(&self, path: &str, name: &str) -> RequestBuilder {
        let mut url = self.address.clone();
        url.set_path(path);
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.push(name);
        }
        self.request_url(Method::GET, url, Patience::Lookup)
    }

    fn request_url(&self, method: Method, url: Url, patience: Patience) -> RequestBuilder {
        let request = self.client.request(method, url).timeout(match patience {
            Patience::Lookup => LOOKUP_TIMEOUT,
            Patience::Work => WORK_TIMEOUT,
        });
        match &self.token {
            Some(token) => request.header("authorization", token.authorization()),
            None => request,
        }
    }

    /// Asks with parameters behind the question mark.
    pub(super) async fn get<Q: Serialize, T: DeserializeOwned>(&self, path: &str, query: &Q) -> Result<T, Problem> {
        self.answer(self.request(Method::GET, path, Patience::Lookup).query(query))
            .await
    }

    /// Asks with a JSON body.
    pub(super) async fn post<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, Problem> {
        self.answer(self.request(Method::POST, path, Patience::Lookup).json(body))
            .await
    }

    /// The answer's JSON.
    pub(super) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Problem> {
        let answer = self.send(request).await?;
        let body = self.body(answer).await?;
        serde_json::from_slice(&body).map_err(|error| self.unreadable(&error))
    }

    /// An answer that is no error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let code = answer.headers().get(ERROR_CODE).and_then(|code| code.to_str().ok());
        let code = code.and_then(|code| serde_json::from_value(Value::from(code)).ok());
        let body = self.body(answer).await?;
        Err(self.problem(status, code.unwrap_or_else(|| code_of(status)), &body))
    }

    pub(super) async fn body(&self, answer: Response) -> Result<Bytes, Problem> {
        answer.bytes().await.map_err(|error| self.unreachable(&error))
    }

    /// An answer that is not what this client knows.
    pub(super) fn unreadable(&self, error: &(dyn Error + Send + Sync)) -> Problem {
        Problem::new(
            ErrorCode::Unavailable,
            format!(
                "the answer of the server at {} is not what was asked: {error}",
                self.address
            ),
        )
        .with_hint("is it tidemill, and of the version of this command?")
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        let code = if error.is_timeout() {
            ErrorCode::TimedOut
        } else {
            ErrorCode::Unavailable
        };
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Problem::new(
            code,
            format!("the server at {} does not answer: {innermost}", self.address),
        )
        .with_hint("is `tidemill up` running there?")
    }

    /// The problem that a server answered with.
    fn problem(&self, status: StatusCode, code: ErrorCode, body: &[u8]) -> Problem {
        let error = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|body| body.get("error").cloned());
        match error {
            // The inference protocol has only a text.
            Some(Value::String(text)) => from_text(code, &text),
            Some(error) => serde_json::from_value(error).unwrap_or_else(|_| self.foreign(status, body)),
            None => self.foreign(status, body),
        }
    }

    /// Something else answers there.
    fn foreign(&self, status: StatusCode, body: &[u8]) -> Problem {
        let shown: String = String::from_utf8_lossy(body).chars().take(200).collect();
        let message = format!("the server at {} answered {status}: {shown}", self.address);
        Problem::new(code_of(status), message).with_hint("is it tidemill that listens there?")
    }
}

fn from_text(code: ErrorCode, text: &str) -> Problem {
    match text.strip_suffix(')').and_then(|text| text.split_once(" (hint: ")) {
        Some((message, hint)) => Problem::new(code, message).with_hint(hint),
        None => Problem::new(code, text),
    }
}

/// The kind of problem that an HTTP status stands for.
fn code_of(status: StatusCode) -> ErrorCode {
    match status.as_u16() {
        401 | 403 => ErrorCode::Refused,
        404 => ErrorCode::NotFound,
        408 | 504 => ErrorCode::TimedOut,
        409 => ErrorCode::Conflict,
        413 | 429 => ErrorCode::LimitReached,
        502 | 503 => ErrorCode::Unavailable,
        400..=499 => ErrorCode::InvalidInput,
        _ => ErrorCode::Internal,
    }
}
