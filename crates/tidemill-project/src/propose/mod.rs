//! A project proposed from data: one stream, its schema, its times, a feature view and checks that hold for the data seen.
//!
//! What the data says is found out elsewhere and comes as a [`StreamProposal`]; here it becomes files, by the templates beside
//! this one.

use std::path::PathBuf;

use tidemill_types::{ColumnName, EntityName, StreamName};

use crate::schema::{Field, FieldType, StreamSchema};

/// Longest name of a SQL file without its ending: it is an identifier.
const NAME_BYTES_MAX: usize = 63;

/// A stream as it was read out of data, with what each role's columns may be, the best first.
///
/// A candidate that cannot have its role is passed over: the key and the event time are never null, the event time is a time,
/// the key is not floating point.
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
        let stream = self.stream.as_str();
        let roles = Roles::of(self);
        let mut files = vec![
            (PathBuf::from("tidemill.toml"), self.settings(&roles)),
            (PathBuf::from(format!("schemas/{stream}.avsc")), self.schema.to_avsc()),
        ];
        let key = roles.key.first().map(|best| best.column.as_str());
        let time = roles.event_time.first().map(|best| best.column.as_str());
        // A view needs rows that can be found again and that happened at a time.
        if let (Some(key), Some(time)) = (key, time) {
            let text = self.view(&roles, key, time);
            files.push((
                PathBuf::from(format!("sql/features/{}.sql", self.view_name(&roles))),
                text,
            ));
        }
        let mut check = |ending: &str, template: &str, value: (&str, &str)| {
            let name = cut(&format!("{stream}_{ending}"));
            let text = fill(template, &[("check", &name), ("stream", stream), value]);
            files.push((PathBuf::from(format!("sql/checks/{name}.sql")), text));
        };
        if let Some(key) = key {
            check("once", include_str!("once.sql"), ("key", key));
        }
        if let Some(time) = time {
            check(
                "known_after_event",
                include_str!("known_after_event.sql"),
                ("time", time),
            );
        }
        files
    }

    fn settings(&self, roles: &Roles<'_>) -> String {
        let one = |column: &ColumnName| format!("\"{column}\"");
        let lines = [
            setting(
                "key",
                &roles.key,
                |column| format!("[\"{column}\"]"),
                "what identifies a row",
            ),
            setting("event_time", &roles.event_time, one, "when it happened"),
            setting("partition_by", &roles.entity, one, "what keeps its order"),
        ];
        let key = roles.key.first().map_or("KEY", |best| best.column.as_str());
        let text = include_str!("tidemill.toml.in");
        fill(
            text,
            &[
                ("source", &one_line(&self.source)),
                ("stream", self.stream.as_str()),
                ("roles", &lines.concat()),
                ("key", key),
                ("label", self.label(roles)),
                ("view", &self.view_name(roles)),
            ],
        )
    }

    fn view(&self, roles: &Roles<'_>, key: &str, time: &str) -> String {
        let name = self.view_name(roles);
        let measures = self.measures(roles);
        let common = [
            ("view", name.as_str()),
            ("key", key),
            ("time", time),
            ("stream", self.stream.as_str()),
        ];
        let Some((column, entity)) = roles.entity.first().zip(roles.entity_name()) else {
            let columns: Vec<String> = measures.iter().map(|field| format!(",\n    {}", field.name)).collect();
            let columns = columns.concat();
            return fill(
                include_str!("rows.sql"),
                &[&common[..], &[("measures", &columns)]].concat(),
            );
        };
        let (measure_column, mean) = match measures.first() {
            Some(field) => {
                let (column, lower) = (&field.name, field.name.as_str().to_ascii_lowercase());
                let mean = format!(",\n    avg({column}) over last_7_days as mean_{lower}_7_days");
                (format!(",\n        {column}"), mean)
            }
            None => (String::new(), String::new()),
        };
        let own = [
            ("entity", entity.as_str()),
            ("entity_column", column.column.as_str()),
            ("measure_column", &measure_column),
            ("mean", &mean),
        ];
        fill(include_str!("history.sql"), &[&common[..], &own[..]].concat())
    }

    /// `<entity>_history`, or `<stream>_rows` where no entity was found.
    fn view_name(&self, roles: &Roles<'_>) -> String {
        match roles.entity_name() {
            Some(entity) => cut(&format!("{entity}_history")),
            None => cut(&format!("{}_rows", self.stream)),
        }
    }

    /// Columns that measure something: floating point, without a role. Whole numbers may be ids, counts or labels.
    fn measures(&self, roles: &Roles<'_>) -> Vec<&Field> {
        let measures = self
            .schema
            .fields
            .iter()
            .filter(|field| matches!(field.kind, FieldType::Float | FieldType::Double) && !roles.hold(&field.name));
        measures.collect()
    }

    /// The column that may be the label: the last whole number or truth without a role, as people put labels last.
    fn label(&self, roles: &Roles<'_>) -> &str {
        let label = self.schema.fields.iter().rev().find(|field| {
            matches!(field.kind, FieldType::Boolean | FieldType::Int | FieldType::Long) && !roles.hold(&field.name)
        });
        label.map_or("LABEL", |field| field.name.as_str())
    }
}

/// The candidates that can have their roles.
struct Roles<'a> {
    key: Vec<&'a ColumnProposal>,
    event_time: Vec<&'a ColumnProposal>,
    entity: Vec<&'a ColumnProposal>,
}

impl<'a> Roles<'a> {
    fn of(proposal: &'a StreamProposal) -> Roles<'a> {
        let fitting = |candidates: &'a [ColumnProposal], fits: fn(&Field) -> bool| {
            let fits = |candidate: &&ColumnProposal| proposal.schema.field(candidate.column.as_str()).is_some_and(fits);
            candidates.iter().filter(fits).collect()
        };
        Roles {
            key: fitting(&proposal.key, |field| !field.nullable && field.kind.fits_key()),
            event_time: fitting(&proposal.event_time, |field| !field.nullable && field.kind.is_time()),
            entity: fitting(&proposal.entity, |_| true),
        }
    }

    /// Whether a column was chosen for a role.
    fn hold(&self, column: &ColumnName) -> bool {
        let chosen = [self.key.first(), self.event_time.first(), self.entity.first()];
        chosen.iter().flatten().any(|best| best.column == *column)
    }

    /// The entity column's name without what says that it is an id: `CUSTOMER_ID` is the column of a customer.
    fn entity_name(&self) -> Option<EntityName> {
        let column = self.entity.first()?.column.as_str().to_ascii_lowercase();
        let bare = ["_id", "_key", "_no", "_nr"]
            .iter()
            .find_map(|ending| column.strip_suffix(ending));
        let name = bare.filter(|name| !name.is_empty()).unwrap_or(&column);
        EntityName::new(name).ok()
    }
}

/// A setting with the best candidate and the others in a comment, or a commented line where there is none.
fn setting(name: &str, candidates: &[&ColumnProposal], value: impl Fn(&ColumnName) -> String, meaning: &str) -> String {
    let Some((best, others)) = candidates.split_first() else {
        return format!("# {name} =  # {meaning}: no column of the data fits\n");
    };
    let mut line = format!(
        "{name} = {}  # {meaning}: {}",
        value(&best.column),
        one_line(&best.reason)
    );
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|other| other.column.as_str()).collect();
        line.push_str(&format!("; or {}", names.join(", ")));
    }
    line.push('\n');
    line
}

/// The template with each `{name}` replaced by its value.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// Comments end with their line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX).collect()
}
