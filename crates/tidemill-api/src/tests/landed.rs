//! Made-up answers about what has landed: audits and replays.

use tidemill_types::{
    AuditFault, AuditReport, FaultKind, KafkaPartition, NextOffset, OffsetGap, OtherCommit, OtherKind, PartitionAudit,
    StreamName,
};

use super::values::{dead_letter_id, name};
use crate::*;

pub(super) fn replay_report(stream: StreamName, request: &ReplayRequest) -> ReplayReport {
    ReplayReport {
        stream,
        replay: Some(3),
        sent: request.letters.len() as u64,
        repaired: request.letters.iter().filter(|letter| letter.value.is_some()).count() as u64,
        sent_before: u64::from(request.again),
        unsure: vec![dead_letter_id()],
    }
}

pub(super) fn audit_report() -> AuditReport {
    let restore = OtherCommit {
        table: "transactions".to_owned(),
        version: 9,
        kind: OtherKind::Restore,
        operation: Some("RESTORE".to_owned()),
        engine: Some("Apache-Spark/4.0.0".to_owned()),
        restored_to: Some(4),
        rows_added: 0,
        rows_removed: 7,
    };
    AuditReport {
        stream: name("transactions"),
        topic: name("transactions"),
        cluster: Some("c".to_owned()),
        version: Some(9),
        dead_version: Some(2),
        commits: 8,
        partitions: vec![PartitionAudit {
            partition: KafkaPartition(1),
            fence: NextOffset(41),
            rows: 33,
            dead: 1,
            without: 7,
        }],
        gaps: vec![OffsetGap {
            partition: KafkaPartition(1),
            from: 34,
            to: 41,
            tombstones: 0,
            absent: 0,
            lost: 7,
            unseen: 0,
        }],
        gap_count: 1,
        topic_read: true,
        faults: vec![AuditFault {
            kind: FaultKind::Missing,
            table: "transactions".to_owned(),
            rows: 7,
            message: "7 rows of commits 5 to 8 are gone".to_owned(),
            causes: vec![restore.clone()],
        }],
        others: vec![restore],
        notes: Vec::new(),
    }
}
