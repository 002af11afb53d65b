//! Events for demos, tests and backtests: files and a simulator, replayed into Kafka as their producers would have
//! written them, and a look at data that is not a stream yet.
//!
//! Invariants: records are in the order in which they were known, and carry that time as their Kafka timestamp; each row
//! goes to the partition that its key says; a replay that was stopped or killed goes on after the last row that is in
//! the topic, whatever was sent in between; no row is changed or left out in silence.
//!
//! Absent on purpose: reading Kafka into tables (ingest does), and any clock of its own.

mod encode;
mod error;
mod infer;
mod pace;
mod replay;
mod rows;
mod simulator;
mod stop;

pub use encode::{AvroShape, BatchEncoder, EncodedColumn, quoted_names};
pub use error::SourceError;
pub use infer::{Inferred, InferredColumn, SAMPLE_ROWS_MAX, infer_file, infer_topic};
pub use pace::{InvalidSpeed, Sleeper, Speed, WallSleeper};
pub use replay::{
    Also, InvalidAlso, LanePlan, Progress, Replay, ReplayOptions, ReplayReport, StreamReport, producer_limits,
    topic_configs,
};
pub use rows::Source;
pub use simulator::{DriftSwitch, InvalidSimulator, Simulator, SimulatorSettings, Transaction};
pub use stop::StopFlag;
