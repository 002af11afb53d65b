//! The watchdog: a client whose position stands still below the end of the log is replaced.
//!
//! Statistics tell the end as of the last fetch that was answered. A client that fetches nothing any more, or from a broker
//! that does not lead (librdkafka may stay with one after a leader moved forth and back, see its pull request 5593), hears of
//! no end either and seems to have read everything. So leaders are asked for the ends of partitions of which nothing came.

use std::time::{Duration, Instant};

use super::poller::{Poller, Turn};
use crate::KafkaError;
use crate::client::ends_now;

/// How long leaders are asked for ends, of all partitions together: the same thread polls.
const ENDS_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the leader of one partition is asked, where the question for all came to nothing.
const END_TIMEOUT: Duration = Duration::from_millis(100);

impl Poller {
    /// Looks at what the last statistics said.
    pub(super) fn watch(&mut self) -> Turn {
        let now = Instant::now();
        if self.owed.is_some() {
            // The client fetches nothing until the group has its answer.
            self.partitions.pardon(now);
            return Turn::GoOn;
        }
        if self.replace_if_stalled(now) == Turn::End {
            return Turn::End;
        }
        if now.duration_since(self.asked_at) >= self.limits.stall_after {
            self.asked_at = now;
            self.ask_for_quiet_ones(now);
        }
        Turn::GoOn
    }

    /// Asks the leaders for the ends of partitions of which nothing has come since they were last asked.
    fn ask_for_quiet_ones(&mut self, now: Instant) {
        let quiet = self.partitions.quiet(self.limits.stall_after, now);
        let quiet: Vec<_> = quiet.map(|(topic, partition)| (topic.clone(), partition)).collect();
        if quiet.is_empty() {
            return;
        }
        let all = quiet.iter().map(|(topic, partition)| (topic, *partition));
        if let Ok(ends) = ends_now(&self.consumer, all, ENDS_TIMEOUT) {
            self.partitions.take_ends(&ends, now);
            return;
        }
        // One leader that does not answer hides the answers of the others.
        let first = self.asked_singly % quiet.len();
        for (topic, partition) in quiet[first..].iter().chain(&quiet[..first]) {
            if now.elapsed() >= 2 * ENDS_TIMEOUT {
                break;
            }
            self.asked_singly += 1;
            match ends_now(&self.consumer, [(topic, *partition)].into_iter(), END_TIMEOUT) {
                Ok(ends) => self.partitions.take_ends(&ends, now),
                Err(error) => tracing::debug!(%topic, partition = partition.0, "its end is not known: {error}"),
            }
        }
    }

    /// Makes a new client where a position stands still.
    fn replace_if_stalled(&mut self, now: Instant) -> Turn {
        let Some(stalled) = self.partitions.stalled(self.limits.stall_after, now) else {
            return Turn::GoOn;
        };
        tracing::warn!(
            topic = %stalled.topic,
            partition = stalled.partition.0,
            "the position of `{}`, Kafka partition {}, stands at {} below the end of its log: a new client is made",
            stalled.topic, stalled.partition, stalled.position,
        );
        self.partitions.restart(now);
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
