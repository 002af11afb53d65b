//! Serves a folder until interrupted: `cargo run -p tidemill-broker --example serve -- DIR [PORT [SECURITY]]`, where SECURITY is a
//! file with what is demanded of clients, in JSON. Prints where clients reach it when it is ready. For the client scripts and
//! benches; users have `tidemill broker`.

use std::path::PathBuf;

use tidemill_broker::{Broker, BrokerSecurity, BrokerSettings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args_os().skip(1);
    let usage = "usage: serve DIR [PORT [SECURITY]]";
    let dir = arguments.next().map(PathBuf::from).ok_or(usage)?;
    let port = arguments
        .next()
        .map(|port| port.to_string_lossy().parse())
        .transpose()?;
    let security = match arguments.next() {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file)?)?,
        None => BrokerSecurity::default(),
    };
    let broker = Broker::start(BrokerSettings {
        dir,
        port,
        security,
        ..BrokerSettings::default()
    })
    .await?;
    println!("{}", broker.bootstrap());
    tokio::signal::ctrl_c().await?;
    Ok(broker.shutdown().await?)
}
