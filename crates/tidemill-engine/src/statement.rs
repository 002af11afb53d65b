//! An SQL text as exactly one statement.

use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::dialect_from_str;

use crate::EngineError;
use crate::explain::explain;

/// Parses `sql`, which may end with a semicolon.
pub(crate) fn one_statement(state: &SessionState, sql: &str) -> Result<Statement, EngineError> {
    let options = &state.config_options().sql_parser;
    let dialect = dialect_from_str(options.dialect).ok_or_else(|| EngineError::Internal {
        message: format!("there is no SQL dialect {}", options.dialect),
    })?;
    let parser = DFParserBuilder::new(sql)
        .with_dialect(dialect.as_ref())
        .with_recursion_limit(options.recursion_limit.get())
        .build();
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| explain(error, sql))?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => Err(EngineError::StatementCount { found: 0 }),
        (Some(_), others) => Err(EngineError::StatementCount { found: others + 1 }),
    }
}
