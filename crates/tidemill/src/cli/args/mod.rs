//! Every command with its flags, as clap types.

mod monitoring;
mod sql;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tidemill_sources::{Also, Speed};
use tidemill_types::{
    AliasName, ColumnName, DeploymentName, ErrorCode, ModelName, Problem, StreamName, VersionNumber, ViewName,
};

pub use monitoring::{ClockArgs, DriftArgs, MonitorsCommand, PerformanceArgs, PredictionsCommand, TriggersCommand};
pub use sql::{SqlArgs, SqlFormat};

/// One binary that closes the loop of continuous machine learning on Kafka streams.
#[derive(Debug, Parser)]
#[command(
    name = "tidemill",
    version,
    about = "One binary that closes the loop of continuous machine learning on Kafka streams",
    disable_help_subcommand = true,
    after_help = "Examples:
  tidemill demo                       the whole loop in five minutes, in a folder of its own
  tidemill init fraud && cd fraud     a project that runs
  tidemill up                         broker, ingest and server in one process
  tidemill sql \"select count(*) from transactions\"

Settings come from tidemill.toml, TIDEMILL_* variables and --set, in this order; `tidemill config` shows them.
Exit codes: 0 done, 1 a fault of ours, 2 wrong input, 3 not found, 4 conflict, 5 not ready, 6 a limit, 7 refused,
8 something does not answer, 9 stored data is damaged."
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The project's folder: the one that holds tidemill.toml. Default: this folder, or the nearest above that has one.
    #[arg(
        long,
        short = 'p',
        global = true,
        help_heading = "Everywhere",
        env = "TIDEMILL_PROJECT",
        value_name = "DIR"
    )]
    pub project: Option<PathBuf>,
    /// A setting for this command alone, as `--set server.address=127.0.0.1:9000`. Can be given again.
    #[arg(long = "set", global = true, help_heading = "Everywhere", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print data as JSON, for machines.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// No progress bars and no story.
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
    /// What to log to standard error: error, warn, info, debug, trace, or a filter such as `tidemill_ingest=debug`.
    #[arg(
        long,
        global = true,
        env = "TIDEMILL_LOG",
        default_value = "warn",
        hide_env_values = true
    )]
    pub log: String,
}

/// What tidemill can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a project folder that runs: a copy of the fraud project, or one made from data.
    #[command(after_help = "Examples:
  tidemill init fraud
  tidemill init trips --from trips.parquet
  tidemill init clicks --from clicks          (a topic: --set kafka.bootstrap=HOST:PORT)")]
    Init(InitArgs),
    /// Plan every SQL file and name what is wrong, with file, line and hint.
    #[command(after_help = "Examples:\n  tidemill validate\n  tidemill validate --project fraud --json")]
    Validate,
    /// Show every setting and where its value came from.
    #[command(
        after_help = "Examples:\n  tidemill config\n  tidemill config server\n  TIDEMILL_ENGINE__THREADS=1 tidemill config engine.threads"
    )]
    Config(ConfigArgs),
    /// Run everything in one process: broker, ingest, server.
    #[command(
        after_help = "Examples:\n  tidemill up\n  tidemill up --set server.address=127.0.0.1:9000\n  TIDEMILL_KAFKA__BOOTSTRAP=kafka:9092 tidemill up"
    )]
    Up,
    /// Run the in-process broker alone.
    #[command(
        after_help = "Examples:\n  tidemill broker\n  tidemill broker --set broker.port=19092\n  kcat -b 127.0.0.1:9092 -L"
    )]
    Broker,
    /// Make card transactions as the Fraud Detection Handbook's simulator does, and send them to Kafka.
    #[command(
        after_help = "Examples:\n  tidemill simulate --days 30\n  tidemill simulate --days 60 --seed 7 --drift-day 45"
    )]
    Simulate(SimulateArgs),
    /// Send the rows of a Parquet, CSV or newline-delimited JSON file to Kafka, in event time.
    #[command(after_help = "Examples:
  tidemill replay fraud.parquet --stream transactions --also labels=TRANSACTION_ID,TX_FRAUD@7d
  tidemill replay fraud.parquet --stream transactions --speed 86400     (a day in a second)

Stopped or killed, it goes on after the last row that is in the topic when it is called again.")]
    Replay(ReplayArgs),
    /// Query every table: streams, features, runs, models. Without a query: a prompt, or the query from standard input.
    #[command(after_help = "Examples:
  tidemill sql \"select count(*), sum(TX_AMOUNT) from transactions\"
  tidemill sql                                 a prompt, in a terminal; \\? helps
  tidemill sql --format csv < report.sql > report.csv
  tidemill sql \"show tables\"")]
    Sql(SqlArgs),
    /// Compute feature views over a window and summarise their columns.
    #[command(
        after_help = "Examples:\n  tidemill features\n  tidemill features customer_spending --from 2018-07-25 --to 2018-08-01"
    )]
    Features(FeaturesArgs),
    /// Run the validation checks over a window.
    #[command(
        after_help = "Examples:\n  tidemill check\n  tidemill check amount_positive --from 2018-07-25 --to 2018-08-01 --json"
    )]
    Check(CheckArgs),
    /// Train a model: checks, training set, fit, evaluation, gate, registration.
    #[command(after_help = "Examples:
  tidemill train fraud
  tidemill train fraud --algorithm logistic_regression,decision_tree,random_forest,xgboost
  tidemill train fraud --algorithm xgboost --param n_estimators=200 --param max_depth=4 --seed 7
  tidemill train fraud --train 2018-07-25..2018-08-01 --evaluate 2018-08-08..2018-08-15
  tidemill train fraud --as-of 2018-08-22

Done again as of the same time it makes the same bytes. From cron or a timer: docs/scheduling.md")]
    Train(TrainArgs),
    /// List, show and compare training runs.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill runs list --order-by auc\n  tidemill runs show 3f2a\n  tidemill runs compare 3f2a 91bc"
    )]
    Runs(RunsCommand),
    /// List and show models, their versions, aliases and lineage.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill models list\n  tidemill models show fraud\n  tidemill models alias fraud challenger 2\n  tidemill models lineage fraud 2"
    )]
    Models(ModelsCommand),
    /// Serve a version of a model: golden rows are replayed, then alias and slot move in one step.
    #[command(
        after_help = "Examples:\n  tidemill deploy fraud 2\n  tidemill deploy fraud challenger --reason \"better AP\""
    )]
    Deploy(DeployArgs),
    /// Serve the version before the current one again.
    #[command(
        after_help = "Examples:\n  tidemill rollback fraud\n  tidemill rollback fraud --reason \"scores drift\"\n  tidemill deploy fraud 2       (forward again)"
    )]
    Rollback(RollbackArgs),
    /// Score rows with the deployed version of a model.
    #[command(after_help = "Examples:
  tidemill predict fraud --file rows.ndjson
  tidemill predict fraud --sql \"select * from transaction_context join customer_spending using (TRANSACTION_ID)
      join terminal_risk using (TRANSACTION_ID) limit 5\"

A row is an object of the model's features by name; `curl http://127.0.0.1:8080/v2/models/fraud` lists them.")]
    Predict(PredictArgs),
    /// List and show the predictions that have landed.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill predictions list --limit 5\n  tidemill predictions list --source request --json\n  tidemill predictions show fraud/transactions/0/41"
    )]
    Predictions(PredictionsCommand),
    /// Show how far columns and scores have moved from what the model learnt from.
    #[command(after_help = "Examples:
  tidemill drift                                 the newest figure of each column, and a line over time
  tidemill drift --column TX_AMOUNT              a chart with the thresholds
  tidemill drift --monitor feature_drift --from 2018-07-01 --to 2018-08-01 --json")]
    Drift(DriftArgs),
    /// Show how good predictions were, as far as their labels are known.
    #[command(after_help = "Examples:
  tidemill performance
  tidemill performance --metric average_precision     a chart
  tidemill performance --from 2018-07-01 --json")]
    Performance(PerformanceArgs),
    /// List monitors, and look at what one says as of a time.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill monitors list\n  tidemill monitors run feature_drift\n  tidemill monitors run feature_drift --at 2018-07-25"
    )]
    Monitors(MonitorsCommand),
    /// List triggers, what they fired and what came of it; fire one by hand.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill triggers list\n  tidemill triggers history --limit 10\n  tidemill triggers fire weekly --reason \"new terminals\""
    )]
    Triggers(TriggersCommand),
    /// Show how far the event clock is, or wait for it.
    #[command(
        after_help = "Examples:\n  tidemill clock\n  tidemill clock --wait                    until it has caught up\n  tidemill clock --wait --until 2018-08-01 --timeout 5m"
    )]
    Clock(ClockArgs),
    /// List, show and send again the records that could not be decoded.
    #[command(
        name = "dead-letters",
        subcommand,
        after_help = "Examples:\n  tidemill dead-letters list\n  tidemill dead-letters show transactions 0 1234\n  tidemill dead-letters replay transactions --offset 0/1234 --file repaired.json"
    )]
    DeadLetters(DeadLettersCommand),
    /// Prove that every record of a stream landed once, and name who changed its tables since.
    #[command(
        subcommand,
        after_help = "Examples:\n  tidemill ingest audit transactions\n  tidemill ingest audit transactions --offline --json"
    )]
    Ingest(IngestCommand),
    /// Show what runs and how far it is: streams, lag, deployments.
    #[command(after_help = "Examples:\n  tidemill status\n  tidemill status --json")]
    Status,
    /// Tell the whole story once, in a folder of its own.
    #[command(after_help = "Examples:\n  tidemill demo\n  tidemill demo --dir my-demo --keep")]
    Demo(DemoArgs),
}

/// `tidemill init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder to make.
    pub dir: PathBuf,
    /// A .parquet, .csv or .ndjson file, or else the name of a topic, to propose schema, stream, entity and times from.
    #[arg(long, value_name = "FILE|TOPIC")]
    pub from: Option<String>,
    /// The stream's name. Default: the file's or topic's.
    #[arg(long, requires = "from")]
    pub stream: Option<StreamName>,
    /// Overwrite files that are there.
    #[arg(long)]
    pub force: bool,
}

/// `tidemill config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Only the settings that start with this, as `server` or `engine.memory`.
    pub prefix: Option<String>,
    /// Print the JSON Schema of tidemill.toml instead.
    #[arg(long)]
    pub schema: bool,
}

/// `tidemill simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The stream that takes the transactions.
    #[arg(long, default_value = "transactions")]
    pub stream: StreamName,
    /// The stream that takes the labels.
    #[arg(long, default_value = "labels")]
    pub labels: StreamName,
    /// How long after the transaction its label is known.
    #[arg(long, default_value = "7d")]
    pub label_delay: tidemill_types::DurationText,
    /// Days of transactions.
    #[arg(long, default_value_t = 30)]
    pub days: u32,
    /// First day.
    #[arg(long, default_value = "2018-04-01")]
    pub start: tidemill_types::Micros,
    /// Seed: the same seed makes the same transactions.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Customers.
    #[arg(long, default_value_t = 5_000)]
    pub customers: u32,
    /// Terminals.
    #[arg(long, default_value_t = 10_000)]
    pub terminals: u32,
    /// From this day on (counted from 0) amounts and habits shift.
    #[arg(long)]
    pub drift_day: Option<u32>,
    /// Amounts are so many times as high from that day on.
    #[arg(long, default_value_t = 1.5, requires = "drift_day")]
    pub drift_amount: f64,
    /// Event time over wall time, or `max`.
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// Send everything once more behind what is in the topics.
    #[arg(long)]
    pub again: bool,
    /// Return when the records are sent, without waiting for them to land.
    #[arg(long)]
    pub no_wait: bool,
}

/// `tidemill replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The file: .parquet, .csv, .ndjson or .jsonl.
    pub file: PathBuf,
    /// The stream that takes the rows.
    #[arg(long)]
    pub stream: StreamName,
    /// Columns that go to another stream with a delay, as `labels=TRANSACTION_ID,TX_FRAUD@7d`; those that are not the
    /// stream's key are then not in the first. Can be given again.
    #[arg(long, value_name = "STREAM=COLUMNS@DELAY")]
    pub also: Vec<Also>,
    /// Event time over wall time, or `max`.
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// The column that says when a row was known. Default: the stream's event time.
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<ColumnName>,
    /// Send all rows once more behind what is in the topics.
    #[arg(long)]
    pub again: bool,
    /// Return when the records are sent, without waiting for them to land.
    #[arg(long)]
    pub no_wait: bool,
}

/// A window of event time.
#[derive(Debug, Clone, Copy, Args)]
pub struct Window {
    /// First event time inside, as 2018-07-25 or 2018-07-25T12:00:00Z.
    #[arg(long)]
    pub from: Option<tidemill_types::Micros>,
    /// First event time after.
    #[arg(long)]
    pub to: Option<tidemill_types::Micros>,
}

impl Window {
    /// Refuses a window that ends before it begins.
    pub fn check(&self) -> Result<(), Problem> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => {
                let what = format!("the window ends ({to}) before it begins ({from})");
                Err(Problem::new(ErrorCode::InvalidInput, what).with_hint("--to is the first time after the window"))
            }
            _ => Ok(()),
        }
    }
}

/// `tidemill features`.
#[derive(Debug, Args)]
pub struct FeaturesArgs {
    /// The view. Default: all of them.
    pub view: Option<ViewName>,
    /// The window.
    #[command(flatten)]
    pub window: Window,
}

/// `tidemill check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The checks. Default: all of them.
    pub checks: Vec<tidemill_types::CheckName>,
    /// The window.
    #[command(flatten)]
    pub window: Window,
}

/// `tidemill train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The model, as tidemill.toml names it.
    pub model: ModelName,
    /// Algorithms to train on the same training set, one run each. Default: the model's.
    #[arg(long, short, value_delimiter = ',')]
    pub algorithm: Vec<String>,
    /// A hyperparameter, as `n_estimators=200`; over the model's own. Can be given again.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// Seed. Default: the model's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Event times of the training rows, as FROM..TO. Default: the model's window before the newest labels.
    #[arg(long, value_name = "FROM..TO")]
    pub train: Option<String>,
    /// Event times of the evaluated rows, as FROM..TO.
    #[arg(long, value_name = "FROM..TO")]
    pub evaluate: Option<String>,
    /// Train as it could have been done at this time: the windows follow from it, only what was known then is read.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Leave the result unregistered.
    #[arg(long)]
    pub no_register: bool,
}

/// `tidemill runs`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest first.
    List {
        /// Order by this metric, best first.
        #[arg(long, value_name = "METRIC")]
        order_by: Option<String>,
        /// Most runs to list.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one run.
    Show {
        /// Its id, or as many of its first digits as make it unique.
        run: String,
    },
    /// Put runs side by side.
    Compare {
        /// Their ids, or as many of their first digits as make them unique.
        #[arg(required = true, num_args = 2..)]
        runs: Vec<String>,
    },
}

/// `tidemill models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List models.
    List,
    /// Show a model's versions and aliases.
    Show {
        /// The model.
        model: ModelName,
    },
    /// Show a model's aliases, or point one at a version.
    Alias {
        /// The model.
        model: ModelName,
        /// The alias.
        alias: Option<AliasName>,
        /// The version it shall point at.
        #[arg(requires = "alias")]
        version: Option<VersionNumber>,
    },
    /// Show what a version was made from.
    Lineage {
        /// The model.
        model: ModelName,
        /// The version's number or an alias.
        version: String,
    },
}

/// `tidemill deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The deployment; by default a model is deployed under its own name.
    pub deployment: DeploymentName,
    /// The version's number or an alias.
    pub version: String,
    /// Why, for the audit log.
    #[arg(long)]
    pub reason: Option<String>,
}

/// `tidemill rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The deployment.
    pub deployment: DeploymentName,
    /// Why, for the audit log.
    #[arg(long)]
    pub reason: Option<String>,
}

/// `tidemill predict`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("rows").required(true).args(["row", "file", "sql"]))]
pub struct PredictArgs {
    /// The deployment.
    pub deployment: DeploymentName,
    /// One row as a JSON object of features. Can be given again.
    #[arg(long)]
    pub row: Vec<String>,
    /// Rows as a JSON array, or one JSON object per line; `-` is standard input.
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// Rows as a query's answer; columns that are no features are shown beside the score.
    #[arg(long)]
    pub sql: Option<String>,
}

/// `tidemill dead-letters`.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters, newest first.
    List {
        /// Only those of this stream.
        stream: Option<StreamName>,
        /// Most to list.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one with its bytes.
    Show {
        /// The stream.
        stream: StreamName,
        /// The Kafka partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// Send dead letters to their topic again, as they came or repaired: all that were not sent again before, or some.
    Replay {
        /// The stream.
        stream: StreamName,
        /// Only this one, as PARTITION/OFFSET. Can be given again.
        #[arg(long = "offset", value_name = "PARTITION/OFFSET")]
        offsets: Vec<String>,
        /// Repaired values: of one --offset the value itself; else an object `{"partition", "offset", "value"}` per line.
        /// `-` is standard input.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Send those too that were sent again before, or may have been.
        #[arg(long)]
        again: bool,
    },
}

/// `tidemill ingest`.
#[derive(Debug, Subcommand)]
pub enum IngestCommand {
    /// Hold tables, dead letters, fences and topic against each other. Ends with 9 where something is wrong.
    Audit {
        /// The stream.
        stream: StreamName,
        /// Leave the topic alone: what stands at offsets without a row is judged by the commits' own counts.
        #[arg(long)]
        offline: bool,
    },
}

/// `tidemill demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder to make, or that of a demo that was ended: it goes on there. Default: a new one below the temporary folder,
    /// removed at the end unless --keep is given.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Leave the server up and the folder in place.
    #[arg(long)]
    pub keep: bool,
    /// Seed of the simulated transactions: the same seed makes the same numbers, versions and firings.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Days of simulated transactions.
    #[arg(long, default_value_t = 84)]
    pub days: u32,
    /// The day, counted from 0, from which on people spend less, more often and later in the day.
    #[arg(long, default_value_t = 42)]
    pub drift_day: u32,
    /// Customers.
    #[arg(long, default_value_t = 1_000)]
    pub customers: u32,
    /// Terminals.
    #[arg(long, default_value_t = 2_000)]
    pub terminals: u32,
}
