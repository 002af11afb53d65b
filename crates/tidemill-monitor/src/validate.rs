//! `tidemill validate` for checks.

use arrow::datatypes::DataType;
use tidemill_engine::{Engine, EngineError, Scope};
use tidemill_project::{Check, Fault, Origin, Project};
use tidemill_types::{CheckKind, ErrorCode, Explain};

/// Plans every check: a row check must be boolean, a query check a query. Reads no rows.
pub async fn validate(engine: &Engine, project: &Project) -> Result<Vec<Fault>, EngineError> {
    let session = engine.scope(Scope::default()).await?;
    let mut faults = Vec::new();
    for check in project.checks.values() {
        let sql = match check.kind {
            // The text begins with its header, a comment: what stands before it moves no line.
            CheckKind::Row => format!("select ({}) as holds from {}", check.sql, check.on),
            CheckKind::Query => check.sql.clone(),
        };
        match session.plan(&sql).await {
            // A view that is wrong is told once, by its own file.
            Err(EngineError::View { .. } | EngineError::ViewCycle { .. }) => (),
            Err(error) => faults.push(refusal(check, &error)),
            Ok(schema) if check.kind == CheckKind::Row => {
                let data_type = schema.field(0).data_type();
                if *data_type != DataType::Boolean {
                    faults.push(not_boolean(check, data_type));
                }
            }
            Ok(_) => (),
        }
    }
    Ok(faults)
}

fn refusal(check: &Check, error: &EngineError) -> Fault {
    let problem = error.problem();
    // What is said about the end of the statement around it is said about the check's last line.
    let last_line = check.sql.lines().count().max(1);
    let line = error
        .position()
        .map_or(check.header_lines + 1, |position| position.line as usize);
    Fault {
        code: problem.code,
        message: format!("check `{}`: {}", check.name, problem.message),
        hint: problem.hint,
        origin: Some(Origin::line(&check.file, line.min(last_line))),
    }
}

fn not_boolean(check: &Check, data_type: &DataType) -> Fault {
    Fault {
        code: ErrorCode::InvalidInput,
        message: format!("check `{}` is {data_type}, not true or false", check.name),
        hint: Some("a row check is one boolean expression, as `TX_AMOUNT >= 0`".to_owned()),
        origin: Some(Origin::line(&check.file, check.header_lines + 1)),
    }
}
