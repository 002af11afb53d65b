//! The limits of the engine and of one query, all with names.

use std::path::PathBuf;
use std::time::Duration;

/// Longest SQL text, in bytes.
pub const SQL_BYTES_MAX: usize = 1024 * 1024;
/// Outside queries that run at the same time; more wait for their turn within their own time limit.
pub const QUERIES_IN_FLIGHT_MAX: usize = 16;
/// Batches that wait between a running query and whoever reads its answer.
pub const BATCHES_IN_FLIGHT_MAX: usize = 4;
/// Rows of a batch inside the engine.
pub const BATCH_ROWS: usize = 8192;
/// What one call of a function that makes data out of numbers (`repeat`, `range`, …) may make for one batch, in bytes.
pub const GENERATED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Feature views that may read each other in a chain.
pub const VIEW_DEPTH_MAX: usize = 16;
/// Stack of a worker thread, in bytes: planning recurses over the expression tree.
pub const WORKER_STACK_BYTES: usize = 16 * 1024 * 1024;

/// How big the engine is and what a query from outside may take.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Memory that sorts, joins, windows and groupings of all queries share, in bytes. What sorts and groupings need above
    /// that goes to disk.
    pub memory_bytes: usize,
    /// Threads that plan and run queries, and the partitions that a plan is cut into.
    pub threads: usize,
    /// Longest time that a query from outside may take, planning included.
    pub query_timeout: Duration,
    /// Most rows that a query from outside gets.
    pub query_rows: usize,
    /// Most bytes that the answer to a query from outside may hold.
    pub query_bytes: usize,
    /// Where sorts and groupings spill to; the system's folder for temporary files when absent.
    pub spill_dir: Option<PathBuf>,
    /// Most bytes that may be spilled at a time.
    pub spill_bytes: u64,
}

impl Default for EngineSettings {
    fn default() -> EngineSettings {
        EngineSettings {
            memory_bytes: 2 * 1024 * 1024 * 1024,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            query_timeout: Duration::from_secs(30),
            query_rows: 10_000,
            query_bytes: 64 * 1024 * 1024,
            spill_dir: None,
            spill_bytes: 20 * 1024 * 1024 * 1024,
        }
    }
}

impl EngineSettings {
    /// The limits of a query from outside that asks for none of its own.
    pub fn query_limits(&self) -> QueryLimits {
        QueryLimits {
            timeout: self.query_timeout,
            rows: self.query_rows,
            bytes: self.query_bytes,
        }
    }
}

/// What one query from outside may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Longest time, waiting for its turn and planning included.
    pub timeout: Duration,
    /// Most rows of the answer; the rest is cut off and the answer says so.
    pub rows: usize,
    /// Most bytes of the answer in memory; the rest is cut off and the answer says so.
    pub bytes: usize,
}
