//! `tidemill init`.

use std::path::PathBuf;

use tidemill_kafka::{Admin, ClientSettings};
use tidemill_project::{init, init_from};
use tidemill_sources::{infer_file, infer_topic};
use tidemill_types::{ErrorCode, Explain, Problem, TopicName};

use super::args::{Global, InitArgs};
use super::context::overrides;
use super::failure::{Failure, json, line};

/// Endings of files that a proposal can be made from.
const FILE_ENDINGS: [&str; 4] = ["parquet", "csv", "ndjson", "jsonl"];

pub async fn run(global: &Global, args: InitArgs) -> Result<(), Failure> {
    let written = match &args.from {
        None => init(&args.dir, args.force)?,
        Some(from) => {
            let inferred = infer(global, from).await?;
            for (column, why) in &inferred.left_out {
                eprintln!("column `{column}` is left out: {why}");
            }
            let mut proposal = inferred.proposal;
            if let Some(stream) = args.stream {
                proposal.stream = stream;
            }
            init_from(&args.dir, &proposal, args.force)?
        }
    };
    if global.json {
        return json(&written);
    }
    for file in &written {
        line(format!("  {}", args.dir.join(file).display()))?;
    }
    let dir = args.dir.display();
    line(format!(
        "{} files; now: cd {dir} && tidemill validate && tidemill up",
        written.len()
    ))
}

async fn infer(global: &Global, from: &str) -> Result<tidemill_sources::Inferred, Failure> {
    let path = PathBuf::from(from);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if path.is_file() || FILE_ENDINGS.contains(&ending) {
        let looked = tokio::task::spawn_blocking(move || infer_file(&path)).await;
        let looked =
            looked.map_err(|error| Problem::new(ErrorCode::Internal, format!("the look broke off: {error}")))?;
        return Ok(looked.map_err(|error| error.problem())?);
    }
    let topic = TopicName::new(from).map_err(|error| {
        Problem::new(
            ErrorCode::InvalidInput,
            format!("`{from}` is no file that is there, and {error}"),
        )
        .with_hint("give a .parquet, .csv or .ndjson file, or a topic")
    })?;
    let set = overrides(global)?;
    let named = |key: &str| {
        set.flags
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone())
    };
    let bootstrap = named("kafka.bootstrap").or_else(|| set.environment.get("TIDEMILL_KAFKA__BOOTSTRAP").cloned());
    let bootstrap = bootstrap.ok_or_else(|| {
        Problem::new(
            ErrorCode::InvalidInput,
            format!("where is the broker of topic `{topic}`?"),
        )
        .with_hint("--set kafka.bootstrap=127.0.0.1:9092")
    })?;
    let client = ClientSettings::new(bootstrap, "tidemill-init");
    let admin = Admin::connect(&client).map_err(|error| error.problem())?;
    Ok(infer_topic(&admin, &topic).await.map_err(|error| error.problem())?)
}
