//! Those who wait until a stream has landed what was there.

use std::collections::BTreeMap;

use tidemill_types::{KafkaPartition, NextOffset};
use tokio::sync::oneshot;

use crate::IngestError;
use crate::stage::BatchStage;

/// What the handle asks of a stream.
pub(crate) enum Command {
    /// Answer once everything below the targets has landed, without waiting for rows to be flushed by themselves.
    CatchUp {
        targets: BTreeMap<KafkaPartition, NextOffset>,
        reply: Reply,
    },
    /// Land what has been taken by now.
    Flush { reply: Reply },
    /// Start again after a pause or a failure.
    Resume,
    /// Let a stage join, once everything that was taken has landed.
    AddStage { stage: Box<dyn BatchStage>, reply: Reply },
    /// Let a stage leave, once everything that it saw has landed.
    RemoveStage {
        name: String,
        reply: Reply<Box<dyn BatchStage>>,
    },
}

/// Where the answer goes. Whoever gave up waiting no longer listens.
pub(crate) type Reply<T = ()> = oneshot::Sender<Result<T, IngestError>>;

/// Somebody who waits.
#[derive(Debug)]
struct Waiter {
    targets: BTreeMap<KafkaPartition, NextOffset>,
    reply: Reply,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Vec<Waiter>,
}

/// How far a partition is, for whoever waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) landed: NextOffset,
    pub(crate) position: NextOffset,
    /// The client has handed over everything below this end, of which offsets without a record may be part.
    pub(crate) read_to: Option<NextOffset>,
}

impl Reached {
    /// Whether everything below `target` has been taken.
    fn has_taken(&self, target: NextOffset) -> bool {
        self.position >= target || self.read_to.is_some_and(|end| end >= target)
    }

    /// Whether everything below `target` has landed.
    fn has_landed(&self, target: NextOffset) -> bool {
        self.landed >= target || (self.landed >= self.position && self.has_taken(target))
    }
}

impl Waiters {
    pub(crate) fn add(&mut self, targets: BTreeMap<KafkaPartition, NextOffset>, reply: Reply) {
        self.waiting.push(Waiter { targets, reply });
    }

    /// Whether a flush would help somebody: all that they wait for has been taken.
    pub(crate) fn want_flush(&self, reached: &BTreeMap<KafkaPartition, Reached>) -> bool {
        self.waiting.iter().any(|waiter| {
            let mut targets = waiter.targets.iter();
            targets.all(|(partition, target)| reached.get(partition).is_some_and(|at| at.has_taken(*target)))
        })
    }

    /// Answers those whose targets have landed.
    pub(crate) fn answer(&mut self, reached: &BTreeMap<KafkaPartition, Reached>) {
        let landed = |waiter: &mut Waiter| {
            let mut targets = waiter.targets.iter();
            targets.all(|(partition, target)| reached.get(partition).is_some_and(|at| at.has_landed(*target)))
        };
        for waiter in self.waiting.extract_if(.., landed) {
            // Whoever gave up waiting no longer listens.
            let _ = waiter.reply.send(Ok(()));
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Tells everybody that it will not happen.
    pub(crate) fn refuse(&mut self, why: impl Fn() -> IngestError) {
        for waiter in self.waiting.drain(..) {
            let _ = waiter.reply.send(Err(why()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(landed: i64, position: i64, read_to: Option<i64>) -> BTreeMap<KafkaPartition, Reached> {
        let at = Reached {
            landed: NextOffset(landed),
            position: NextOffset(position),
            read_to: read_to.map(NextOffset),
        };
        [(KafkaPartition(0), at)].into()
    }

    #[test]
    fn a_waiter_is_answered_when_its_targets_have_landed() {
        for (landed, position, read_to, flush, answered) in [
            (0, 5, None, false, false),
            (0, 10, None, true, false),
            (10, 10, None, true, true),
            // A marker takes the last offset: the client has read to 10, but no record is there.
            (0, 9, Some(10), true, false),
            (9, 9, Some(10), true, true),
            // What the client last saw lies before the target.
            (9, 9, Some(9), false, false),
        ] {
            let case = format!("{landed} {position} {read_to:?}");
            let mut waiters = Waiters::default();
            let (reply, mut answer) = oneshot::channel();
            waiters.add([(KafkaPartition(0), NextOffset(10))].into(), reply);
            let reached = reached(landed, position, read_to);
            assert_eq!(waiters.want_flush(&reached), flush, "{case}");
            waiters.answer(&reached);
            assert_eq!(answer.try_recv().is_ok(), answered, "{case}");
            assert_eq!(waiters.is_empty(), answered, "{case}");
        }
    }

    #[test]
    fn a_partition_that_is_not_read_yet_is_waited_for() {
        let mut waiters = Waiters::default();
        let (reply, mut answer) = oneshot::channel();
        waiters.add([(KafkaPartition(1), NextOffset(0))].into(), reply);
        waiters.answer(&reached(10, 10, None));
        assert!(answer.try_recv().is_err());
        waiters.refuse(|| IngestError::NoClusterId);
        assert!(matches!(answer.try_recv(), Ok(Err(IngestError::NoClusterId))));
    }
}
