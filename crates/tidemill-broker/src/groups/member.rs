//! A member of a group.

use bytes::Bytes;

use super::messages::{JoinRequest, Ticket};

/// One consumer, as it last joined.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    /// Names of assignors in the order of preference, with what the leader needs to know for each.
    pub protocols: Vec<(String, Bytes)>,
    pub assignment: Bytes,
    /// When it is taken for dead, unless a request of it waits.
    pub expires_at_ms: i64,
    pub awaiting_join: Option<Ticket>,
    pub awaiting_sync: Option<Ticket>,
    /// Whether its last join understands `skip_assignment`.
    pub can_skip_assignment: bool,
}

impl Member {
    pub(crate) fn new(request: JoinRequest, ticket: Ticket, now_ms: i64) -> Member {
        let mut member = Member {
            instance_id: request.instance_id.clone(),
            client_id: String::new(),
            client_host: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            expires_at_ms: 0,
            awaiting_join: None,
            awaiting_sync: None,
            can_skip_assignment: false,
        };
        member.update(request, Some(ticket), now_ms);
        member
    }

    /// Takes what a join says.
    pub(crate) fn update(&mut self, request: JoinRequest, ticket: Option<Ticket>, now_ms: i64) {
        self.client_id = request.client_id;
        self.client_host = request.client_host;
        self.session_timeout_ms = request.session_timeout_ms;
        self.rebalance_timeout_ms = request.rebalance_timeout_ms;
        self.protocols = request.protocols;
        self.can_skip_assignment = request.can_skip_assignment;
        self.awaiting_join = ticket;
        self.refresh(now_ms);
    }

    /// Notes a sign of life.
    pub(crate) fn refresh(&mut self, now_ms: i64) {
        self.expires_at_ms = now_ms + i64::from(self.session_timeout_ms);
    }

    /// Whether it waits for an answer of ours, and so cannot send heartbeats.
    pub(crate) fn is_waiting(&self) -> bool {
        self.awaiting_join.is_some() || self.awaiting_sync.is_some()
    }

    pub(crate) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }
}
