//! Which column may be what: decided by values first, by names among equals.

use tidemill_project::{ColumnProposal, FieldType};

use super::InferredColumn;

/// How much a column's name says for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// It is called so.
    Called,
    /// Nothing.
    Unsaid,
}

/// Endings of columns that identify something.
const ID_ENDINGS: [&str; 7] = ["_id", "_key", "_no", "_nr", "_code", "uuid", "_number"];
/// Parts of names of what is predicted.
const LABEL_PARTS: [&str; 7] = ["label", "target", "fraud", "churn", "outcome", "default", "class"];
/// A value of an entity occurs at least so often, on average.
const ENTITY_REPEATS_MIN: u64 = 2;

/// Candidates, the best first.
pub(super) struct Roles {
    pub key: Vec<ColumnProposal>,
    pub event_time: Vec<ColumnProposal>,
    pub entity: Vec<ColumnProposal>,
    pub label: Vec<ColumnProposal>,
}

pub(super) fn find(columns: &[InferredColumn], rows: u64) -> Roles {
    Roles {
        key: keys(columns, rows),
        event_time: event_times(columns, rows),
        entity: entities(columns, rows),
        label: labels(columns),
    }
}

fn lower(column: &InferredColumn) -> String {
    column.field.name.as_str().to_ascii_lowercase()
}

fn id_likeness(column: &InferredColumn) -> Likeness {
    let name = lower(column);
    // `customerId` and `customerID`, but not `PAID`.
    let camel = |ending: &str| {
        let before = column.field.name.as_str().strip_suffix(ending);
        before.is_some_and(|before| before.ends_with(|c: char| c.is_ascii_lowercase()))
    };
    let ends_so = ID_ENDINGS.iter().any(|ending| name.ends_with(ending));
    if name == "id" || ends_so || camel("Id") || camel("ID") {
        Likeness::Called
    } else {
        Likeness::Unsaid
    }
}

/// Distinct in every row; by name, then as they stand. A time that is distinct by chance comes last.
fn keys(columns: &[InferredColumn], rows: u64) -> Vec<ColumnProposal> {
    let mut keys: Vec<_> = columns
        .iter()
        .filter(|column| column.nulls == 0 && column.distinct == rows && column.field.kind.fits_key())
        .collect();
    keys.sort_by_key(|column| (column.field.kind.is_time(), id_likeness(column)));
    propose(keys, |column| {
        format!("{} distinct values in {rows} rows", column.distinct)
    })
}

/// Times without nulls; those that go back least often first.
fn event_times(columns: &[InferredColumn], rows: u64) -> Vec<ColumnProposal> {
    let mut times: Vec<_> = columns
        .iter()
        .filter(|column| column.nulls == 0 && column.field.kind.is_time())
        .collect();
    times.sort_by_key(|column| column.steps_back);
    propose(times, |column| match column.steps_back {
        Some(0) => format!("a time that never goes back in {rows} rows"),
        steps => format!("a time that goes back {} times in {rows} rows", steps.unwrap_or(0)),
    })
}

/// Ids and texts that repeat.
fn entities(columns: &[InferredColumn], rows: u64) -> Vec<ColumnProposal> {
    let repeats = |column: &&InferredColumn| {
        let kind = &column.field.kind;
        let id = matches!(kind, FieldType::Int | FieldType::Long) && id_likeness(column) == Likeness::Called;
        let text = matches!(kind, FieldType::String);
        let often = column.distinct > 1 && rows / column.distinct.max(1) >= ENTITY_REPEATS_MIN;
        (id || text) && often && column.nulls == 0
    };
    let mut entities: Vec<_> = columns.iter().filter(repeats).collect();
    entities.sort_by_key(|column| id_likeness(column));
    propose(entities, |column| {
        format!("{} distinct values in {rows} rows", column.distinct)
    })
}

/// Columns that are called so, then those that are 0 or 1; of both the last first, as people put labels last.
fn labels(columns: &[InferredColumn]) -> Vec<ColumnProposal> {
    let called = |column: &InferredColumn| {
        let name = lower(column);
        if LABEL_PARTS.iter().any(|part| name.contains(part)) || name == "y" {
            Likeness::Called
        } else {
            Likeness::Unsaid
        }
    };
    let mut labels: Vec<_> = columns
        .iter()
        .rev()
        .filter(|column| column.zero_or_one && column.distinct == 2 && column.field.kind.fits_label())
        .collect();
    labels.sort_by_key(|column| called(column));
    propose(labels, |_| "0 or 1 in every row".into())
}

fn propose(columns: Vec<&InferredColumn>, reason: impl Fn(&InferredColumn) -> String) -> Vec<ColumnProposal> {
    let proposals = columns.into_iter().map(|column| ColumnProposal {
        column: column.field.name.clone(),
        reason: reason(column),
    });
    proposals.collect()
}
