//! `tidemill validate` for checks, monitors and triggers.

use std::path::Path;

use arrow::datatypes::{DataType, SchemaRef};
use tidemill_engine::{Engine, EngineError, Parameter, Scope, ScopedSession};
use tidemill_project::{Check, Fault, Origin, Project};
use tidemill_types::{CheckKind, ErrorCode, Explain, Micros, MonitorKind};

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
            Err(error) => faults.push(refusal(
                &format!("check `{}`", check.name),
                &check.sql,
                &check.file,
                check.header_lines,
                &error,
            )),
            Ok(schema) if check.kind == CheckKind::Row => {
                let data_type = schema.field(0).data_type();
                if *data_type != DataType::Boolean {
                    faults.push(not_boolean(check, data_type));
                }
            }
            Ok(_) => (),
        }
    }
    faults.extend(validate_monitoring(engine, project).await?);
    Ok(faults)
}

/// Plans every monitor and trigger, with the parameters that they will have.
async fn validate_monitoring(engine: &Engine, project: &Project) -> Result<Vec<Fault>, EngineError> {
    let epoch = Micros(0);
    let parameters =
        ["from", "to", "now", "trained_to", "last_fired"].map(|name| (name.to_owned(), Parameter::Time(epoch)));
    let mut scope = Scope {
        parameters: parameters.into(),
        ..Scope::default()
    };
    for name in ["champion", "version"] {
        scope.parameters.insert(name.to_owned(), Parameter::Integer(0));
    }
    let session = engine.scope(scope).await?;
    let mut faults = Vec::new();
    for monitor in project.monitors.values() {
        let statement = Statement {
            what: format!("monitor `{}`", monitor.name),
            sql: &monitor.sql,
            file: &monitor.file,
            header_lines: monitor.header_lines,
        };
        let Some(schema) = statement.plan(&session, &mut faults).await else {
            continue;
        };
        let needed: &[&str] = match monitor.kind {
            MonitorKind::Drift => &[],
            MonitorKind::Performance => &["score", "label"],
        };
        for column in needed.iter().filter(|column| schema.field_with_name(column).is_err()) {
            faults.push(Fault {
                code: ErrorCode::InvalidInput,
                message: format!("monitor `{}` gives no column `{column}`", monitor.name),
                hint: Some("a performance monitor gives `score` and `label`".to_owned()),
                origin: Some(Origin::line(&monitor.file, monitor.header_lines + 1)),
            });
        }
    }
    for trigger in project.triggers.values() {
        let statement = Statement {
            what: format!("trigger `{}`", trigger.name),
            sql: &trigger.sql,
            file: &trigger.file,
            header_lines: trigger.header_lines,
        };
        statement.plan(&session, &mut faults).await;
    }
    Ok(faults)
}

/// A statement of a file.
struct Statement<'a> {
    what: String,
    sql: &'a str,
    file: &'a Path,
    header_lines: usize,
}

impl Statement<'_> {
    async fn plan(&self, session: &ScopedSession, faults: &mut Vec<Fault>) -> Option<SchemaRef> {
        match session.plan(self.sql).await {
            Ok(schema) => Some(schema),
            // A view that is wrong is told once, by its own file.
            Err(EngineError::View { .. } | EngineError::ViewCycle { .. }) => None,
            Err(error) => {
                faults.push(refusal(&self.what, self.sql, self.file, self.header_lines, &error));
                None
            }
        }
    }
}

fn refusal(what: &str, sql: &str, file: &Path, header_lines: usize, error: &EngineError) -> Fault {
    let problem = error.problem();
    // What is said about the end of the statement around it is said about its last line.
    let last_line = sql.lines().count().max(1);
    let line = error
        .position()
        .map_or(header_lines + 1, |position| position.line as usize);
    Fault {
        code: problem.code,
        message: format!("{what}: {}", problem.message),
        hint: problem.hint,
        origin: Some(Origin::line(file, line.min(last_line))),
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
