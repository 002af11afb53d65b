//! `tidemill up`.

use std::sync::Arc;

use tidemill_api::{Server, ServerMetrics};
use tidemill_types::{Clock, ErrorCode, Explain, Problem, SystemClock};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::context::{Context, token};
use super::failure::{Failure, line};
use crate::house::{House, KafkaSide, Parts};
use crate::lock::{ProjectLock, Taken, held_by};
use crate::signal::StopSignals;

/// A house with its server, from the first answer to the last.
pub struct RunningHouse {
    house: Arc<House>,
    server: tokio::task::JoinHandle<Result<(), tidemill_api::ServerError>>,
    stop: CancellationToken,
    /// Cancelled when the server has ended, asked or not.
    over: CancellationToken,
    lock: ProjectLock,
    /// Where the server answers.
    pub address: std::net::SocketAddr,
}

impl RunningHouse {
    /// Takes the project and starts everything.
    pub async fn start(context: &Context, command: &str) -> Result<RunningHouse, Failure> {
        let project = context.project()?;
        let mut lock = match ProjectLock::take(&project.state_dir(), command, SystemClock.now())? {
            Taken::Ours(lock) => lock,
            Taken::Theirs(holder) => return Err(held_by(holder.as_ref()).into()),
        };
        let settings = crate::house::server_settings(&project, token(&project)?);
        let metrics = Arc::new(ServerMetrics::new());
        let observer: Arc<ServerMetrics> = Arc::clone(&metrics);
        let parts = Parts {
            observer,
            ..Parts::running()
        };
        let mut house = House::open(Arc::clone(&project), parts).await?;
        house.started();
        let house = Arc::new(house);
        let bound = match Server::bind(settings, Arc::clone(&house) as Arc<_>, metrics).await {
            Ok(server) => lock.announce(server.local_addr()).map(|()| server),
            Err(error) => Err(error.problem()),
        };
        let server = match bound {
            Ok(server) => server,
            Err(problem) => {
                // Without a server nobody would stop what already reads; the first problem is the one to tell.
                if let Err(second) = house.close().await {
                    warn!("the house was not closed in order: {second}");
                }
                return Err(problem.into());
            }
        };
        let address = server.local_addr();
        let (stop, over) = (CancellationToken::new(), CancellationToken::new());
        let (asked, ended) = (stop.clone(), over.clone().drop_guard());
        let server = tokio::spawn(async move {
            let _ended = ended;
            server.run(asked).await
        });
        Ok(RunningHouse {
            house,
            server,
            stop,
            over,
            lock,
            address,
        })
    }

    /// The house.
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// Stops: requests in flight finish, what was read lands, what was acknowledged is on disk.
    pub async fn stop(self) -> Result<(), Failure> {
        self.stop.cancel();
        let served = match self.server.await {
            Ok(served) => served.map_err(|error| error.problem()),
            Err(error) => Err(Problem::new(
                ErrorCode::Internal,
                format!("the server broke off: {error}"),
            )),
        };
        // Also when requests were cut off: what was read lands, whoever else still looks at the house.
        let closed = self.house.close().await;
        drop(self.lock);
        closed?;
        Ok(served?)
    }

    /// Returns when somebody asks this process to stop, or the server cannot go on.
    pub async fn until_stopped(&self, signals: &mut StopSignals) {
        tokio::select! {
            () = signals.heard() => {}
            () = self.over.cancelled() => {}
        }
    }

    /// Stops in order; a second signal stops at once.
    pub async fn stop_or_break(self, signals: &mut StopSignals) -> Result<(), Failure> {
        tokio::select! {
            stopped = self.stop() => stopped,
            () = signals.heard() => Err(Problem::new(ErrorCode::Unavailable, "stopped at once, out of order")
                .with_hint("nothing is lost: what had not landed is read again at the next start")
                .into()),
        }
    }
}

pub async fn run(context: &Context) -> Result<(), Failure> {
    let mut signals = StopSignals::listen();
    let running = RunningHouse::start(context, "up").await?;
    announce(context, &running)?;
    running.until_stopped(&mut signals).await;
    if !context.global.quiet && !context.global.json {
        line("stopping: what was read lands first")?;
    }
    running.stop_or_break(&mut signals).await
}

fn announce(context: &Context, running: &RunningHouse) -> Result<(), Failure> {
    let bootstrap = running
        .house
        .kafka()
        .map(|kafka| kafka.bootstrap().to_owned())
        .unwrap_or_default();
    if context.global.json {
        return line(serde_json::json!({ "address": running.address, "bootstrap": bootstrap }).to_string());
    }
    if context.global.quiet {
        return Ok(());
    }
    let project = running.house.project();
    line(format!("{} is up", project.settings.name))?;
    line(format!(
        "  server  http://{}     the page to try it: http://{}/api",
        running.address, running.address
    ))?;
    let kind = match running.house.kafka().is_some_and(KafkaSide::is_embedded) {
        true => "in-process broker",
        false => "Kafka",
    };
    line(format!("  broker  {bootstrap}     {kind}"))?;
    for stream in project.streams.values() {
        line(format!("  stream  {}     from topic {}", stream.name, stream.topic))?;
    }
    line("Ctrl-C stops it; tidemill status shows how far it is")
}
