//! The member's side of a consumer group: what the group decides goes to whoever listens, and their answer to the group.

use std::time::Instant;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tidemill_types::{KafkaPartition, NextOffset, TopicName};

use super::poller::{Poller, Turn};
use super::{Assignment, Polled};
use crate::KafkaError;
use crate::client::Change;

impl Poller {
    /// Hands a decision of the group over. What was read of revoked partitions goes first, and nothing of them follows.
    pub(super) fn take_change(&mut self, change: Change) -> Turn {
        self.owed = Some(change.clone());
        match change {
            Change::Granted(partitions) => self.hand_over(Ok(Polled::Granted(partitions))),
            Change::Revoked { partitions, lost } => {
                for batch in self.partitions.close(&partitions) {
                    if self.hand_over(Ok(Polled::Batch(batch))) == Turn::End {
                        return Turn::End;
                    }
                }
                self.hand_over(Ok(Polled::Revoked { partitions, lost }))
            }
        }
    }

    /// Begins to read granted partitions, and tells the group so. An empty list is an answer too.
    pub(super) fn take_granted(&mut self, mut assignments: Vec<Assignment>) -> Result<(), KafkaError> {
        // Some may be lost by the time at which whoever listens knows where they start.
        assignments.retain(|new| !self.partitions.is_closed(new.partition));
        let mut list = TopicPartitionList::with_capacity(assignments.len());
        for new in &assignments {
            let at = Offset::Offset(new.start.0);
            let listed = list.add_partition_offset(new.topic.as_str(), new.partition.0, at);
            listed.map_err(|error| self.sort("read granted partitions", &error))?;
        }
        self.partitions.add(assignments, Instant::now());
        self.show();
        self.owed.take_if(|owed| matches!(owed, Change::Granted(_)));
        let assigned = self.consumer.incremental_assign(&list);
        assigned.map_err(|error| self.sort("read granted partitions", &error))
    }

    /// Gives revoked partitions back.
    pub(super) fn give_back(&mut self, partitions: &[KafkaPartition]) -> Result<(), KafkaError> {
        let Some(topic) = self.partitions.member_topic().cloned() else {
            return Ok(());
        };
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in self.partitions.take_closed(partitions) {
            list.add_partition(topic.as_str(), partition.0);
        }
        self.show();
        self.owed.take_if(|owed| matches!(owed, Change::Revoked { .. }));
        let unassigned = self.consumer.incremental_unassign(&list);
        unassigned.map_err(|error| self.sort("give partitions back", &error))
    }

    /// Answers the group for whoever no longer listens: a client is not closed before it has, and would wait for ever.
    pub(super) fn answer_what_is_owed(&mut self) {
        let context = self.consumer.context();
        // What comes from here on is answered as it comes.
        context.leave();
        let owed = self.owed.take().into_iter().chain(context.take_changes());
        let topic = self.partitions.member_topic();
        for change in owed {
            let answered = match change {
                Change::Granted(_) => self.consumer.incremental_assign(&TopicPartitionList::new()),
                Change::Revoked { partitions, .. } => {
                    let mut list = TopicPartitionList::with_capacity(partitions.len());
                    for partition in partitions {
                        list.add_partition(topic.map_or("", TopicName::as_str), partition.0);
                    }
                    self.consumer.incremental_unassign(&list)
                }
            };
            if let Err(error) = answered {
                tracing::warn!("the consumer group was not answered before its member leaves: {error}");
            }
        }
    }

    /// For displays only, so that a failure is no error: the next commit says more.
    pub(super) fn commit(&self, positions: &[(TopicName, KafkaPartition, NextOffset)]) {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        let listed = positions.iter().try_for_each(|(topic, partition, next)| {
            list.add_partition_offset(topic.as_str(), partition.0, Offset::Offset(next.0))
        });
        if let Err(error) = listed.and_then(|()| self.consumer.commit(&list, CommitMode::Async)) {
            tracing::debug!("positions were not committed to the consumer group: {error}");
        }
    }
}
