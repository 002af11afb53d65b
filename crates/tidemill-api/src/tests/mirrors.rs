//! The document's mirrors of types of the floors below have the same JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidemill_serve::protocol::{InferRequest, RequestedOutput, ServerLive, ServerMetadata, ServerReady};
use tidemill_types::{CheckKind, ErrorCode, MonitorKind, Severity, TimeRange, TriggerKind};

use super::{landed, values};
use crate::schema;

/// Unknown fields are errors in the mirrors under test.
fn check<M: Serialize + DeserializeOwned>(real: &impl Serialize) {
    let json = serde_json::to_value(real).unwrap();
    let mirror: M = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(serde_json::to_value(&mirror).unwrap(), json);
}

#[test]
fn mirrors_have_the_json_of_what_they_mirror() {
    check::<schema::TimeRange>(&TimeRange::ALL);
    check::<schema::AuditReport>(&landed::audit_report());
    check::<schema::Lineage>(&values::lineage());
    check::<schema::GateVerdict>(&values::gate());
    check::<schema::Problem>(&values::absent("x"));
    for kind in [CheckKind::Row, CheckKind::Query] {
        check::<schema::CheckKind>(&kind);
    }
    for severity in [Severity::Warn, Severity::Quarantine, Severity::Fail] {
        check::<schema::Severity>(&severity);
    }
    for kind in [MonitorKind::Drift, MonitorKind::Performance] {
        check::<schema::MonitorKind>(&kind);
    }
    for kind in [
        TriggerKind::Drift,
        TriggerKind::Performance,
        TriggerKind::Data,
        TriggerKind::Schedule,
        TriggerKind::Manual,
    ] {
        check::<schema::TriggerKind>(&kind);
    }
    for code in [
        ErrorCode::InvalidInput,
        ErrorCode::NotFound,
        ErrorCode::Conflict,
        ErrorCode::NotReady,
        ErrorCode::LimitReached,
        ErrorCode::TimedOut,
        ErrorCode::Refused,
        ErrorCode::Unavailable,
        ErrorCode::Corrupt,
        ErrorCode::Internal,
    ] {
        check::<schema::ErrorCode>(&code);
    }
    check::<schema::ModelMetadata>(&values::metadata("fraud"));
    check::<schema::InferResponse>(&values::infer_response("fraud", Some("7".to_owned()), 2));
    let mut request = InferRequest::from_columns([("x".to_owned(), vec![1.0])]);
    request.id = Some("7".to_owned());
    request.outputs.push(RequestedOutput {
        name: "probability".to_owned(),
        parameters: serde_json::Map::new(),
    });
    check::<schema::InferRequest>(&request);
    check::<schema::ServerLive>(&ServerLive { live: true });
    check::<schema::ServerReady>(&ServerReady {
        live: true,
        ready: false,
    });
    check::<schema::ServerMetadata>(&ServerMetadata {
        name: "tidemill".to_owned(),
        version: "0.1.0".to_owned(),
        extensions: Vec::new(),
    });
}
