//! What goes into a group and what comes out.

use bytes::Bytes;
use kafka_protocol::ResponseError;

/// Names a request that waits for its answer.
pub(crate) type Ticket = u64;

/// What a client asks when it joins.
#[derive(Debug, Clone)]
pub(crate) struct JoinRequest {
    /// Empty for a client that is new.
    pub member_id: String,
    pub instance_id: Option<String>,
    /// The id it gets if it is new.
    pub new_member_id: String,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    pub protocols: Vec<(String, Bytes)>,
    /// A client that is new gets an id first and joins with it (JoinGroup 4 and up).
    pub requires_member_id: bool,
    /// It understands `skip_assignment` (JoinGroup 9).
    pub can_skip_assignment: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JoinOutcome {
    Joined {
        generation: i32,
        protocol_type: String,
        protocol: String,
        leader: String,
        member_id: String,
        /// For the leader only.
        members: Vec<JoinedMember>,
        skip_assignment: bool,
    },
    Failed {
        error: ResponseError,
        member_id: String,
    },
}

/// What a client asks when it has joined.
#[derive(Debug, Clone)]
pub(crate) struct SyncRequest {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    /// By member, from the leader only.
    pub assignments: Vec<(String, Bytes)>,
}

/// A member's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub protocol_type: String,
    pub protocol: String,
    pub assignment: Bytes,
}

/// The answer to a sync.
pub(crate) type SyncOutcome = Result<Synced, ResponseError>;

/// An answer to a request that waited, or just came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Join(Ticket, JoinOutcome),
    Sync(Ticket, SyncOutcome),
}

/// Who commits offsets.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub generation: i32,
}

/// What the leader is told of each member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub metadata: Bytes,
}
