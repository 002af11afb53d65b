//! The watchdog: a client whose position stands still while the end of the log moves is replaced.
//!
//! Statistics tell the end as of the last fetch that was answered. A client that fetches nothing any more, or from a broker
//! that does not lead (librdkafka may stay with one after a leader moved forth and back, see its pull request 5593), hears of
//! no end either and seems to have read everything. So leaders are asked for the ends of partitions of which nothing came.

use std::time::{Duration, Instant};

use super::poller::{Poller, Turn};
use crate::KafkaError;
use crate::client::ends_now;

/// How long leaders are asked for ends, all at once: others are read by the same thread. What is not answered is asked for
/// again after [`super::ConsumerLimits::stall_after`].
const ENDS_TIMEOUT: Duration = Duration::from_secs(1);

impl Poller {
    /// Asks the leaders for the ends of partitions of which nothing has come since the last time.
    pub(super) fn ask_for_quiet_ones(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.asked_at) < self.limits.stall_after {
            return;
        }
        self.asked_at = now;
        let mut quiet = self.partitions.quiet(self.limits.stall_after, now).peekable();
        if quiet.peek().is_none() {
            return;
        }
        match ends_now(&self.consumer, quiet, ENDS_TIMEOUT) {
            Ok(ends) => self.partitions.take_ends(&ends, now),
            // Fetches say what is wrong, if it is something that stays.
            Err(error) => tracing::debug!("failed to ask for the ends of quiet partitions: {error}"),
        }
    }

    /// Makes a new client where a position stands still.
    pub(super) fn rebuild_if_stalled(&mut self) -> Turn {
        let now = Instant::now();
        let Some(stalled) = self.partitions.stalled(self.limits.stall_after, now) else {
            return Turn::GoOn;
        };
        tracing::warn!(
            topic = %stalled.topic,
            partition = stalled.partition.0,
            "the position of `{}`, Kafka partition {}, stands at {} while its end moves: a new client is made",
            stalled.topic, stalled.partition, stalled.position,
        );
        self.partitions.forgive(now);
        if self.is_member {
            // A new client would come into the group beside the old one: whoever listens starts anew, with both closed.
            return self.hand_over(Err(KafkaError::Stalled {
                topic: stalled.topic,
                partition: stalled.partition,
                position: stalled.position,
            }));
        }
        let rebuilt = (self.factory)().and_then(|consumer| {
            self.consumer = consumer;
            self.assign_positions()
        });
        match rebuilt {
            Ok(()) => Turn::GoOn,
            Err(error) => self.hand_over(Err(error)),
        }
    }
}
