//! The command line: what can be typed (`args`), and a module per command that does it.

mod args;
mod broker;
mod check;
mod clock;
mod config;
mod context;
mod dead_letters;
mod demo;
mod deploy;
mod drift;
mod failure;
mod features;
mod ingest;
mod init;
mod logging;
mod models;
mod monitors;
mod performance;
mod predict;
mod predictions;
mod runs;
mod send;
mod sql;
mod status;
mod train;
mod triggers;
mod up;
mod validate;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

pub use args::Cli;
use args::Command;
use context::Context;
use failure::Failure;

/// How long a finished command waits for its threads, at most.
const THREADS_LIMIT: Duration = Duration::from_millis(500);
/// Between two looks at them.
const THREADS_POLL: Duration = Duration::from_millis(1);

/// Runs the command line of this process to its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.global.log);
    let json = cli.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(failure::io("start the runtime", &error)).report(json),
    };
    let outcome = runtime.block_on(run(cli));
    // Whatever still runs has been asked to stop; a blocked thread must not keep a finished command alive.
    runtime.shutdown_timeout(THREADS_LIMIT);
    outlive_threads();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// Waits for threads that are on their way out. What runs at the end of a process frees what OpenSSL keeps for each thread, and an
/// ending thread frees the same: the process would die of it after all was done.
fn outlive_threads() {
    let begun = Instant::now();
    let threads = || std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    while threads() > 1 && begun.elapsed() < THREADS_LIMIT {
        std::thread::sleep(THREADS_POLL);
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Init(args) => init::run(&global, args).await,
        Command::Demo(args) => demo::run(&global, args).await,
        command => {
            let context = Context::new(global)?;
            match command {
                Command::Init(_) | Command::Demo(_) => Ok(()),
                Command::Validate => validate::run(&context).await,
                Command::Config(args) => config::run(&context, &args),
                Command::Up => up::run(&context).await,
                Command::Broker => broker::run(&context).await,
                Command::Simulate(args) => send::simulate(&context, args).await,
                Command::Replay(args) => send::replay(&context, args).await,
                Command::Sql(args) => sql::run(&context, args).await,
                Command::Features(args) => features::run(&context, args).await,
                Command::Check(args) => check::run(&context, args).await,
                Command::Train(args) => train::run(&context, args).await,
                Command::Runs(command) => runs::run(&context, command).await,
                Command::Models(command) => models::run(&context, command).await,
                Command::Deploy(args) => deploy::deploy(&context, args).await,
                Command::Rollback(args) => deploy::rollback(&context, args).await,
                Command::Predict(args) => predict::run(&context, args).await,
                Command::Predictions(command) => predictions::run(&context, command).await,
                Command::Drift(args) => drift::run(&context, args).await,
                Command::Performance(args) => performance::run(&context, args).await,
                Command::Monitors(command) => monitors::run(&context, command).await,
                Command::Triggers(command) => triggers::run(&context, command).await,
                Command::Clock(args) => clock::run(&context, args).await,
                Command::DeadLetters(command) => dead_letters::run(&context, command).await,
                Command::Ingest(command) => ingest::run(&context, command).await,
                Command::Status => status::run(&context).await,
            }
        }
    }
}
