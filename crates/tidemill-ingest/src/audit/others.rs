//! What commits of other writers did, told from their log entries.

use serde_json::Value;
use tidemill_lake::HistoryStep;
use tidemill_types::{OtherCommit, OtherKind};

/// What a commit that tidemill did not make has done.
pub(crate) fn judge(table: &str, step: &HistoryStep) -> OtherCommit {
    let (added, removed) = (step.added, step.removed);
    let operation = step.record.operation.clone().unwrap_or_default().to_ascii_uppercase();
    let kind = if step.is_restore() {
        OtherKind::Restore
    } else if added.files == 0 && removed.files == 0 {
        OtherKind::Other
    } else if !step.changes_rows {
        OtherKind::Optimize
    } else if operation == "DELETE" || added.files == 0 {
        OtherKind::Delete
    } else if removed.files == 0 {
        OtherKind::Append
    } else {
        OtherKind::Rewrite
    };
    OtherCommit {
        table: table.to_owned(),
        version: step.record.version,
        kind,
        operation: step.record.operation.clone(),
        engine: step.record.engine.clone(),
        restored_to: (kind == OtherKind::Restore)
            .then(|| whole(step.parameters.get("version")))
            .flatten(),
        rows_added: added.rows,
        rows_removed: removed.rows,
    }
}

/// Writers put numbers there as numbers or as text.
fn whole(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim_matches('"').parse().ok(),
        _ => None,
    }
}

/// Whether a commit of another writer can have taken rows of the commit at `version`.
pub(crate) fn can_have_taken(other: &OtherCommit, table: &str, version: i64) -> bool {
    let later = other.table == table && other.version > version;
    let takes = match other.kind {
        OtherKind::Restore => other.restored_to.is_none_or(|to| version > to),
        OtherKind::Delete | OtherKind::Rewrite => true,
        OtherKind::Optimize | OtherKind::Append | OtherKind::Other => false,
    };
    later && takes
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidemill_lake::{CommitRecord, FileSum};

    use super::*;

    fn step(operation: &str, added: u64, removed: u64, changes_rows: bool) -> HistoryStep {
        let files = |rows| FileSum {
            files: u64::from(rows > 0),
            rows,
        };
        HistoryStep {
            record: CommitRecord {
                version: 9,
                timestamp: None,
                operation: Some(operation.into()),
                engine: Some("Apache-Spark/4.0.0".into()),
                info: None,
            },
            parameters: json!({ "version": "4" }).as_object().unwrap().clone(),
            fences: Vec::new(),
            added: files(added),
            removed: files(removed),
            changes_rows,
        }
    }

    #[test]
    fn restore_delete_and_optimize_are_told_apart() {
        for (step, kind, takes) in [
            (step("RESTORE", 0, 5, true), OtherKind::Restore, true),
            (step("DELETE", 4, 5, true), OtherKind::Delete, true),
            (step("DELETE", 0, 5, true), OtherKind::Delete, true),
            (step("OPTIMIZE", 5, 5, false), OtherKind::Optimize, false),
            (step("UPDATE", 5, 5, true), OtherKind::Rewrite, true),
            (step("WRITE", 5, 5, true), OtherKind::Rewrite, true),
            (step("WRITE", 5, 0, true), OtherKind::Append, false),
            (step("VACUUM END", 0, 0, false), OtherKind::Other, false),
        ] {
            let told = judge("t", &step);
            assert_eq!((told.kind, can_have_taken(&told, "t", 5)), (kind, takes), "{told:?}");
            assert!(!can_have_taken(&told, "t", 9) && !can_have_taken(&told, "u", 5));
        }
        let restore = judge("t", &step("RESTORE", 0, 5, true));
        assert_eq!(restore.restored_to, Some(4));
        assert!(!can_have_taken(&restore, "t", 4), "what it was set to is still there");
    }
}
