//! Predictions as records of a stream: what each column holds, how rows with their scores are written, who sends them.
//!
//! Invariants: a record's value is JSON by the schema of the predictions stream, its Kafka key the plain text of the
//! `partition_by` column, as every other producer of the house writes them. A record that was made from an event names it in
//! its headers, by which [`read_back`] finds what is in the topic already: with it a scorer that was killed anywhere sends the
//! rest and nothing twice.
//!
//! Absent on purpose: where the features come from (control brings rows that have them), and which events are due.

mod contract;
mod error;
mod hash;
mod keys;
mod log;
mod origin;
mod records;
mod rows;
mod scorer;
mod tail;

pub use contract::{ColumnRole, ContractFault, PredictionContract};
pub use error::PredictionError;
pub use hash::row_hash;
pub use keys::{CarriedKeys, KeysError};
pub(crate) use log::ScoredRequest;
pub use log::{
    LogClosed, LogFigures, LogLimits, PREDICTION_LOG_CLOSE_LIMIT, PredictionIds, PredictionLog, PredictionLogWiring,
};
pub use origin::{HEADERS, Origin, SourceRef};
pub use records::{ModelPredictions, PredictionSource};
pub use scorer::{PREDICTIONS_FLUSH_LIMIT, ScoreBatch, Scored, Scorer, scorer_limits};
pub use tail::{TAIL_RECORDS_MAX, Tail, TailRequest, read_back};

#[cfg(test)]
mod tests;
