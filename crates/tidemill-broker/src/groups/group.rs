//! A group as a pure state machine. Invariant: nothing here reads the clock or waits; a request that must wait leaves its
//! ticket, and the answer comes out of a later call.

use std::collections::BTreeMap;

use bytes::Bytes;
use indexmap::IndexMap;
use kafka_protocol::ResponseError;

use super::member::Member;
use super::messages::{Commit, JoinOutcome, Reply, SyncRequest, Synced, Ticket};

/// Bounds of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupLimits {
    pub members_max: usize,
    pub initial_delay_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    /// Members are expected to join until the deadline. The first join of a group may wait for others even though all
    /// known members are there.
    Joining {
        deadline_ms: i64,
        is_first: bool,
    },
    /// The leader's assignment is expected until the deadline.
    Syncing {
        deadline_ms: i64,
    },
    Stable,
}

/// One group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) limits: GroupLimits,
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) leader: String,
    /// By member id, in the order in which they came.
    pub(super) members: IndexMap<String, Member>,
    /// Ids that were given and not used yet, with the time until which they hold.
    pub(super) given_ids: BTreeMap<String, i64>,
    pub(super) replies: Vec<Reply>,
}

impl Group {
    pub(crate) fn new(limits: GroupLimits) -> Group {
        Group {
            limits,
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: IndexMap::new(),
            given_ids: BTreeMap::new(),
            replies: Vec::new(),
        }
    }

    /// The answers that are due since the last call.
    pub(crate) fn take_replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// Whether nobody is in it or about to be.
    pub(crate) fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.given_ids.is_empty()
    }

    /// The state's name in the protocol.
    pub(crate) fn state_name(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::Joining { .. } => "PreparingRebalance",
            Phase::Syncing { .. } => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    pub(crate) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    pub(crate) fn protocol(&self) -> &str {
        &self.protocol
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter()
    }

    /// A member asks for its share; the leader brings everybody's. The answer comes when the leader has.
    pub(crate) fn sync(&mut self, ticket: Ticket, request: SyncRequest, now_ms: i64) {
        if let Err(error) = self.try_sync(ticket, request, now_ms) {
            self.replies.push(Reply::Sync(ticket, Err(error)));
        }
    }

    fn try_sync(&mut self, ticket: Ticket, request: SyncRequest, now_ms: i64) -> Result<(), ResponseError> {
        self.check_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        let differs = |said: &Option<String>, ours: &str| said.as_deref().is_some_and(|said| said != ours);
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol, &self.protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let is_leader = request.member_id == self.leader;
        let shared = Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: Bytes::new(),
        };
        let Some(member) = self.members.get_mut(&request.member_id) else {
            return Err(ResponseError::UnknownMemberId);
        };
        member.refresh(now_ms);
        match self.phase {
            Phase::Empty => return Err(ResponseError::UnknownMemberId),
            Phase::Joining { .. } => return Err(ResponseError::RebalanceInProgress),
            Phase::Stable => {
                let synced = Synced {
                    assignment: member.assignment.clone(),
                    ..shared
                };
                self.replies.push(Reply::Sync(ticket, Ok(synced)));
            }
            Phase::Syncing { .. } => {
                if let Some(superseded) = member.awaiting_sync.replace(ticket) {
                    self.replies
                        .push(Reply::Sync(superseded, Err(ResponseError::RebalanceInProgress)));
                }
                if is_leader {
                    self.assign(request.assignments, &shared, now_ms);
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, assignments: Vec<(String, Bytes)>, shared: &Synced, now_ms: i64) {
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        for member in self.members.values_mut() {
            if let Some(ticket) = member.awaiting_sync.take() {
                member.refresh(now_ms);
                let synced = Synced {
                    assignment: member.assignment.clone(),
                    ..shared.clone()
                };
                self.replies.push(Reply::Sync(ticket, Ok(synced)));
            }
        }
    }

    /// A member says that it lives.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now_ms: i64,
    ) -> Result<(), ResponseError> {
        self.check_member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        if let Some(member) = self.members.get_mut(member_id) {
            member.refresh(now_ms);
        }
        match self.phase {
            Phase::Joining { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Syncing { .. } | Phase::Stable => Ok(()),
            Phase::Empty => Err(ResponseError::UnknownMemberId),
        }
    }

    /// A member leaves; a static one may be named by its instance alone.
    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        now_ms: i64,
    ) -> Result<(), ResponseError> {
        let leaver = match instance_id {
            Some(instance) => {
                let known = self
                    .member_of_instance(instance)
                    .ok_or(ResponseError::UnknownMemberId)?;
                if !member_id.is_empty() && known != member_id {
                    return Err(ResponseError::FencedInstanceId);
                }
                known
            }
            None => member_id.to_owned(),
        };
        if self.given_ids.remove(&leaver).is_some() {
            self.complete_if_all_joined(now_ms);
            return Ok(());
        }
        if !self.members.contains_key(&leaver) {
            return Err(ResponseError::UnknownMemberId);
        }
        self.remove(&leaver, now_ms);
        Ok(())
    }

    fn remove(&mut self, member_id: &str, now_ms: i64) {
        let Some(member) = self.members.shift_remove(member_id) else {
            return;
        };
        let error = ResponseError::UnknownMemberId;
        if let Some(ticket) = member.awaiting_join {
            let outcome = JoinOutcome::Failed {
                error,
                member_id: member_id.to_owned(),
            };
            self.replies.push(Reply::Join(ticket, outcome));
        }
        if let Some(ticket) = member.awaiting_sync {
            self.replies.push(Reply::Sync(ticket, Err(error)));
        }
        self.expect_joins(now_ms);
    }

    /// Whether these offsets may be committed. Clients that only use the group's name may, while nobody is in it.
    pub(crate) fn check_commit(&mut self, commit: &Commit, now_ms: i64) -> Result<(), ResponseError> {
        let is_empty = self.phase == Phase::Empty;
        if commit.generation < 0 && is_empty {
            return Ok(());
        }
        let names_a_member = 0 <= commit.generation || !commit.member_id.is_empty() || commit.instance_id.is_some();
        if !names_a_member {
            return Err(ResponseError::UnknownMemberId);
        }
        self.check_member(&commit.member_id, commit.instance_id.as_deref())?;
        if commit.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        if matches!(self.phase, Phase::Syncing { .. }) {
            return Err(ResponseError::RebalanceInProgress);
        }
        if let Some(member) = self.members.get_mut(&commit.member_id) {
            member.refresh(now_ms);
        }
        Ok(())
    }

    fn check_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ResponseError> {
        if let Some(instance) = instance_id {
            return match self.member_of_instance(instance) {
                None => Err(ResponseError::UnknownMemberId),
                Some(known) if known != member_id => Err(ResponseError::FencedInstanceId),
                Some(_) => Ok(()),
            };
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ResponseError::UnknownMemberId)
        }
    }

    /// What the passing of time brings: dead members, ids never used, rebalances that waited long enough.
    pub(crate) fn tick(&mut self, now_ms: i64) {
        self.given_ids.retain(|_, until_ms| now_ms < *until_ms);
        let is_dead = |member: &Member| !member.is_waiting() && member.expires_at_ms <= now_ms;
        let dead: Vec<_> = self
            .members
            .iter()
            .filter(|(_, m)| is_dead(m))
            .map(|(id, _)| id.clone())
            .collect();
        for id in dead {
            self.remove(&id, now_ms);
        }
        match self.phase {
            Phase::Joining { deadline_ms, .. } if deadline_ms <= now_ms => {
                self.given_ids.clear();
                self.complete_joins(now_ms);
            }
            Phase::Syncing { deadline_ms } if deadline_ms <= now_ms => {
                // The leader brought no assignment: who has not asked for one is out.
                let silent = |member: &Member| member.awaiting_sync.is_none();
                let silent: Vec<_> = self
                    .members
                    .iter()
                    .filter(|(_, m)| silent(m))
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in silent {
                    self.remove(&id, now_ms);
                }
                self.expect_joins(now_ms);
            }
            _ => self.complete_if_all_joined(now_ms),
        }
    }

    /// When [`Group::tick`] is needed next.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        let phase = match self.phase {
            Phase::Joining { deadline_ms, .. } | Phase::Syncing { deadline_ms } => Some(deadline_ms),
            Phase::Empty | Phase::Stable => None,
        };
        let members = self
            .members
            .values()
            .filter(|member| !member.is_waiting())
            .map(|member| member.expires_at_ms);
        members.chain(self.given_ids.values().copied()).chain(phase).min()
    }
}
