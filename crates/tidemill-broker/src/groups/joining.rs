//! The joining half of a group: who comes in, who comes back, and when a rebalance is over.

use bytes::Bytes;
use indexmap::IndexMap;
use kafka_protocol::ResponseError;

use super::group::{Group, Phase};
use super::member::Member;
use super::messages::{JoinOutcome, JoinRequest, JoinedMember, Reply, Ticket};

impl Group {
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

    pub(super) fn member_of_instance(&self, instance_id: &str) -> Option<String> {
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
    pub(super) fn expect_joins(&mut self, now_ms: i64) {
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
    pub(super) fn rebalance_timeout_ms(&self) -> i64 {
        self.members
            .values()
            .map(|member| i64::from(member.rebalance_timeout_ms))
            .max()
            .unwrap_or(0)
    }

    pub(super) fn complete_if_all_joined(&mut self, now_ms: i64) {
        let Phase::Joining { is_first: false, .. } = self.phase else {
            return;
        };
        let all_joined = self.members.values().all(|member| member.awaiting_join.is_some());
        if all_joined && self.given_ids.is_empty() {
            self.complete_joins(now_ms);
        }
    }

    /// Ends a rebalance: who has not joined is out, unless it is static; the others get their answer.
    pub(super) fn complete_joins(&mut self, now_ms: i64) {
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
    pub(super) fn choose_protocol(&self) -> String {
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

    pub(super) fn joined(
        &self,
        member_id: &str,
        leader: &str,
        tells_members: bool,
        skip_assignment: bool,
    ) -> JoinOutcome {
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
}
