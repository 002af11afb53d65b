//! A project proposed from data: one stream, its schema, its times, a feature view and checks that hold for the data seen.
//!
//! What the data says is found out elsewhere and comes as a [`StreamProposal`]; here it becomes files.

use std::path::PathBuf;

use tidemill_types::{ColumnName, EntityName, StreamName};

use crate::schema::{FieldType, StreamSchema};

/// A stream as it was read out of data, with what each role's columns may be, the best first.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamProposal {
    /// The stream's name.
    pub stream: StreamName,
    /// What the data is, in words for comments: a file's name or a topic.
    pub source: String,
    /// Its columns.
    pub schema: StreamSchema,
    /// Columns whose values are distinct and not null. The first becomes the key.
    pub key: Vec<ColumnProposal>,
    /// Columns that hold times. The first becomes the event time.
    pub event_time: Vec<ColumnProposal>,
    /// Columns that repeat: what the rows are about. The first becomes the entity and decides the Kafka partition.
    pub entity: Vec<ColumnProposal>,
}

/// A column for a role, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnProposal {
    /// The column.
    pub column: ColumnName,
    /// Why, in words: `20,000 distinct values in 20,000 rows`.
    pub reason: String,
}

impl StreamProposal {
    /// The project's files and their texts, paths relative to it.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        let stream = &self.stream;
        let mut files = vec![
            (PathBuf::from("tidemill.toml"), self.settings()),
            (PathBuf::from(format!("schemas/{stream}.avsc")), self.schema.to_avsc()),
        ];
        if let Some(view) = self.view() {
            files.push((PathBuf::from(format!("sql/features/{}.sql", self.view_name())), view));
        }
        files.extend(self.checks());
        files
    }

    fn settings(&self) -> String {
        let stream = &self.stream;
        let mut text = format!(
            "# Proposed from {}. Every setting has a default; docs/settings.md lists them all, `tidemill config` shows what\n\
             # holds and why, `tidemill validate` checks this folder.\n\n\
             name = \"{stream}\"\n\n\
             # A Kafka topic that lands in a table of the same name. Its columns stand in schemas/{stream}.avsc.\n\
             [streams.{stream}]\n",
            one_line(&self.source)
        );
        text.push_str(&role(
            "key",
            &self.key,
            |column| format!("[\"{column}\"]"),
            "what identifies a row",
        ));
        let event_time = role(
            "event_time",
            &self.event_time,
            |column| format!("\"{column}\""),
            "when it happened",
        );
        text.push_str(&event_time);
        let partition_by = role(
            "partition_by",
            &self.entity,
            |column| format!("\"{column}\""),
            "what keeps its order",
        );
        text.push_str(&partition_by);
        let label = self.schema.fields.iter().find(|field| field.kind.fits_label());
        let (label, view) = (label.map_or("LABEL", |field| field.name.as_str()), self.view_name());
        text.push_str(&format!(
            "\n\
             # A model learns a label from feature views. Labels come as a stream of their own, when they are known:\n\
             # `tidemill replay FILE --stream {stream} --also labels=KEY,LABEL@7d` splits them off.\n\
             #\n\
             # [streams.labels]\n\
             # key = [\"{key}\"]\n\
             #\n\
             # [models.{stream}]\n\
             # stream = \"{stream}\"\n\
             # label = \"labels.{label}\"\n\
             # views = [\"{view}\"]\n",
            key = self.key.first().map_or("KEY", |proposal| proposal.column.as_str()),
        ));
        text
    }

    /// `<entity>_history`, or `<stream>_rows` where no entity was found.
    fn view_name(&self) -> String {
        match self.entity_name() {
            Some(entity) => cut(&format!("{entity}_history")),
            None => cut(&format!("{}_rows", self.stream)),
        }
    }

    /// The entity column's name without what says that it is an id: `CUSTOMER_ID` is the column of a customer.
    fn entity_name(&self) -> Option<EntityName> {
        let column = self.entity.first()?.column.as_str().to_ascii_lowercase();
        let bare = ["_id", "_key", "_no", "_nr", "id"]
            .iter()
            .find_map(|ending| column.strip_suffix(ending));
        let name = bare.filter(|name| !name.is_empty()).unwrap_or(&column);
        EntityName::new(name.trim_end_matches('_')).ok()
    }

    /// A view needs rows that can be found again and that happened at a time.
    fn view(&self) -> Option<String> {
        let key = &self.key.first()?.column;
        let time = &self.event_time.first()?.column;
        let (stream, name) = (&self.stream, self.view_name());
        let numbers = || {
            let roles = [
                Some(key),
                Some(time),
                self.entity.first().map(|proposal| &proposal.column),
            ];
            let fields = self.schema.fields.iter();
            fields.filter(move |field| {
                let number = matches!(
                    field.kind,
                    FieldType::Int | FieldType::Long | FieldType::Float | FieldType::Double
                );
                number && !roles.contains(&Some(&field.name))
            })
        };
        let Some((entity, entity_name)) = self.entity.first().zip(self.entity_name()) else {
            let columns: String = numbers().map(|field| format!(",\n    {}", field.name)).collect();
            return Some(format!(
                "-- feature view: {name}\n-- entity: row\n-- key: {key}\n-- event time: {time}\n-- lookback: 0s\n--\n\
                 -- What each row itself tells.\n\n\
                 select\n    {key},\n    {time}{columns}\nfrom {stream}\n"
            ));
        };
        let entity = &entity.column;
        let mean = numbers().next().map_or_else(String::new, |field| {
            format!(
                ",\n    avg({column}) over last_7_days as mean_{lower}_7_days",
                column = field.name,
                lower = field.name.as_str().to_ascii_lowercase()
            )
        });
        let mean_column = numbers()
            .next()
            .map_or_else(String::new, |field| format!(",\n        {}", field.name));
        Some(format!(
            "-- feature view: {name}\n-- entity: {entity_name}\n-- key: {key}\n-- event time: {time}\n-- lookback: 7d\n--\n\
             -- What the {entity_name} did in the last 7 days, this row included.\n\n\
             with\n\
             -- In whole seconds the open start of the window can be said exactly: 7 days are 604800 seconds.\n\
             events as (\n    select\n        {key},\n        {time},\n        {entity}{mean_column},\n        \
             cast(floor(extract(epoch from {time})) as bigint) as at_second\n    from {stream}\n)\n\n\
             select\n    {key},\n    {time},\n    count(*) over last_7_days as count_7_days{mean}\n\
             from events\nwindow\n    last_7_days as (\n        \
             partition by {entity} order by at_second range between 604799 preceding and current row\n    )\n"
        ))
    }

    /// Checks that hold for the data the proposal was made from.
    fn checks(&self) -> Vec<(PathBuf, String)> {
        let stream = &self.stream;
        let mut checks = Vec::new();
        if let Some(key) = self.key.first().map(|proposal| &proposal.column) {
            let name = cut(&format!("{stream}_once"));
            let text = format!(
                "-- check: {name}\n-- kind: query\n-- on: {stream}\n-- severity: fail\n--\n\
                 -- A row comes once; twice, it would count twice in every feature.\n\n\
                 select\n    {key},\n    count(*) as times\nfrom {stream}\ngroup by {key}\nhaving count(*) > 1\n"
            );
            checks.push((PathBuf::from(format!("sql/checks/{name}.sql")), text));
        }
        if let Some(time) = self.event_time.first().map(|proposal| &proposal.column) {
            let name = cut(&format!("{stream}_known_after_event"));
            let text = format!(
                "-- check: {name}\n-- kind: row\n-- on: {stream}\n-- severity: warn\n--\n\
                 -- Nothing is known before it happens. Kafka counts in milliseconds.\n\n\
                 _tm_kafka_time >= date_trunc('millisecond', {time})\n"
            );
            checks.push((PathBuf::from(format!("sql/checks/{name}.sql")), text));
        }
        checks
    }
}

/// A setting with the best candidate and the others in a comment, or a commented line where there is none.
fn role(setting: &str, candidates: &[ColumnProposal], value: impl Fn(&ColumnName) -> String, meaning: &str) -> String {
    let Some((best, others)) = candidates.split_first() else {
        return format!("# {setting} =    # {meaning}: no column of the data fits\n");
    };
    let mut text = format!(
        "{setting} = {}    # {meaning}: {}",
        value(&best.column),
        one_line(&best.reason)
    );
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|other| other.column.as_str()).collect();
        text.push_str(&format!("; or {}", names.join(", ")));
    }
    text.push('\n');
    text
}

/// Comments end with their line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names of SQL files are identifiers, which have at most this many bytes.
fn cut(name: &str) -> String {
    const BYTES_MAX: usize = 63;
    name.chars().take(BYTES_MAX).collect()
}
