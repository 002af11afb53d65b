//! Logs on standard error, so that standard output stays data.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Warnings of libraries that say nothing to a user: what they mean is reported by us, or is as it should be, as two writers of
/// one table are.
const QUIET: &str = "librdkafka=error,deltalake_core::writer::stats=error,deltalake_core::operations=error,\
                     deltalake_core::kernel::transaction=error";

/// Starts logging with a level or a filter. A bare level is that of tidemill's own crates, the libraries' stays at
/// warnings. A filter that cannot be read is told, and warnings are logged.
pub fn start(filter: &str) {
    let text = match filter.parse::<LevelFilter>() {
        Ok(level) => format!("{},{QUIET},tidemill={level}", level.min(LevelFilter::WARN)),
        Err(_) => filter.to_owned(),
    };
    let parsed = EnvFilter::try_new(text);
    let unreadable = parsed.is_err();
    let filter_in_force = parsed.unwrap_or_else(|_| EnvFilter::new("warn"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter_in_force)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
    if unreadable && started.is_ok() {
        tracing::warn!("cannot read the log filter `{filter}`; logging warnings");
    }
}
