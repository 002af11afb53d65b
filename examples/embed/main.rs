//! tidemill inside another program: events go in, SQL comes out as Arrow, a model is trained, served and trained again.
//!
//! `cargo run -p tidemill --example embed [PROJECT]`; the project is this folder unless another is named.

mod machines;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use serde_json::json;
use tidemill::{Problem, Tidemill};

const HOTTEST: &str =
    "select machine, max(temperature) as hottest from readings group by machine order by 2 desc limit 3";

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let project = std::env::args().nth(1).unwrap_or_else(|| "examples/embed".to_owned());
    // Broker, ingest, lake, engine, registry and slots, in this process.
    let mill = Tidemill::open(&project).await?;

    // Three weeks of twenty machines go to Kafka, and land. Whether a machine failed is known a day later.
    let (readings, failures) = machines::watched(0..21);
    mill.produce("readings", readings).await?;
    mill.produce("failures", failures).await?;
    mill.landed().await?;

    // SQL over everything, as Arrow batches.
    for batch in mill.sql(HOTTEST).await? {
        let (machines, hottest) = (
            batch["machine"].as_string_view(),
            batch["hottest"].as_primitive::<Float64Type>(),
        );
        for (machine, degrees) in machines.iter().zip(hottest) {
            println!("{}: {:.1} °C", machine.unwrap_or_default(), degrees.unwrap_or_default());
        }
    }

    // Learn from a week, wait a day for its labels, be judged on the week after; what passes the gate is a version.
    let trained = mill.train("failure").await?;
    if let Some(version) = trained.version {
        mill.deploy("failure", version).await?;
    }
    let hot = json!({ "temperature": 97.0, "vibration": 6.5, "temperature_1d": 90.0, "vibration_1d": 5.0 });
    let calm = json!({ "temperature": 60.0, "vibration": 2.0, "temperature_1d": 61.0, "vibration_1d": 2.0 });
    let scores = mill.score("failure", &[hot, calm]).await?;
    println!("by version 1: hot {:.3}, calm {:.3}", scores[0], scores[1]);

    // Another week comes in; a training now learns from a newer one.
    let (readings, failures) = machines::watched(21..28);
    mill.produce("readings", readings).await?;
    mill.produce("failures", failures).await?;
    mill.landed().await?;
    let again = mill.train("failure").await?;
    println!("learnt from {} and then from {}", trained.train, again.train);
    mill.close().await
}
