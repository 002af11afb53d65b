//! The prompt of `tidemill sql`: a line is read, answered and forgotten; an error ends nothing.
//!
//! The project is held only while a statement runs, so that a server can start and stop beside a prompt that waits.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Editor, Helper};
use tidemill_api::{SqlAnswer, SqlRequest, TableDescription, TableKind};
use tidemill_types::{ErrorCode, Problem};

use super::completion::{Words, complete};
use super::language::{COMMANDS, Command, Entry, FORMATS, read};
use super::{Showing, show};
use crate::cli::args::{SqlArgs, SqlFormat};
use crate::cli::context::Context;
use crate::cli::failure::{Failure, line};
use crate::render::{Table, count, counted, print_problem};

/// The history's name in the state folder.
const HISTORY_FILE: &str = "sql_history";
/// Most statements that the history keeps.
const HISTORY_ENTRIES_MAX: usize = 1_000;
/// Most rows that are printed, unless `--rows` says otherwise: nobody reads more in a terminal.
const ROWS_SHOWN: usize = 1_000;

/// What stands before the first line.
const PROMPT: &str = "tidemill> ";

/// Asks and answers until Ctrl-D or `\q`.
pub async fn run(context: &Context, args: &SqlArgs) -> Result<(), Failure> {
    let mut showing = Showing {
        format: match args.format {
            Some(SqlFormat::Arrow) => {
                let what = "an Arrow stream is no answer for a terminal";
                let problem = Problem::new(ErrorCode::InvalidInput, what);
                return Err(problem
                    .with_hint("give the query, and send the output to a file")
                    .into());
            }
            Some(format) => format,
            None if context.global.json => SqlFormat::Json,
            None => SqlFormat::Table,
        },
        rows: Some(args.rows.unwrap_or(ROWS_SHOWN)),
        expanded: false,
        timing: true,
        at_prompt: true,
    };
    let words = words_of(&tables(context).await?);
    let (mut editor, history) = editor(context, words)?;
    if !context.global.quiet {
        line("SQL over every table, read only. \\d lists them, \\? helps, Ctrl-D ends.")?;
    }
    loop {
        let typed = match tokio::task::block_in_place(|| editor.readline(PROMPT)) {
            Ok(typed) => typed,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(unreadable(&error).into()),
        };
        let entry = match read(&typed) {
            Ok(entry) => entry,
            Err(problem) => {
                remember(&mut editor, &history, &typed);
                print_problem(&problem, false);
                continue;
            }
        };
        if entry != Entry::Nothing {
            remember(&mut editor, &history, &typed);
        }
        let done = match entry {
            Entry::Nothing | Entry::Unfinished => Ok(()),
            Entry::Command(Command::Quit) => return Ok(()),
            Entry::Command(command) => obey(context, command, &mut showing, &mut editor).await,
            Entry::Statements(statements) => answer(context, args, statements, showing).await,
        };
        if let Err(failure) = done {
            failure.report(false);
        }
    }
}

/// Answers one statement after the other; the first that fails is the last.
async fn answer(context: &Context, args: &SqlArgs, statements: Vec<String>, showing: Showing) -> Result<(), Failure> {
    for query in statements {
        let request = SqlRequest {
            query,
            rows_max: showing.rows,
            timeout: args.timeout,
        };
        let answered = tokio::select! {
            answered = ask(context, request) => answered?,
            // What asks is dropped, and with it the query.
            heard = tokio::signal::ctrl_c() => {
                let stopped = heard.map_or("no signals can be heard; stopped", |()| "stopped");
                return line(stopped);
            }
        };
        show(&answered, showing)?;
    }
    Ok(())
}

async fn ask(context: &Context, request: SqlRequest) -> Result<SqlAnswer, Failure> {
    let reached = context.reach("sql").await?;
    let answered = reached.operations().sql(request).await;
    reached.close().await?;
    Ok(answered?)
}

async fn tables(context: &Context) -> Result<Vec<TableDescription>, Failure> {
    let reached = context.reach("sql").await?;
    let tables = reached.operations().tables().await;
    reached.close().await?;
    Ok(tables?)
}

async fn obey(
    context: &Context,
    command: Command,
    showing: &mut Showing,
    editor: &mut PromptEditor,
) -> Result<(), Failure> {
    let switched = |on: bool| if on { "on" } else { "off" };
    match command {
        Command::Tables | Command::Columns(_) => {
            let tables = tables(context).await?;
            // What is new since the prompt began completes from now on.
            if let Some(helper) = editor.helper_mut() {
                helper.words = words_of(&tables);
            }
            match command {
                Command::Columns(name) => describe(&tables, &name),
                _ => list(&tables),
            }
        }
        Command::Expanded(to) => {
            showing.expanded = to.unwrap_or(!showing.expanded);
            line(format!("one column per line: {}", switched(showing.expanded)))
        }
        Command::Timing(to) => {
            showing.timing = to.unwrap_or(!showing.timing);
            line(format!("timing: {}", switched(showing.timing)))
        }
        Command::Format(to) => {
            showing.format = to.unwrap_or(showing.format);
            let names = FORMATS.iter().filter(|(_, format)| *format == showing.format);
            line(format!("format: {}", names.map(|(name, _)| *name).collect::<String>()))
        }
        Command::Help => {
            line("A statement ends with `;` and may have several lines. Tab completes, ↑ brings back.")?;
            for (name, argument, what) in COMMANDS {
                let used = format!("{name} {argument}");
                line(format!("  {used:<32}{what}"))?;
            }
            Ok(())
        }
        Command::Quit => Ok(()),
    }
}

fn list(tables: &[TableDescription]) -> Result<(), Failure> {
    let mut shown = Table::new(["table", "kind", "columns", "rows"]);
    for table in tables {
        shown.row([
            table.name.to_string(),
            kind(table.kind).to_owned(),
            table.columns.len().to_string(),
            table.rows.map(count).unwrap_or_default(),
        ]);
    }
    line(shown.to_string())?;
    line(format!("{}; \\d TABLE tells more", counted(tables.len(), "table")))
}

fn describe(tables: &[TableDescription], name: &str) -> Result<(), Failure> {
    let Some(table) = tables.iter().find(|table| table.name.as_str() == name) else {
        let problem = Problem::new(ErrorCode::NotFound, format!("there is no table `{name}`"));
        let names = tables.iter().map(|table| table.name.as_str());
        let hint = match tidemill_engine::nearest(name, names) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "\\d lists the tables".to_owned(),
        };
        return Err(problem.with_hint(hint).into());
    };
    let mut shown = Table::new(["column", "type", "null"]);
    for column in &table.columns {
        let null = if column.nullable { "yes" } else { "" };
        shown.row([column.name.as_str(), &column.data_type, null]);
    }
    let comment = table.comment.as_deref().unwrap_or_default();
    let after = if comment.is_empty() { "" } else { ": " };
    line(format!("{} ({}){after}{comment}", table.name, kind(table.kind)))?;
    line(shown.to_string())
}

fn kind(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Stream => "stream",
        TableKind::DeadLetters => "dead letters",
        TableKind::FeatureView => "feature view",
        TableKind::Monitoring => "monitoring",
        TableKind::Lake => "lake",
        TableKind::Registry => "registry",
    }
}

fn words_of(tables: &[TableDescription]) -> Words {
    let columns = |table: &TableDescription| table.columns.iter().map(|column| column.name.clone()).collect();
    Words {
        tables: tables
            .iter()
            .map(|table| (table.name.to_string(), columns(table)))
            .collect(),
    }
}

type PromptEditor = Editor<Prompt, FileHistory>;

/// The line editor with the history of the project's prompts.
fn editor(context: &Context, words: Words) -> Result<(PromptEditor, PathBuf), Failure> {
    let config = Config::builder()
        .max_history_size(HISTORY_ENTRIES_MAX)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(|error| unreadable(&error))?
        .completion_type(CompletionType::List)
        .build();
    let mut editor = Editor::with_config(config).map_err(|error| unreadable(&error))?;
    editor.set_helper(Some(Prompt { words }));
    let history = context.project()?.state_dir().join(HISTORY_FILE);
    // A first prompt has no history, and one that cannot be read is no reason not to answer.
    let _ = editor.load_history(&history);
    Ok((editor, history))
}

/// What was typed comes back with ↑, in the next prompt too.
fn remember(editor: &mut PromptEditor, history: &PathBuf, typed: &str) {
    let added = editor.add_history_entry(typed.trim());
    if let Err(error) = added.and_then(|_| editor.append_history(history)) {
        tracing::debug!(%error, "the history of the prompt was not kept");
    }
}

fn unreadable(error: &ReadlineError) -> Problem {
    Problem::new(ErrorCode::Unavailable, format!("the terminal cannot be read: {error}"))
}

/// What the line editor asks while somebody types.
struct Prompt {
    words: Words,
}

impl Helper for Prompt {}
impl Highlighter for Prompt {}
impl Hinter for Prompt {
    type Hint = String;
}

impl Completer for Prompt {
    type Candidate = String;

    fn complete(
        &self,
        typed: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.words, typed, position))
    }
}

impl Validator for Prompt {
    /// Enter in the middle of a statement begins its next line.
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match read(typed.input()) {
            Ok(Entry::Unfinished) => ValidationResult::Incomplete,
            _ => ValidationResult::Valid(None),
        })
    }
}
