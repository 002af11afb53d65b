//! Back-pressure: what the thread does while the channel is full.

use std::collections::VecDeque;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError as ClientError;
use tokio::sync::mpsc;

use super::poller::{Poller, Turn};
use super::{Command, Polled};
use crate::KafkaError;

/// How often the channel is looked at while it is full.
const RECHECK: Duration = Duration::from_millis(1);
/// Errors that are kept until there is room; more of them would say the same.
const ERRORS_MAX: usize = 64;
/// How long a poll of the paused client waits: errors and statistics are taken meanwhile.
const PAUSED_POLL: Duration = Duration::from_millis(5);

impl Poller {
    /// Waits until `item` is taken. Past `pause_after` the partitions are paused and polling goes on, so that the client
    /// serves its events; they are resumed when there is room. Commands that come meanwhile are obeyed afterwards, a
    /// stop at once.
    pub(super) fn wait_for_room(&mut self, item: Result<Polled, KafkaError>) -> Turn {
        let since = Instant::now();
        let mut waiting = VecDeque::from([item]);
        let mut put_off = Vec::new();
        let mut errors = Vec::new();
        let mut paused = false;
        let turn = loop {
            match self.commands().recv_timeout(RECHECK) {
                Ok(Command::Stop) | Err(std_mpsc::RecvTimeoutError::Disconnected) => break Turn::End,
                Ok(command) => put_off.push(command),
                Err(std_mpsc::RecvTimeoutError::Timeout) => {}
            }
            if let Some(turn) = self.offer(&mut waiting) {
                break turn;
            }
            let waited_long = since.elapsed() >= self.limits.pause_after;
            if waited_long && !paused {
                paused = self.pause();
            }
            if paused {
                self.poll_paused(&mut waiting, &mut errors);
            }
        };
        if paused {
            self.resume();
        }
        self.partitions.wait(since.elapsed(), Instant::now());
        if turn == Turn::End {
            return Turn::End;
        }
        for error in errors {
            if self.take_error(&error) == Turn::End {
                return Turn::End;
            }
        }
        for command in put_off {
            if self.obey_one(command) == Turn::End {
                return Turn::End;
            }
        }
        Turn::GoOn
    }

    /// Gives what fits; none while something is left.
    fn offer(&mut self, waiting: &mut VecDeque<Result<Polled, KafkaError>>) -> Option<Turn> {
        while let Some(item) = waiting.pop_front() {
            match self.output.try_send(item) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return Some(Turn::End),
                Err(mpsc::error::TrySendError::Full(item)) => {
                    waiting.push_front(item);
                    return None;
                }
            }
        }
        Some(Turn::GoOn)
    }

    fn pause(&mut self) -> bool {
        let paused = self.partitions.list().and_then(|list| self.consumer.pause(&list));
        if let Err(error) = &paused {
            tracing::warn!("failed to pause the Kafka consumer: {error}");
        }
        paused.is_ok()
    }

    fn resume(&mut self) {
        let resumed = self.partitions.list().and_then(|list| self.consumer.resume(&list));
        if let Err(error) = resumed {
            // The watchdog makes a new client if this one stands still.
            tracing::warn!("failed to resume the Kafka consumer: {error}");
        }
    }

    /// One poll of the paused client. A record that was on its way is taken: the batches stay within their limits
    /// because nothing more is fetched.
    fn poll_paused(&mut self, waiting: &mut VecDeque<Result<Polled, KafkaError>>, errors: &mut Vec<ClientError>) {
        match self.consumer.poll(PAUSED_POLL) {
            Some(Ok(message)) => {
                let full = self.partitions.push(&message, &self.limits, Instant::now());
                waiting.extend(full.map(Polled::Batch).map(Ok));
            }
            // An end of partition says nothing new about paused ones.
            Some(Err(ClientError::PartitionEOF(_))) | None => {}
            Some(Err(error)) => {
                if errors.len() < ERRORS_MAX {
                    errors.push(error);
                }
            }
        }
    }
}
