//! ApiVersions: what the broker knows.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::ApiVersion;

use crate::net::frame::{UnencodableResponse, write_response};
use crate::net::versions::SUPPORTED;

/// All requests with their versions.
pub(crate) fn api_versions() -> ApiVersionsResponse {
    let describe = |api: &crate::net::versions::Supported| {
        ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(api.min)
            .with_max_version(api.max)
    };
    ApiVersionsResponse::default().with_api_keys(SUPPORTED.iter().map(describe).collect())
}

/// The answer to a version of ApiVersions itself that is not known: in version 0, which every client reads, with the
/// versions that it may ask for.
pub(crate) fn unsupported(correlation_id: i32) -> Result<Bytes, UnencodableResponse> {
    let response = api_versions().with_error_code(ResponseError::UnsupportedVersion.code());
    write_response(correlation_id, 0, &response)
}
