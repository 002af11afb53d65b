//! The commands of the loop: drift, performance, monitors, triggers, predictions, the event clock.

use clap::{Args, Subcommand, ValueEnum};
use tidemill_api::PredictionSource;
use tidemill_types::{
    ColumnName, DeploymentName, DurationText, Micros, ModelName, MonitorName, StreamName, TriggerName,
};

use super::Window;

/// `tidemill drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// Only what this monitor measured.
    #[arg(long)]
    pub monitor: Option<MonitorName>,
    /// Only this model's.
    #[arg(long)]
    pub model: Option<ModelName>,
    /// Only this column, as a chart.
    #[arg(long)]
    pub column: Option<ColumnName>,
    /// The ticks.
    #[command(flatten)]
    pub window: Window,
    /// Most points of each column, the newest ones.
    #[arg(long, default_value_t = tidemill_api::POINTS_LISTED, value_parser = clap::value_parser!(u32).range(1..))]
    pub points: u32,
}

/// `tidemill performance`.
#[derive(Debug, Args)]
pub struct PerformanceArgs {
    /// Only what this monitor measured.
    #[arg(long)]
    pub monitor: Option<MonitorName>,
    /// Only this model's.
    #[arg(long)]
    pub model: Option<ModelName>,
    /// Only this metric, as a chart.
    #[arg(long)]
    pub metric: Option<String>,
    /// Only this segment.
    #[arg(long)]
    pub segment: Option<String>,
    /// The ticks.
    #[command(flatten)]
    pub window: Window,
    /// Most points of each metric, the newest ones.
    #[arg(long, default_value_t = tidemill_api::POINTS_LISTED, value_parser = clap::value_parser!(u32).range(1..))]
    pub points: u32,
}

/// `tidemill monitors`.
#[derive(Debug, Subcommand)]
pub enum MonitorsCommand {
    /// List monitors, and what each found last.
    List,
    /// Run one as of a time, to look at what it says; nothing is kept.
    Run {
        /// The monitor.
        monitor: MonitorName,
        /// The time: everything is read as it was known then. Default: the last tick of the event clock.
        #[arg(long)]
        at: Option<Micros>,
    },
}

/// `tidemill triggers`.
#[derive(Debug, Subcommand)]
pub enum TriggersCommand {
    /// List triggers, and when each can fire next.
    List,
    /// List what was fired and what came of it, newest first.
    History {
        /// Only this trigger's.
        trigger: Option<TriggerName>,
        /// Most to list.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Fire one by hand, whatever its query, cooldown and quota say.
    Fire {
        /// The trigger.
        trigger: TriggerName,
        /// Why, for the audit log.
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Where a scored row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SourceChoice {
    /// A row of the model's stream.
    Stream,
    /// A request from outside.
    Request,
}

impl From<SourceChoice> for PredictionSource {
    fn from(choice: SourceChoice) -> PredictionSource {
        match choice {
            SourceChoice::Stream => PredictionSource::Stream,
            SourceChoice::Request => PredictionSource::Request,
        }
    }
}

/// `tidemill predictions`.
#[derive(Debug, Subcommand)]
pub enum PredictionsCommand {
    /// List predictions, newest first.
    List {
        /// Only those of this deployment.
        #[arg(long)]
        deployment: Option<DeploymentName>,
        /// Only those with this source.
        #[arg(long, value_enum)]
        source: Option<SourceChoice>,
        /// Only those in this stream.
        #[arg(long)]
        stream: Option<StreamName>,
        /// Most to list.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one with everything that is known of it.
    Show {
        /// Its id.
        id: String,
    },
}

/// `tidemill clock`.
#[derive(Debug, Args)]
pub struct ClockArgs {
    /// Return when it has caught up with what has landed.
    #[arg(long)]
    pub wait: bool,
    /// Return when this tick is finished.
    #[arg(long, requires = "wait")]
    pub until: Option<Micros>,
    /// Longest wait.
    #[arg(long, requires = "wait", default_value = "10m")]
    pub timeout: DurationText,
}
