//! Streams, and the names that they share the catalog with.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use tidemill_types::{StreamName, TopicName};

use super::{Resolver, SqlFiles};
use crate::fault::{Fault, and, did_you_mean, nearest};
use crate::folder;
use crate::schema::StreamSchema;
use crate::settings::{Format, KafkaSettings, Settings, StreamSettings};
use crate::specs::Stream;

/// Tables of the catalog that are there in every project.
const TABLES_OF_OURS: [&str; 18] = [
    "alias_events",
    "aliases",
    "audit_log",
    "dead_letter_replays",
    "drift",
    "performance",
    "trigger_firings",
    "event_clock",
    "deployments",
    "evaluation_rows",
    "experiments",
    "model_versions",
    "models",
    "run_metrics",
    "run_params",
    "runs",
    "stream_ranges",
    "training_inputs",
];

/// What the name of a stream's table of dead letters ends with.
const DEAD_LETTERS: &str = "_dead_letters";

impl Resolver<'_> {
    /// The streams that have no fault.
    pub fn streams(&mut self, settings: &Settings) -> IndexMap<StreamName, Stream> {
        let mut streams: IndexMap<StreamName, Stream> = IndexMap::new();
        for (name, stream) in &settings.streams {
            let Some(stream) = self.stream(name, stream, &settings.kafka) else {
                continue;
            };
            if let Some(other) = streams.values().find(|other| other.topic == stream.topic) {
                let message = format!(
                    "streams `{}` and `{name}` read the same topic `{}`",
                    other.name, stream.topic
                );
                self.note(&["streams", name.as_str(), "topic"], message, None);
                continue;
            }
            streams.insert(name.clone(), stream);
        }
        streams
    }

    fn stream(&mut self, name: &StreamName, settings: &StreamSettings, kafka: &KafkaSettings) -> Option<Stream> {
        let at = |key| ["streams", name.as_str(), key];
        let schema_file = match &settings.schema {
            Some(file) => file.clone(),
            None => PathBuf::from(format!("schemas/{name}.avsc")),
        };
        let schema = self.schema(name, &schema_file)?;
        let mut sound = true;
        let columns = || schema.fields.iter().map(|field| field.name.as_str());
        let named = settings.key.iter().map(|column| ("key", column));
        let named = named
            .chain(settings.event_time.iter().map(|column| ("event_time", column)))
            .chain(settings.partition_by.iter().map(|column| ("partition_by", column)));
        for (setting, column) in named {
            let Some(field) = schema.field(column.as_str()) else {
                let message = format!("stream `{name}` has no column `{column}` for `{setting}`");
                let hint = did_you_mean(column.as_str(), columns());
                let hint = and(&hint, &format!("the columns stand in {}", schema_file.display()));
                self.note(&at(setting), message, Some(hint));
                sound = false;
                continue;
            };
            let kind = field.kind.as_str();
            let (fault, hint) = match setting {
                "event_time" if !field.kind.is_time() => (
                    format!("the event time `{column}` of stream `{name}` is {kind}, not a time"),
                    "make it { \"type\": \"long\", \"logicalType\": \"timestamp-micros\" }",
                ),
                "event_time" if field.nullable => (
                    format!("the event time `{column}` of stream `{name}` may be null"),
                    "take the null out of its type, or leave `event_time` out to use the Kafka timestamp",
                ),
                "key" if field.nullable => (
                    format!("the key column `{column}` of stream `{name}` may be null"),
                    "take the null out of its type: a null identifies nothing",
                ),
                "key" if !field.kind.fits_key() => (
                    format!("the key column `{column}` of stream `{name}` is {kind}"),
                    "floating point identifies nothing: use long, int or string",
                ),
                _ => continue,
            };
            let hint = format!("{hint}; the columns stand in {}", schema_file.display());
            self.note(&at(setting), fault, Some(hint));
            sound = false;
        }
        if settings.format == Format::ConfluentAvro && kafka.schema_registry.url.is_none() {
            let message = format!("stream `{name}` is confluent-avro, and no schema registry is set");
            let hint = "set kafka.schema_registry.url, or `format = \"avro\"` for records without a frame";
            self.note(&at("format"), message, Some(hint.to_owned()));
            sound = false;
        }
        let topic = match &settings.topic {
            Some(topic) => topic.clone(),
            None => TopicName::new(name.as_str()).expect("the characters of stream names are allowed in topics"),
        };
        sound.then(|| Stream {
            name: name.clone(),
            topic,
            schema,
            schema_file,
            key: settings.key.clone(),
            event_time: settings.event_time.clone(),
            partition_by: settings.partition_by.clone().or_else(|| settings.key.first().cloned()),
            lateness: settings.lateness,
            partitions: settings.partitions,
            format: settings.format,
        })
    }

    fn schema(&mut self, name: &StreamName, file: &Path) -> Option<StreamSchema> {
        let text = match folder::read_text(self.dir, file) {
            Ok(text) => text,
            Err(fault) => {
                let there = folder::files(self.dir, Path::new("schemas"), "avsc").unwrap_or_default();
                let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                let stems: Vec<String> = there.iter().filter_map(|path| stem(path)).collect();
                let wanted = stem(file).unwrap_or_default();
                let hint = match nearest(&wanted, stems.iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean `schemas/{meant}.avsc`?"),
                    None => "write its Avro schema there, or name another file with `schema`".to_owned(),
                };
                let message = format!("stream `{name}` has no schema: {}", fault.message);
                self.note(&["streams", name.as_str(), "schema"], message, Some(hint));
                return None;
            }
        };
        match StreamSchema::parse(&text, file) {
            Ok(schema) => Some(schema),
            Err(faults) => {
                self.faults.extend(faults);
                None
            }
        }
    }

    /// Streams and views share the catalog with each other and with our own tables; checks look at one of them.
    pub fn tables(&mut self, settings: &Settings, sql: &SqlFiles) {
        for name in settings.streams.keys() {
            if TABLES_OF_OURS.contains(&name.as_str()) || name.as_str().ends_with(DEAD_LETTERS) {
                let message = format!("stream `{name}` has the name of one of tidemill's own tables");
                self.note(
                    &["streams", name.as_str()],
                    message,
                    Some("choose another name".to_owned()),
                );
            }
        }
        for view in sql.views.sound.values() {
            let name = view.name.as_str();
            let stream = settings.streams.keys().find(|stream| stream.as_str() == name);
            let ours = TABLES_OF_OURS.contains(&name) || name.ends_with(DEAD_LETTERS);
            if stream.is_some() || ours {
                let whose = if stream.is_some() {
                    "a stream"
                } else {
                    "one of tidemill's own tables"
                };
                let fault = Fault::new(format!("feature view `{name}` has the name of {whose}"))
                    .with_hint("choose another name")
                    .at_line(&view.file, 1);
                self.faults.push(fault);
            }
        }
        let tables = || {
            let streams = settings.streams.keys().map(StreamName::as_str);
            streams.chain(sql.views.names())
        };
        for check in sql.checks.sound.values() {
            if !tables().any(|table| table == check.on.as_str()) {
                let names: Vec<&str> = tables().collect();
                let fault = Fault::new(format!(
                    "check `{}` is on `{}`, which is no stream or feature view",
                    check.name, check.on
                ))
                .with_hint(did_you_mean(check.on.as_str(), names.iter().copied()))
                .at_line(&check.file, check.on_line);
                self.faults.push(fault);
            }
        }
    }
}
