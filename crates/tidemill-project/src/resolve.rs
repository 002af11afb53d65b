//! Settings to specs: defaults filled in, names looked up, types held against each other. Every fault is pushed.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use tidemill_types::{CheckName, DeploymentName, ModelName, StreamName, TopicName, ViewName};

use crate::fault::{Fault, did_you_mean};
use crate::folder;
use crate::schema::StreamSchema;
use crate::settings::{ModelSettings, Settings, StreamColumn, StreamSettings};
use crate::specs::{DeploymentSpec, ModelSpec, Stream};
use crate::sql::{Check, Evaluation, FeatureView};
use crate::tree::{Node, Path as SettingPath};

/// Tables of the catalog that are there in every project.
const TABLES_OF_OURS: [&str; 13] = [
    "alias_events",
    "aliases",
    "audit_log",
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

/// Looks names up and notes what is wrong.
pub(crate) struct Resolver<'a> {
    pub dir: &'a Path,
    pub root: &'a Node,
    pub faults: &'a mut Vec<Fault>,
}

/// The project's SQL files.
pub(crate) struct SqlFiles<'a> {
    pub views: &'a IndexMap<ViewName, FeatureView>,
    pub checks: &'a IndexMap<CheckName, Check>,
    pub evaluations: &'a IndexMap<String, Evaluation>,
}

impl Resolver<'_> {
    /// The streams that have no fault.
    pub fn streams(&mut self, settings: &Settings) -> IndexMap<StreamName, Stream> {
        let mut streams: IndexMap<StreamName, Stream> = IndexMap::new();
        for (name, stream) in &settings.streams {
            let Some(stream) = self.stream(name, stream) else {
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

    fn stream(&mut self, name: &StreamName, settings: &StreamSettings) -> Option<Stream> {
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
                let hint = format!(
                    "{}; the columns stand in {}",
                    did_you_mean(column.as_str(), columns()),
                    schema_file.display()
                );
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
                let there: Vec<String> = there.iter().map(|path| path.display().to_string()).collect();
                let wanted = file.display().to_string();
                let hint = did_you_mean(&wanted, there.iter().map(String::as_str));
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
    pub fn tables(
        &mut self,
        settings: &Settings,
        views: &IndexMap<ViewName, FeatureView>,
        checks: &IndexMap<CheckName, Check>,
    ) {
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
        for view in views.values() {
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
            streams.chain(views.keys().map(ViewName::as_str))
        };
        for check in checks.values() {
            if !tables().any(|table| table == check.on.as_str()) {
                let names: Vec<&str> = tables().collect();
                let fault = Fault::new(format!(
                    "check `{}` is on `{}`, which is no stream or feature view",
                    check.name, check.on
                ))
                .with_hint(did_you_mean(check.on.as_str(), names.iter().copied()))
                .at_line(&check.file, 1);
                self.faults.push(fault);
            }
        }
    }

    /// The models that have no fault.
    pub fn models(
        &mut self,
        settings: &Settings,
        streams: &IndexMap<StreamName, Stream>,
        sql: &SqlFiles<'_>,
    ) -> IndexMap<ModelName, ModelSpec> {
        let mut models = IndexMap::new();
        for (name, model) in &settings.models {
            if let Some(spec) = self.model(settings, name, model, streams, sql) {
                models.insert(name.clone(), spec);
            }
        }
        models
    }

    fn model(
        &mut self,
        settings: &Settings,
        name: &ModelName,
        model: &ModelSettings,
        streams: &IndexMap<StreamName, Stream>,
        sql: &SqlFiles<'_>,
    ) -> Option<ModelSpec> {
        let faults_before = self.faults.len();
        let at = |key| ["models", name.as_str(), key];
        let stream_name = self.given(&at("stream"), model.stream.as_ref(), "the stream whose rows it scores");
        let label = self.given(
            &at("label"),
            model.label.as_ref(),
            "what it predicts, as `labels.TX_FRAUD`",
        );
        if let Some(stream_name) = stream_name {
            self.stream_named(&at("stream"), settings, stream_name);
        }
        if let Some(label) = label {
            self.stream_named(&at("label"), settings, &label.stream);
        }
        let stream = stream_name.and_then(|stream| streams.get(stream));
        if let (Some(stream), Some(label)) = (stream, label) {
            self.label(name, stream, label, streams);
        }
        let views: Vec<ViewName> = match &model.views {
            Some(views) => views.clone(),
            None => sql.views.keys().cloned().collect(),
        };
        if views.is_empty() {
            let hint = "name feature views, or write one into sql/features".to_owned();
            self.note(&at("views"), format!("model `{name}` has no feature view"), Some(hint));
        }
        self.all_known(
            &at("views"),
            "feature view",
            &views,
            sql.views.keys().map(ViewName::as_str),
        );
        for view in views.iter().filter_map(|view| sql.views.get(view)) {
            let Some(stream) = stream else { continue };
            for column in view
                .key
                .iter()
                .filter(|column| stream.schema.field(column.as_str()).is_none())
            {
                let columns: Vec<&str> = stream.schema.fields.iter().map(|field| field.name.as_str()).collect();
                let fault = Fault::new(format!(
                    "model `{name}` joins feature view `{}` by `{column}`, which stream `{}` lacks",
                    view.name, stream.name
                ))
                .with_hint(did_you_mean(column.as_str(), columns.iter().copied()))
                .at_line(&view.file, 1);
                self.faults.push(fault);
            }
        }
        if let Some(evaluation) = &model.evaluation {
            let there = sql.evaluations.keys().map(String::as_str);
            self.all_known(&at("evaluation"), "evaluation", std::slice::from_ref(evaluation), there);
        }
        let checks = if let Some(checks) = &model.checks {
            self.all_known(&at("checks"), "check", checks, sql.checks.keys().map(CheckName::as_str));
            checks.clone()
        } else {
            let reads = |check: &Check| {
                let on = check.on.as_str();
                stream_name.is_some_and(|stream| stream.as_str() == on)
                    || label.is_some_and(|label| label.stream.as_str() == on)
                    || views.iter().any(|view| view.as_str() == on)
            };
            let of_model = sql.checks.values().filter(|check| reads(check));
            of_model.map(|check| check.name.clone()).collect()
        };
        self.features(name, model, label);
        self.rest(name, model, stream);
        if self.faults.len() > faults_before || stream.is_none() {
            return None;
        }
        Some(ModelSpec {
            name: name.clone(),
            stream: stream_name?.clone(),
            label: label?.clone(),
            views,
            features: model.features.clone(),
            algorithm: model.algorithm,
            params: model.params.clone(),
            seed: model.seed,
            train: model.train,
            gap: model.gap,
            evaluate: model.evaluate,
            evaluation: model.evaluation.clone(),
            top_k: model.top_k.clone(),
            checks,
            gate: model.gate.clone(),
            experiment: model.experiment.clone().unwrap_or_else(|| settings.name.clone()),
        })
    }

    /// The label's column is there, is a number, and its stream can be joined.
    fn label(
        &mut self,
        name: &ModelName,
        stream: &Stream,
        label: &StreamColumn,
        streams: &IndexMap<StreamName, Stream>,
    ) {
        let at = ["models", name.as_str(), "label"];
        if stream.key.is_empty() {
            let message = format!("stream `{}` has no key, so its rows find no label", stream.name);
            let hint = format!("set `streams.{}.key`", stream.name);
            self.note(&["models", name.as_str(), "stream"], message, Some(hint));
        }
        let Some(labels) = streams.get(&label.stream) else {
            return;
        };
        match labels.schema.field(label.column.as_str()) {
            None => {
                let columns: Vec<&str> = labels.schema.fields.iter().map(|field| field.name.as_str()).collect();
                let hint = did_you_mean(label.column.as_str(), columns.iter().copied());
                let message = format!(
                    "stream `{}` has no column `{}` for the label",
                    label.stream, label.column
                );
                self.note(&at, message, Some(hint));
            }
            Some(field) if !field.kind.fits_label() => {
                let message = format!("the label `{label}` is {}, not a number", field.kind.as_str());
                self.note(&at, message, Some("give 0 and 1 as int".to_owned()));
            }
            Some(_) => {}
        }
        if labels.key.is_empty() {
            let hint = format!("set `streams.{}.key`", labels.name);
            let message = format!("stream `{}` has no key, so its labels find no row", labels.name);
            self.note(&at, message, Some(hint));
        }
        for column in &labels.key {
            let kind_of = |stream: &Stream| stream.schema.field(column.as_str()).map(|field| field.kind.clone());
            let (here, there) = (kind_of(stream), kind_of(labels));
            let message = match (&here, &there) {
                (None, _) => format!(
                    "stream `{}` lacks `{column}`, the key of `{}`",
                    stream.name, labels.name
                ),
                (Some(here), Some(there)) if here != there => format!(
                    "`{column}` is {} in stream `{}` and {} in `{}`",
                    here.as_str(),
                    stream.name,
                    there.as_str(),
                    labels.name
                ),
                _ => continue,
            };
            self.note(&at, message, Some("labels are joined by their stream's key".to_owned()));
        }
    }

    fn features(&mut self, name: &ModelName, model: &ModelSettings, label: Option<&StreamColumn>) {
        let at = ["models", name.as_str(), "features"];
        let Some(features) = &model.features else { return };
        if features.is_empty() {
            let hint = "leave it out to use all of the views".to_owned();
            self.note(&at, format!("model `{name}` has no feature"), Some(hint));
        }
        for (i, feature) in features.iter().enumerate() {
            if features[..i].contains(feature) {
                self.note(&at, format!("feature `{feature}` stands twice"), None);
            }
            if label.is_some_and(|label| label.column == *feature) {
                let message = format!("feature `{feature}` is the label");
                self.note(
                    &at,
                    message,
                    Some("a model that sees its label learns nothing else".to_owned()),
                );
            }
        }
    }

    /// Hyperparameters, the entity of precision at k, and the gate.
    fn rest(&mut self, name: &ModelName, model: &ModelSettings, stream: Option<&Stream>) {
        for (param, value) in &model.params {
            if value.is_array() || value.is_object() || value.is_null() {
                let message = format!("hyperparameter `{param}` of model `{name}` is neither number, text nor truth");
                self.note(&["models", name.as_str(), "params", param.as_str()], message, None);
            }
        }
        if let (Some(top_k), Some(stream)) = (&model.top_k, stream)
            && stream.schema.field(top_k.entity.as_str()).is_none()
        {
            let columns: Vec<&str> = stream.schema.fields.iter().map(|field| field.name.as_str()).collect();
            let message = format!("stream `{}` has no column `{}` for `top_k`", stream.name, top_k.entity);
            let hint = did_you_mean(top_k.entity.as_str(), columns.iter().copied());
            self.note(&["models", name.as_str(), "top_k", "entity"], message, Some(hint));
        }
        for rule in &model.gate.0 {
            let at = ["models", name.as_str(), "gate"];
            match (rule.at_least, rule.at_most) {
                (None, None) => {
                    let message = format!(
                        "the rule for `{}` in the gate of model `{name}` has no bound",
                        rule.metric
                    );
                    self.note(&at, message, Some("add `at_least` or `at_most`".to_owned()));
                }
                (Some(least), Some(most)) if least > most => {
                    let message = format!(
                        "no figure can pass the rule for `{}` in the gate of model `{name}`",
                        rule.metric
                    );
                    self.note(
                        &at,
                        message,
                        Some(format!("`at_least` {least} is above `at_most` {most}")),
                    );
                }
                _ => {}
            }
        }
    }

    /// The deployments that are set, then one for each model that has none.
    pub fn deployments(&mut self, settings: &Settings) -> IndexMap<DeploymentName, DeploymentSpec> {
        let mut deployments = IndexMap::new();
        let by_own_name = |name: &DeploymentName| ModelName::new(name.as_str()).ok();
        for (name, deployment) in &settings.deployments {
            let Some(model) = deployment.model.clone().or_else(|| by_own_name(name)) else {
                continue;
            };
            let at = ["deployments", name.as_str(), "model"];
            let there = settings.models.keys().map(ModelName::as_str);
            self.all_known(&at, "model", std::slice::from_ref(&model), there);
            let spec = DeploymentSpec {
                name: name.clone(),
                model,
                alias: deployment.alias.clone(),
            };
            deployments.insert(name.clone(), spec);
        }
        for model in settings.models.keys() {
            let name = DeploymentName::from(model.clone());
            let deployed = deployments.values().any(|spec: &DeploymentSpec| spec.model == *model);
            if !deployed && !deployments.contains_key(&name) {
                let spec = DeploymentSpec {
                    name: name.clone(),
                    model: model.clone(),
                    alias: crate::settings::DeploymentSettings::default().alias,
                };
                deployments.insert(name, spec);
            }
        }
        deployments
    }

    /// A setting that has no default because nobody can guess it.
    fn given<'s, T>(&mut self, at: &[&str], value: Option<&'s T>, meaning: &str) -> Option<&'s T> {
        if value.is_none() {
            let path = SettingPath::of(at);
            self.note(at, format!("`{path}` is missing"), Some(format!("set {meaning}")));
        }
        value
    }

    fn stream_named(&mut self, at: &[&str], settings: &Settings, stream: &StreamName) {
        let there = settings.streams.keys().map(StreamName::as_str);
        self.all_known(at, "stream", std::slice::from_ref(stream), there);
    }

    fn all_known<'s, T: AsRef<str>>(
        &mut self,
        at: &[&str],
        noun: &str,
        names: &[T],
        there: impl Iterator<Item = &'s str>,
    ) {
        let there: Vec<&str> = there.collect();
        for name in names {
            let name = name.as_ref();
            if !there.contains(&name) {
                let path = SettingPath::of(at);
                let hint = did_you_mean(name, there.iter().copied());
                self.note(at, format!("`{path}` names the unknown {noun} `{name}`"), Some(hint));
            }
        }
    }

    fn note(&mut self, at: &[&str], message: String, hint: Option<String>) {
        let mut fault = Fault::new(message).at(self.root.origin_near(&SettingPath::of(at)));
        fault.hint = hint;
        self.faults.push(fault);
    }
}
