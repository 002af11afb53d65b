//! The signals that ask a process to stop.

/// Returns when Ctrl-C or SIGTERM arrives. Where signals cannot be heard it never returns, and only SIGKILL stops.
pub async fn wait_for_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                heard = tokio::signal::ctrl_c() => if heard.is_err() { terminate.recv().await; },
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
