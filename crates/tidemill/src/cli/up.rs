//! `tidemill up`.

use std::sync::Arc;

use tidemill_api::{Server, ServerMetrics};
use tidemill_types::{Clock, Explain, SystemClock};
use tokio_util::sync::CancellationToken;

use super::context::{Context, token};
use super::failure::{Failure, line};
use crate::house::{House, KafkaSide, Parts};
use crate::lock::{ProjectLock, Taken, held_by};
use crate::signal;

/// A house with its server, from the first answer to the last.
pub struct RunningHouse {
    house: Arc<House>,
    server: tokio::task::JoinHandle<Result<(), tidemill_api::ServerError>>,
    stop: CancellationToken,
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
        let metrics = Arc::new(ServerMetrics::new());
        let observer: Arc<ServerMetrics> = Arc::clone(&metrics);
        let parts = Parts {
            observer,
            ..Parts::all()
        };
        let mut house = House::open(Arc::clone(&project), parts).await?;
        house.started();
        let house = Arc::new(house);
        let settings = crate::house::server_settings(&project, token(&project)?);
        let server = Server::bind(settings, Arc::clone(&house) as Arc<_>, metrics)
            .await
            .map_err(|error| error.problem())?;
        let address = server.local_addr();
        let stop = CancellationToken::new();
        let server = tokio::spawn(server.run(stop.clone()));
        lock.announce(address)?;
        Ok(RunningHouse {
            house,
            server,
            stop,
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
        let served = self.server.await;
        // The server is gone, and with it every other holder of the house.
        let closed = match Arc::try_unwrap(self.house) {
            Ok(house) => house.close().await,
            Err(_) => Err(tidemill_types::Problem::new(
                tidemill_types::ErrorCode::Internal,
                "the server left a request behind; the house was not closed in order",
            )),
        };
        drop(self.lock);
        if let Ok(Err(error)) = served {
            return Err(error.problem().into());
        }
        Ok(closed?)
    }
}

pub async fn run(context: &Context) -> Result<(), Failure> {
    let running = RunningHouse::start(context, "up").await?;
    announce(context, &running)?;
    signal::wait_for_stop().await;
    if !context.global.quiet && !context.global.json {
        line("stopping: what was read lands first")?;
    }
    running.stop().await
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
