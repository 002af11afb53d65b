//! What a command works on: its project, and the house of it, here or behind a running server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidemill_api::{HttpClient, Operations, Token};
use tidemill_project::{Overrides, Project, SETTINGS_FILE};
use tidemill_types::{Clock, ErrorCode, Explain, Problem, SystemClock};

use super::args::Global;
use super::failure::Failure;
use crate::house::{House, Parts};
use crate::lock::{ProjectLock, Taken, held_by};

/// Longest wait for a holder that has no server (yet) before it is told who holds the project.
const HOLDER_WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two looks at it.
const HOLDER_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A command's surroundings.
pub struct Context {
    /// The flags that every command takes.
    pub global: Global,
    /// The project's folder.
    pub dir: PathBuf,
    /// Environment and flags, to be laid over the project's file.
    pub overrides: Overrides,
}

/// The house of a project, wherever it stands.
pub enum Reached {
    /// A server holds the project; the command is its client.
    Server {
        /// Speaks to it.
        client: HttpClient,
        /// Where it answers.
        address: SocketAddr,
    },
    /// Nobody held the project; now this command does.
    Here {
        /// The house.
        house: Box<House>,
        /// Held until the command ends.
        lock: ProjectLock,
    },
}

impl Context {
    /// Finds the project and reads environment and flags. The project itself is read later.
    pub fn new(global: Global) -> Result<Context, Failure> {
        let dir = match &global.project {
            Some(dir) => dir.clone(),
            None => nearest_project().unwrap_or_else(|| PathBuf::from(".")),
        };
        let overrides = overrides(&global)?;
        Ok(Context { global, dir, overrides })
    }

    /// Reads the project.
    pub fn project(&self) -> Result<Arc<Project>, Failure> {
        Ok(Arc::new(Project::load(&self.dir, &self.overrides)?))
    }

    /// The house: that of a running server, or one of its own without Kafka.
    pub async fn reach(&self, command: &str) -> Result<Reached, Failure> {
        self.reach_with(command, Parts::default()).await
    }

    /// The same, with these parts where the command opens the house itself.
    pub async fn reach_with(&self, command: &str, parts: Parts) -> Result<Reached, Failure> {
        let project = self.project()?;
        let state_dir = project.state_dir();
        let began = tokio::time::Instant::now();
        loop {
            let holder = match ProjectLock::take(&state_dir, command, SystemClock.now())? {
                Taken::Ours(lock) => {
                    let house = Box::new(House::open(project, parts).await?);
                    return Ok(Reached::Here { house, lock });
                }
                Taken::Theirs(holder) => holder,
            };
            if let Some(address) = holder.as_ref().and_then(|holder| holder.address) {
                let client = HttpClient::new(&format!("http://{address}"), token(&project)?)?;
                return Ok(Reached::Server { client, address });
            }
            // A server that is starting, or another command that is about to end: worth a moment, not more.
            if began.elapsed() > HOLDER_WAIT_MAX {
                return Err(held_by(holder.as_ref()).into());
            }
            tokio::time::sleep(HOLDER_POLL_INTERVAL).await;
        }
    }

    /// Who acts, for the audit log.
    pub fn actor() -> String {
        let user = std::env::var("USER")
            .or_else(|_| std::env::var("LOGNAME"))
            .unwrap_or_default();
        if user.is_empty() {
            "cli".to_owned()
        } else {
            format!("cli:{user}")
        }
    }
}

impl Reached {
    /// What can be asked of it.
    pub fn operations(&self) -> &dyn Operations {
        match self {
            Reached::Server { client, .. } => client,
            Reached::Here { house, .. } => house.as_ref(),
        }
    }

    /// Closes a house that was opened here.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Reached::Server { .. } => Ok(()),
            Reached::Here { house, lock } => {
                let closed = house.close().await;
                drop(lock);
                Ok(closed?)
            }
        }
    }
}

/// Environment and flags of this process.
pub fn overrides(global: &Global) -> Result<Overrides, Failure> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut flags = Vec::new();
    for text in &global.set {
        let Some((key, value)) = text.split_once('=') else {
            return Err(
                Problem::new(ErrorCode::InvalidInput, format!("`--set {text}` has no value"))
                    .with_hint("write --set server.address=127.0.0.1:9000")
                    .into(),
            );
        };
        flags.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(Overrides { environment, flags })
}

/// The token of the project's server, from the settings or the file they name.
pub fn token(project: &Project) -> Result<Option<Token>, Problem> {
    let server = &project.settings.server;
    let text = match (&server.token, &server.token_file) {
        (Some(token), _) => token.expose().to_owned(),
        (None, Some(file)) => {
            let path = project.dir.join(file);
            std::fs::read_to_string(&path)
                .map_err(|error| super::failure::io(&format!("read the token from `{}`", path.display()), &error))?
        }
        (None, None) => return Ok(None),
    };
    Token::new(&text).map(Some).map_err(|error| error.problem())
}

/// This folder, or the nearest above, that holds a project.
fn nearest_project() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .find(|folder| folder.join(SETTINGS_FILE).is_file())
        .map(Path::to_path_buf)
}
