//! A group as a pure state machine. Invariant: nothing here reads the clock or waits; a request that must wait leaves its
//! ticket, and the answer comes out of a later call.

use std::collections::BTreeMap;

use bytes::Bytes;
use indexmap::IndexMap;
use kafka_protocol::ResponseError;

use super::member::Member;
use super::messages::{Commit, JoinOutcome, JoinRequest, JoinedMember, Reply, SyncRequest, Synced, Ticket};

/// Bounds of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupLimits {
    pub members_max: usize,
    pub initial_delay_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
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
    limits: GroupLimits,
    phase: Phase,
    generation: i32,
    protocol_type: String,
    protocol: String,
    leader: String,
    /// By member id, in the order in which they came.
    members: IndexMap<String, Member>,
    /// Ids that were given and not used yet, with the time until which they hold.
    given_ids: BTreeMap<String, i64>,
    replies: Vec<Reply>,
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

    /// A client joins. The answer comes when all members have, or at once where it cannot join.
    pub(crate) fn join(&mut self, ticket: Ticket, request: JoinRequest, now_ms: i64) {
        let member_id = request.member_id.clone();
        if let Err(error) = self.try_join(ticket, request, now_ms) {
            self.replies
                .push(Reply::Join(ticket, JoinOutcome::Failed { error, member_id }));
        }
    }

    fn try_join(&mut self, ticket: Ticket, request: JoinRequest, now_ms: i64) -> Result<(), ResponseError> {
        self.check_protocols(&request)?;
        let known_instance = request
            .instance_id
            .as_deref()
            .and_then(|id| self.member_of_instance(id));
        if request.member_id.is_empty() {
            if let Some(old_id) = known_instance {
                self.replace_static(&old_id, ticket, request, now_ms);
                return Ok(());
            }
            self.check_room()?;
            let new_id = request.new_member_id.clone();
            if request.requires_member_id && request.instance_id.is_none() {
                self.given_ids
                    .insert(new_id.clone(), now_ms + i64::from(request.session_timeout_ms));
                let outcome = JoinOutcome::Failed {
                    error: ResponseError::MemberIdRequired,
                    member_id: new_id,
                };
                self.replies.push(Reply::Join(ticket, outcome));
                return Ok(());
            }
            self.add(new_id, ticket, request, now_ms);
            return Ok(());
        }
        if request.instance_id.is_some() {
            match known_instance {
                None => return Err(ResponseError::UnknownMemberId),
                Some(id) if id != request.member_id => return Err(ResponseError::FencedInstanceId),
                Some(_) => (),
            }
        }
        let member_id = request.member_id.clone();
        if self.given_ids.remove(&member_id).is_some() {
            self.add(member_id, ticket, request, now_ms);
        } else if self.members.contains_key(&member_id) {
            self.rejoin(member_id, ticket, request, now_ms);
        } else {
            return Err(ResponseError::UnknownMemberId);
        }
        Ok(())
    }

    fn check_protocols(&self, request: &JoinRequest) -> Result<(), ResponseError> {
        let says_nothing = request.protocol_type.is_empty() || request.protocols.is_empty();
        let others = || self.members.iter().filter(|(id, _)| **id != request.member_id);
        let is_another_type = others().next().is_some() && self.protocol_type != request.protocol_type;
        let has_common = request
            .protocols
            .iter()
            .any(|(name, _)| others().all(|(_, member)| member.supports(name)));
        if says_nothing || is_another_type || !has_common {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), ResponseError> {
        if self.limits.members_max <= self.members.len() + self.given_ids.len() {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        Ok(())
    }

    fn member_of_instance(&self, instance_id: &str) -> Option<String> {
        let is_it = |member: &Member| member.instance_id.as_deref() == Some(instance_id);
        self.members
            .iter()
            .find(|(_, member)| is_it(member))
            .map(|(id, _)| id.clone())
    }

    fn add(&mut self, member_id: String, ticket: Ticket, request: JoinRequest, now_ms: i64) {
        self.protocol_type.clone_from(&request.protocol_type);
        self.members.insert(member_id, Member::new(request, ticket, now_ms));
        self.expect_joins(now_ms);
    }

    fn rejoin(&mut self, member_id: String, ticket: Ticket, request: JoinRequest, now_ms: i64) {
        let is_leader = self.leader == member_id;
        let Some(member) = self.members.get_mut(&member_id) else {
            return;
        };
        let says_the_same = member.protocols == request.protocols;
        // A second join of a client that gave up waiting for the first.
        let superseded = member.awaiting_join.take();
        let needs_no_rebalance = match self.phase {
            Phase::Syncing { .. } => says_the_same,
            // The leader joins again when it wants a new assignment.
            Phase::Stable => says_the_same && !is_leader,
            Phase::Empty | Phase::Joining { .. } => false,
        };
        if needs_no_rebalance {
            member.update(request, None, now_ms);
            let outcome = self.joined(&member_id, &self.leader.clone(), is_leader, false);
            self.replies.push(Reply::Join(ticket, outcome));
        } else {
            member.update(request, Some(ticket), now_ms);
            self.expect_joins(now_ms);
        }
        if let Some(superseded) = superseded {
            let outcome = JoinOutcome::Failed {
                error: ResponseError::RebalanceInProgress,
                member_id,
            };
            self.replies.push(Reply::Join(superseded, outcome));
        }
    }

    /// A static member came back without its id: it takes the place of its former self, without a rebalance where the group
    /// is stable and would choose the same protocol.
    fn replace_static(&mut self, old_id: &str, ticket: Ticket, request: JoinRequest, now_ms: i64) {
        let Some((index, _, mut member)) = self.members.shift_remove_full(old_id) else {
            return;
        };
        let new_id = request.new_member_id.clone();
        let fenced = ResponseError::FencedInstanceId;
        if let Some(ticket) = member.awaiting_join.take() {
            let outcome = JoinOutcome::Failed {
                error: fenced,
                member_id: old_id.to_owned(),
            };
            self.replies.push(Reply::Join(ticket, outcome));
        }
        if let Some(ticket) = member.awaiting_sync.take() {
            self.replies.push(Reply::Sync(ticket, Err(fenced)));
        }
        member.update(request, Some(ticket), now_ms);
        let can_skip = member.can_skip_assignment;
        self.members.shift_insert(index, new_id.clone(), member);
        let was_leader = self.leader == old_id;
        if was_leader {
            self.leader.clone_from(&new_id);
        }
        let stays = self.phase == Phase::Stable && self.choose_protocol() == self.protocol;
        if !stays {
            self.expect_joins(now_ms);
            return;
        }
        if let Some(member) = self.members.get_mut(&new_id) {
            member.awaiting_join = None;
        }
        // A leader that cannot be told to skip the assignment is told that its former self leads, so that it does not assign.
        let leader_told = if was_leader && !can_skip {
            old_id.to_owned()
        } else {
            self.leader.clone()
        };
        let skips = was_leader && can_skip;
        let outcome = self.joined(&new_id, &leader_told, skips, skips);
        self.replies.push(Reply::Join(ticket, outcome));
    }

    /// Begins a rebalance, or goes on with one.
    fn expect_joins(&mut self, now_ms: i64) {
        let timeout_ms = self.rebalance_timeout_ms();
        match self.phase {
            Phase::Joining { .. } => (),
            Phase::Empty => {
                let is_first = 0 < self.limits.initial_delay_ms;
                let wait_ms = if is_first {
                    self.limits.initial_delay_ms
                } else {
                    timeout_ms
                };
                self.phase = Phase::Joining {
                    deadline_ms: now_ms + wait_ms,
                    is_first,
                };
            }
            Phase::Syncing { .. } | Phase::Stable => {
                self.phase = Phase::Joining {
                    deadline_ms: now_ms + timeout_ms,
                    is_first: false,
                };
                for member in self.members.values_mut() {
                    if let Some(ticket) = member.awaiting_sync.take() {
                        member.refresh(now_ms);
                        self.replies
                            .push(Reply::Sync(ticket, Err(ResponseError::RebalanceInProgress)));
                    }
                }
            }
        }
        self.complete_if_all_joined(now_ms);
    }

    /// The longest that a member wants to be waited for.
    fn rebalance_timeout_ms(&self) -> i64 {
        self.members
            .values()
            .map(|member| i64::from(member.rebalance_timeout_ms))
            .max()
            .unwrap_or(0)
    }

    fn complete_if_all_joined(&mut self, now_ms: i64) {
        let Phase::Joining { is_first: false, .. } = self.phase else {
            return;
        };
        let all_joined = self.members.values().all(|member| member.awaiting_join.is_some());
        if all_joined && self.given_ids.is_empty() {
            self.complete_joins(now_ms);
        }
    }

    /// Ends a rebalance: who has not joined is out, unless it is static; the others get their answer.
    fn complete_joins(&mut self, now_ms: i64) {
        self.members
            .retain(|_, member| member.awaiting_join.is_some() || member.instance_id.is_some());
        if self.members.is_empty() {
            self.generation = self.generation.checked_add(1).unwrap_or(1);
            self.phase = Phase::Empty;
            self.leader.clear();
            self.protocol.clear();
            return;
        }
        let first_joined = self.members.iter().find(|(_, member)| member.awaiting_join.is_some());
        let Some((first_joined, _)) = first_joined.map(|(id, member)| (id.clone(), member)) else {
            // Only static members that are away: they have until their session ends.
            let deadline_ms = now_ms + self.rebalance_timeout_ms().max(1);
            self.phase = Phase::Joining {
                deadline_ms,
                is_first: false,
            };
            return;
        };
        let leader_joined = self
            .members
            .get(&self.leader)
            .is_some_and(|leader| leader.awaiting_join.is_some());
        if !leader_joined {
            self.leader = first_joined;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.choose_protocol();
        self.phase = Phase::Syncing {
            deadline_ms: now_ms + self.rebalance_timeout_ms(),
        };
        let mut joined = Vec::new();
        for (id, member) in &mut self.members {
            member.assignment = Bytes::new();
            if let Some(ticket) = member.awaiting_join.take() {
                member.refresh(now_ms);
                joined.push((ticket, id.clone()));
            }
        }
        for (ticket, id) in joined {
            let outcome = self.joined(&id, &self.leader.clone(), id == self.leader, false);
            self.replies.push(Reply::Join(ticket, outcome));
        }
    }

    /// The protocol that all support and most prefer; the first of the first member's where votes are equal.
    fn choose_protocol(&self) -> String {
        let mut votes: IndexMap<&str, usize> = IndexMap::new();
        for member in self.members.values() {
            let is_common = |name: &str| self.members.values().all(|member| member.supports(name));
            if let Some((name, _)) = member.protocols.iter().find(|(name, _)| is_common(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max().copied();
        votes
            .iter()
            .find(|(_, count)| Some(**count) == most)
            .map(|(name, _)| (*name).to_owned())
            .unwrap_or_default()
    }

    fn joined(&self, member_id: &str, leader: &str, tells_members: bool, skip_assignment: bool) -> JoinOutcome {
        let tell = |(id, member): (&String, &Member)| JoinedMember {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(&self.protocol),
        };
        JoinOutcome::Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: leader.to_owned(),
            member_id: member_id.to_owned(),
            members: if tells_members {
                self.members.iter().map(tell).collect()
            } else {
                Vec::new()
            },
            skip_assignment,
        }
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
