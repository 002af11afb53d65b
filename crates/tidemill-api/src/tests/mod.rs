//! The server through real sockets, over operations that are made up.

mod answers;
mod client;
mod fake;
mod guard;
mod landed;
mod limits;
mod mirrors;
mod openapi;
mod refusals;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Server, ServerError, ServerMetrics, ServerSettings};
use fake::FakeOperations;

/// A server on a free port, until it is dropped or stopped.
struct Running {
    fake: Arc<FakeOperations>,
    metrics: Arc<ServerMetrics>,
    address: SocketAddr,
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), ServerError>>,
}

impl Running {
    async fn start() -> Running {
        Running::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut ServerSettings)) -> Running {
        let mut settings = ServerSettings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ..ServerSettings::default()
        };
        change(&mut settings);
        let fake = Arc::new(FakeOperations::default());
        let metrics = Arc::new(ServerMetrics::new());
        let server = Server::bind(settings, fake.clone(), metrics.clone()).await.unwrap();
        let shutdown = CancellationToken::new();
        Running {
            fake,
            metrics,
            address: server.local_addr(),
            ended: tokio::spawn(server.run(shutdown.clone())),
            shutdown,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks; a body is sent as JSON.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        let request = reqwest::Client::new().request(method, self.url(path));
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn begin_shutdown(&self) {
        self.shutdown.cancel();
    }

    async fn end(self) -> Result<(), ServerError> {
        self.shutdown.cancel();
        self.ended.await.unwrap()
    }
}

/// Status and body, JSON put in order.
async fn shown(request: reqwest::RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let body = match serde_json::from_str::<Value>(&text) {
        Ok(json) => serde_json::to_string_pretty(&in_order(json)).unwrap(),
        Err(_) => text,
    };
    format!("{status}\n{body}")
}

/// Fields by name, at every depth, whichever order this build's maps have.
pub(super) fn in_order(json: Value) -> Value {
    match json {
        Value::Object(fields) => {
            let sorted: std::collections::BTreeMap<String, Value> = fields.into_iter().collect();
            sorted
                .into_iter()
                .map(|(name, value)| (name, in_order(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(in_order).collect(),
        other => other,
    }
}
