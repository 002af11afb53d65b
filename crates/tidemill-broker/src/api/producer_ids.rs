//! InitProducerId: an id for an idempotent producer, never given twice.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};
use tracing::error;

use crate::node::{Node, blocking};

/// Gives an id with epoch 0, or refuses a transactional producer.
pub(super) async fn init_producer_id(node: &Arc<Node>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let giving = Arc::clone(node);
    let given = match request.transactional_id {
        Some(_) => Err(ResponseError::TransactionalIdAuthorizationFailed),
        None => {
            blocking(move || {
                giving.home.new_producer_id().map_err(|cause| {
                    error!(
                        error = &cause as &dyn std::error::Error,
                        "failed to set producer ids aside: {cause}"
                    );
                    ResponseError::KafkaStorageError
                })
            })
            .await
        }
    };
    match given {
        Ok(id) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(0),
        Err(error) => InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}
