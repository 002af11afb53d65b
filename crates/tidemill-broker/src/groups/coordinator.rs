//! Holds the groups and the requests that wait in them, and gives the time to the groups.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kafka_protocol::ResponseError;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::{Group, GroupLimits};
use super::messages::{Commit, JoinOutcome, JoinRequest, Reply, SyncOutcome, SyncRequest, Ticket};

/// All groups that have members.
#[derive(Debug)]
pub(crate) struct Coordinator {
    limits: GroupLimits,
    groups_max: usize,
    /// Where the groups' time begins.
    started: Instant,
    inner: Mutex<Inner>,
    /// A deadline may have changed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    groups: BTreeMap<String, Group>,
    next_ticket: Ticket,
    joins: HashMap<Ticket, oneshot::Sender<JoinOutcome>>,
    syncs: HashMap<Ticket, oneshot::Sender<SyncOutcome>>,
}

impl Coordinator {
    pub(crate) fn new(limits: GroupLimits, groups_max: usize) -> Coordinator {
        Coordinator {
            limits,
            groups_max,
            started: Instant::now(),
            inner: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn now_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }

    /// Joins a group and waits for the answer.
    pub(crate) async fn join(&self, group: &str, request: JoinRequest) -> JoinOutcome {
        let member_id = request.member_id.clone();
        let failed = |error| JoinOutcome::Failed {
            error,
            member_id: member_id.clone(),
        };
        let (sender, answer) = oneshot::channel();
        {
            let mut inner = self.inner.lock();
            let is_known = inner.groups.contains_key(group);
            if !is_known && !member_id.is_empty() {
                return failed(ResponseError::UnknownMemberId);
            }
            if !is_known && self.groups_max <= inner.groups.len() {
                return failed(ResponseError::CoordinatorNotAvailable);
            }
            let ticket = inner.new_ticket();
            inner.joins.insert(ticket, sender);
            inner
                .groups
                .entry(group.to_owned())
                .or_insert_with(|| Group::new(self.limits))
                .join(ticket, request, self.now_ms());
            inner.settle(group);
        }
        self.changed.notify_one();
        answer
            .await
            .unwrap_or_else(|_| failed(ResponseError::CoordinatorNotAvailable))
    }

    /// Asks for a share and waits for the answer.
    pub(crate) async fn sync(&self, group: &str, request: SyncRequest) -> SyncOutcome {
        let (sender, answer) = oneshot::channel();
        {
            let mut inner = self.inner.lock();
            let ticket = inner.new_ticket();
            let Some(known) = inner.groups.get_mut(group) else {
                return Err(ResponseError::UnknownMemberId);
            };
            known.sync(ticket, request, self.now_ms());
            inner.syncs.insert(ticket, sender);
            inner.settle(group);
        }
        self.changed.notify_one();
        answer.await.unwrap_or(Err(ResponseError::CoordinatorNotAvailable))
    }

    /// Takes a sign of life.
    pub(crate) fn heartbeat(
        &self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.with(group, |group, now_ms| match group {
            Some(group) => group.heartbeat(member_id, instance_id, generation, now_ms),
            None => Err(ResponseError::UnknownMemberId),
        })
    }

    /// Takes a member out.
    pub(crate) fn leave(&self, group: &str, member_id: &str, instance_id: Option<&str>) -> Result<(), ResponseError> {
        self.with(group, |group, now_ms| match group {
            Some(group) => group.leave(member_id, instance_id, now_ms),
            None => Err(ResponseError::UnknownMemberId),
        })
    }

    /// Whether these offsets may be committed.
    pub(crate) fn check_commit(&self, group: &str, commit: &Commit) -> Result<(), ResponseError> {
        self.with(group, |group, now_ms| match group {
            Some(group) => group.check_commit(commit, now_ms),
            None if commit.generation < 0 => Ok(()),
            None => Err(ResponseError::IllegalGeneration),
        })
    }

    /// Looks at a group that has members.
    pub(crate) fn look<T>(&self, group: &str, look: impl FnOnce(Option<&Group>) -> T) -> T {
        look(self.inner.lock().groups.get(group))
    }

    /// Names of the groups that have members, with their states and protocol types.
    pub(crate) fn list(&self) -> Vec<(String, &'static str, String)> {
        let describe =
            |(name, group): (&String, &Group)| (name.clone(), group.state_name(), group.protocol_type().to_owned());
        self.inner.lock().groups.iter().map(describe).collect()
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(Option<&mut Group>, i64) -> T) -> T {
        let mut inner = self.inner.lock();
        let result = act(inner.groups.get_mut(name), self.now_ms());
        inner.settle(name);
        drop(inner);
        self.changed.notify_one();
        result
    }

    /// Gives the time to the groups until `stop`; then those who wait are sent away.
    pub(crate) async fn keep_time(&self, stop: &CancellationToken) {
        loop {
            let next_ms = self
                .inner
                .lock()
                .groups
                .values()
                .filter_map(Group::next_deadline_ms)
                .min();
            let sleep = async {
                match next_ms {
                    Some(ms) => {
                        let at = self.started + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
                        tokio::time::sleep_until(at).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.changed.notified() => continue,
                () = sleep => (),
            }
            let now_ms = self.now_ms();
            let mut inner = self.inner.lock();
            let due = |group: &Group| group.next_deadline_ms().is_some_and(|ms| ms <= now_ms);
            let due: Vec<_> = inner
                .groups
                .iter()
                .filter(|(_, g)| due(g))
                .map(|(name, _)| name.clone())
                .collect();
            for name in due {
                if let Some(group) = inner.groups.get_mut(&name) {
                    group.tick(now_ms);
                }
                inner.settle(&name);
            }
        }
        let mut inner = self.inner.lock();
        inner.joins.clear();
        inner.syncs.clear();
    }
}

impl Inner {
    fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Sends the answers that are due, and forgets a group that nobody is in.
    fn settle(&mut self, name: &str) {
        let Some(group) = self.groups.get_mut(name) else { return };
        // A client that does not wait any more has dropped its end, which is no fault.
        for reply in group.take_replies() {
            match reply {
                Reply::Join(ticket, outcome) => {
                    self.joins.remove(&ticket).map(|sender| sender.send(outcome));
                }
                Reply::Sync(ticket, outcome) => {
                    self.syncs.remove(&ticket).map(|sender| sender.send(outcome));
                }
            }
        }
        if group.is_vacant() {
            self.groups.remove(name);
        }
    }
}
