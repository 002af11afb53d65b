//! The server's settings from the project's.

use tidemill_api::{ServerSettings, Token};
use tidemill_project::Project;

/// How the server of a project runs. The token is read by the caller: it can be in a file.
pub fn server_settings(project: &Project, token: Option<Token>) -> ServerSettings {
    let configured = &project.settings.server;
    ServerSettings {
        address: configured.address,
        token,
        request_bytes_max: configured.request_bytes.as_usize(),
        requests_in_flight_max: configured.requests_in_flight,
        request_timeout: configured.request_timeout.duration(),
        shutdown_timeout: configured.shutdown_timeout.duration(),
        ..ServerSettings::default()
    }
}
