//! Binds the broker's address and takes connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::connection::serve;
use crate::error::BrokerError;
use crate::home::Home;
use crate::node::Node;
use crate::settings::{BrokerSettings, FIRST_PORT, PORTS_TRIED_MAX};

/// How long taking connections rests after the system refused one, for want of file handles most of all.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds the port of the settings, else that of the last start, else the first that is free.
pub(crate) async fn bind(settings: &BrokerSettings, home: &Home) -> Result<TcpListener, BrokerError> {
    let fixed = match (settings.port, home.port()) {
        (Some(0) | None, Some(before)) => Some(before),
        (set, _) => set,
    };
    if let Some(port) = fixed {
        let address = SocketAddr::new(settings.listen, port);
        return TcpListener::bind(address)
            .await
            .map_err(|source| BrokerError::Listen { address, source });
    }
    let mut last_error = None;
    for port in FIRST_PORT..FIRST_PORT + PORTS_TRIED_MAX {
        let address = SocketAddr::new(settings.listen, port);
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(source) => last_error = Some(BrokerError::Listen { address, source }),
        }
    }
    Err(last_error.unwrap_or(BrokerError::RuntimeEnded))
}

/// Takes connections until the broker stops.
pub(crate) async fn accept(listener: TcpListener, node: Arc<Node>, connections: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = node.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "failed to take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connections_max = node.settings.limits.connections_max;
        if connections_max <= connections.len() {
            warn!(%peer, connections_max, "closed a connection from {peer}: there are {connections_max} already (limits.connections_max)");
            continue;
        }
        connections.spawn(serve(socket, peer, Arc::clone(&node)));
    }
}
