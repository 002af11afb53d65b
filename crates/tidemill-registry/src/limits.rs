//! Every limit of the registry, by name. Batch and text limits are those of MLflow's REST API.

use std::time::Duration;

/// Metric points in one call.
pub const METRICS_PER_BATCH_MAX: usize = 1_000;
/// Parameters in one call.
pub const PARAMS_PER_BATCH_MAX: usize = 100;
/// Tags in one call.
pub const TAGS_PER_BATCH_MAX: usize = 100;
/// Length of the name of a metric, parameter or tag, in characters.
pub const KEY_CHARS_MAX: usize = 250;
/// Length of a parameter's value, in characters.
pub const PARAM_CHARS_MAX: usize = 6_000;
/// Length of a tag's value, in characters.
pub const TAG_CHARS_MAX: usize = 8_000;
/// Length of a run's name, kind, owner or code version, in characters.
pub const LABEL_CHARS_MAX: usize = 250;
/// Length of a reason or an actor, in characters.
pub const REASON_CHARS_MAX: usize = 1_000;
/// Length of a description, a gate's verdict or a release's thresholds, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 16_000;
/// Length of an artifact's path, in characters.
pub const PATH_CHARS_MAX: usize = 500;
/// Artifacts beside the model itself that one version may have.
pub const ARTIFACTS_PER_VERSION_MAX: usize = 1_000;
/// Tables or stream ranges of one lineage.
pub const LINEAGE_ENTRIES_MAX: usize = 100_000;
/// Size of one blob, in bytes.
pub const BLOB_BYTES_MAX: usize = 1 << 30;
/// Runs, events or audit entries in one answer.
pub const PAGE_ROWS_MAX: usize = 10_000;
/// Rows of one table that are handed to SQL.
pub const EXPORT_ROWS_MAX: usize = 1_000_000;
/// Fewest digits of a run's public id that may stand for all 32.
pub const RUN_PREFIX_CHARS_MIN: usize = 4;

/// Connections that read.
pub(crate) const READERS_MAX: u32 = 4;
/// How long a read waits for a free connection.
pub(crate) const READER_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a write waits for another process that writes.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Writes that wait for the writer; more wait for a place.
pub(crate) const WRITES_IN_FLIGHT_MAX: usize = 1_024;
/// Writes that share one commit.
pub(crate) const WRITE_GROUP_JOBS_MAX: usize = 256;
/// Rows that one `insert` carries.
pub(crate) const ROWS_PER_STATEMENT: usize = 250;
/// Prepared statements that a connection keeps.
pub(crate) const STATEMENTS_CACHED_MAX: usize = 200;
/// Audit entries that are checked at a time.
pub(crate) const AUDIT_PAGE_ROWS: usize = 1_000;
