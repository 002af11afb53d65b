//! Row checks: one boolean expression per row, all those of a table in one pass.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use tidemill_engine::{EngineError, ScopedSession};
use tidemill_project::{Check, Project};
use tidemill_types::{KafkaColumn, TableName};

use crate::run::refused;
use crate::sample::{SAMPLE_ROWS_MAX, sample_rows};
use crate::{CheckOutcome, MonitorError};

/// Whether a row holds, never null. The expression stands on lines of its own, as it may end in a comment.
pub(crate) fn holds(check: &Check) -> String {
    let verdict = if check.nulls_pass { "is not false" } else { "is true" };
    format!("(({}) {verdict})", check.sql)
}

/// The outcomes of row checks that look at the same table, in their order.
pub(crate) async fn run_row_checks(
    session: &ScopedSession,
    project: &Project,
    on: &TableName,
    checks: &[&Check],
) -> Result<Vec<CheckOutcome>, MonitorError> {
    let counts = match count(session, on, checks).await {
        Ok(counts) => counts,
        // Which of them it was shows when each runs alone.
        Err(error) => {
            for check in checks {
                if let Err(error) = count(session, on, &[check]).await {
                    return Err(refused(check, error));
                }
            }
            return Err(MonitorError::Open(Box::new(error)));
        }
    };
    let Some((rows, broken)) = counts.split_first() else {
        return Ok(Vec::new());
    };
    let mut outcomes = Vec::new();
    for (check, broken) in checks.iter().zip(broken) {
        let sample = if *broken > 0 {
            broken_rows(session, project, on, check).await?
        } else {
            Vec::new()
        };
        outcomes.push(CheckOutcome::of(check, *rows, *broken, sample));
    }
    Ok(outcomes)
}

/// The table's rows, then for each check the rows that break it: one scan for all.
async fn count(session: &ScopedSession, on: &TableName, checks: &[&Check]) -> Result<Vec<u64>, EngineError> {
    let broken = checks.iter().enumerate().map(|(place, check)| {
        let holds = holds(check);
        format!(", count(*) filter (where not {holds}) as broken_{place}")
    });
    let sql = format!("select count(*) as all_rows{} from {on}", broken.collect::<String>());
    let batch = session.query(&sql).await?.concat()?;
    Ok(batch
        .columns()
        .iter()
        .map(|column| column.as_primitive::<Int64Type>().value(0).max(0) as u64)
        .collect())
}

async fn broken_rows(
    session: &ScopedSession,
    project: &Project,
    on: &TableName,
    check: &Check,
) -> Result<Vec<crate::SampleRow>, MonitorError> {
    let holds = holds(check);
    let order = order(project, on);
    let sql = format!("select * from {on} where not {holds} order by {order} limit {SAMPLE_ROWS_MAX}");
    let answer = async { session.query(&sql).await?.concat() };
    let batch = answer.await.map_err(|error| refused(check, error))?;
    sample_rows(&check.name, &batch)
}

/// The same rows are shown each time: streams by their place in Kafka, views by their key.
fn order(project: &Project, on: &TableName) -> String {
    let view = project.views.values().find(|view| view.name.as_str() == on.as_str());
    match view {
        Some(view) => {
            let key = view.key.iter().map(|column| format!("\"{column}\""));
            key.collect::<Vec<_>>().join(", ")
        }
        None => format!("{}, {}", KafkaColumn::Partition.name(), KafkaColumn::Offset.name()),
    }
}
