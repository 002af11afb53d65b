//! Serves a folder until interrupted: `cargo run -p tidemill-broker --example serve -- DIR [PORT]`. Prints the address when it
//! is ready. For the client scripts and benches; users have `tidemill broker`.

use std::path::PathBuf;

use tidemill_broker::{Broker, BrokerSettings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args_os().skip(1);
    let dir = arguments.next().map(PathBuf::from).ok_or("usage: serve DIR [PORT]")?;
    let port = arguments
        .next()
        .map(|port| port.to_string_lossy().parse())
        .transpose()?;
    let broker = Broker::start(BrokerSettings {
        dir,
        port,
        ..BrokerSettings::default()
    })
    .await?;
    println!("{}", broker.address());
    tokio::signal::ctrl_c().await?;
    Ok(broker.shutdown().await?)
}
