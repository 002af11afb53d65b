//! DescribeCluster and FindCoordinator: this broker is all there is.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest, FindCoordinatorResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::text;
use crate::node::{NODE_ID, Node, Peer};

/// The first version that asks for several coordinators.
const VERSION_WITH_KEYS: i16 = 4;
const BROKERS: i8 = 1;
const NO_OPERATIONS: i32 = i32::MIN;

/// Answers what the cluster is made of.
pub(super) fn describe_cluster(node: &Node, peer: &Peer, request: &DescribeClusterRequest) -> DescribeClusterResponse {
    let response = DescribeClusterResponse::default()
        .with_endpoint_type(BROKERS)
        .with_cluster_id(text(node.cluster_id.clone()))
        .with_controller_id(BrokerId(NODE_ID))
        .with_cluster_authorized_operations(NO_OPERATIONS);
    if request.endpoint_type != BROKERS {
        return response
            .with_error_code(ResponseError::MismatchedEndpointType.code())
            .with_error_message(Some(text("this is a broker, not a controller")));
    }
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(NODE_ID))
        .with_host(text(peer.advertised_host.clone()))
        .with_port(i32::from(peer.port));
    response.with_brokers(vec![broker])
}

/// What a coordinator is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coordinated {
    Group,
    Transaction,
    Unknown,
}

/// Answers who coordinates a group: we do. Nobody coordinates transactions; the error is one that clients give up on at once.
pub(super) fn find_coordinator(peer: &Peer, version: i16, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let kind = match request.key_type {
        0 => Coordinated::Group,
        1 => Coordinated::Transaction,
        _ => Coordinated::Unknown,
    };
    let find = |key: StrBytes| find_one(peer, kind, key);
    if VERSION_WITH_KEYS <= version {
        let coordinators = request.coordinator_keys.into_iter().map(find).collect();
        return FindCoordinatorResponse::default().with_coordinators(coordinators);
    }
    let one = find(request.key);
    FindCoordinatorResponse::default()
        .with_error_code(one.error_code)
        .with_error_message(one.error_message)
        .with_node_id(one.node_id)
        .with_host(one.host)
        .with_port(one.port)
}

fn find_one(peer: &Peer, kind: Coordinated, key: StrBytes) -> Coordinator {
    let fault = match kind {
        Coordinated::Group => {
            return Coordinator::default()
                .with_key(key)
                .with_node_id(BrokerId(NODE_ID))
                .with_host(text(peer.advertised_host.clone()))
                .with_port(i32::from(peer.port));
        }
        Coordinated::Transaction => (
            ResponseError::TransactionalIdAuthorizationFailed,
            "this broker has no transactions",
        ),
        Coordinated::Unknown => (
            ResponseError::InvalidRequest,
            "this broker coordinates consumer groups only",
        ),
    };
    Coordinator::default()
        .with_key(key)
        .with_node_id(BrokerId(-1))
        .with_port(-1)
        .with_error_code(fault.0.code())
        .with_error_message(Some(text(fault.1)))
}
