//! Where rows come from: files and the simulator, read as often and by as many readers as need be.

mod csv;
mod file;
mod memory;
mod ndjson;
mod parquet;
mod sorted;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::SourceError;
use crate::simulator::{SimulatedRows, SimulatorSettings};

pub(crate) use file::FileKind;
pub(crate) use ndjson::in_order_of;
pub(crate) use sorted::in_time_order;

/// Rows of a batch that is read from a file.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// What is replayed.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A Parquet, CSV or newline-delimited JSON file, by its ending.
    File(PathBuf),
    /// The transaction simulator.
    Simulator(SimulatorSettings),
}

/// Batches in the order of rows.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, SourceError>> + Send>;

/// Whether rows are known to be in the order of their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// They are, by construction.
    ByTime,
    /// Nobody knows before it was looked at.
    Unknown,
}

/// Rows that can be read several times, always the same in the same order.
pub(crate) trait RowSource: Send + Sync {
    /// All columns.
    fn schema(&self) -> SchemaRef;

    /// How many rows there are, where that is known before reading.
    fn rows(&self) -> Option<u64>;

    /// Whether they are in the order of time.
    fn order(&self) -> Order;

    /// A text that differs for other rows: of content, not of names. Rows that are the beginning of others may share it.
    fn identity(&self) -> Result<String, SourceError>;

    /// A reader from the first row on, of the columns at these places, in this order.
    fn open(&self, columns: &[usize]) -> Result<Batches, SourceError>;
}

impl Source {
    /// How people call it.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => format!("`{}`", path.display()),
            Source::Simulator(_) => "the simulator".into(),
        }
    }

    pub(crate) fn rows(&self) -> Result<Arc<dyn RowSource>, SourceError> {
        match self {
            Source::File(path) => open_file(path),
            Source::Simulator(settings) => Ok(Arc::new(SimulatedRows::new(settings.clone())?)),
        }
    }
}

/// The rows of a file, of the kind that its name says.
pub(crate) fn open_file(path: &Path) -> Result<Arc<dyn RowSource>, SourceError> {
    Ok(match FileKind::of(path)? {
        FileKind::Parquet => Arc::new(parquet::ParquetRows::open(path)?),
        FileKind::Csv => Arc::new(csv::CsvRows::open(path)?),
        FileKind::NdJson => Arc::new(ndjson::NdJsonRows::open(path)?),
    })
}
