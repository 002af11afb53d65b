//! Every limit of ingest, with its name.

use std::time::Duration;

use tidemill_kafka::ConsumerLimits;
use tidemill_project::IngestSettings;

/// What bounds memory, latency and patience. Made from the project's `[ingest]`; the rest has defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestLimits {
    /// Rows of a stream at which it is flushed.
    pub flush_rows: u64,
    /// Bytes of Arrow memory of a stream at which it is flushed.
    pub flush_bytes: usize,
    /// How long the first row of a flush waits for others.
    pub flush_interval: Duration,
    /// Whether a stream is flushed when its watermark passes the end of a day (UTC).
    pub flush_each_event_day: bool,
    /// Bytes of Arrow memory of all streams together; beyond it each flushes what it has and reading waits.
    pub buffer_bytes: usize,
    /// Bytes of a record's value; a larger one is a dead letter.
    pub message_bytes: usize,
    /// The share of dead letters above which a stream pauses.
    pub dead_share_max: f64,
    /// The newest records over which that share is taken.
    pub dead_share_rows: u64,
    /// How often new Kafka partitions are looked for.
    pub discovery_interval: Duration,
    /// How often a member of a group looks at what the others have landed.
    pub look_at_others: Duration,
    /// How long revoked partitions wait for what was taken of them to land; then it is dropped, and another worker reads
    /// it again.
    pub revoke_wait: Duration,
    /// How long a partition that has shown no event stands at its end until it no longer holds the watermark back.
    pub idle_after: Duration,
    /// The same for a partition that has shown events. Long: what is still to come of it would be late then, so that the
    /// pauses of a replay must not be taken for silence.
    pub silent_after: Duration,
    /// Times in a row that a stream starts again without landing anything, before it fails.
    pub restarts_max: u32,
    /// First pause before a stream starts again; it doubles each time.
    pub restart_pause: Duration,
    /// Longest pause before a stream starts again.
    pub restart_pause_max: Duration,
    /// Limits of each stream's Kafka consumer.
    pub consumer: ConsumerLimits,
}

impl Default for IngestLimits {
    fn default() -> IngestLimits {
        IngestLimits::of(&IngestSettings::default())
    }
}

impl IngestLimits {
    /// The project's settings, and defaults for what it cannot set.
    pub fn of(settings: &IngestSettings) -> IngestLimits {
        IngestLimits {
            flush_rows: settings.flush_rows,
            flush_bytes: settings.flush_bytes.as_usize(),
            flush_interval: settings.flush_interval.duration(),
            flush_each_event_day: settings.flush_each_event_day,
            buffer_bytes: settings.buffer_bytes.as_usize(),
            message_bytes: settings.message_bytes.as_usize(),
            dead_share_max: settings.dead_share_max,
            dead_share_rows: settings.dead_share_rows,
            discovery_interval: Duration::from_secs(30),
            look_at_others: Duration::from_secs(2),
            revoke_wait: Duration::from_secs(5),
            idle_after: Duration::from_secs(10),
            silent_after: Duration::from_mins(10),
            restarts_max: 8,
            restart_pause: Duration::from_millis(250),
            restart_pause_max: Duration::from_secs(15),
            consumer: ConsumerLimits::default(),
        }
    }
}
