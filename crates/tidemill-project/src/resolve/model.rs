//! Models: what they name is there, and it fits together.

use indexmap::IndexMap;
use tidemill_types::{ModelName, StreamName, ViewName};

use super::{Resolver, SqlFiles};
use crate::fault::{Fault, did_you_mean};
use crate::settings::{ModelSettings, Settings, StreamColumn};
use crate::specs::{ModelSpec, Stream};
use crate::sql::Check;

impl Resolver<'_> {
    /// The models that have no fault.
    pub fn models(
        &mut self,
        settings: &Settings,
        streams: &IndexMap<StreamName, Stream>,
        sql: &SqlFiles,
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
        sql: &SqlFiles,
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
            None => sql.views.sound.keys().cloned().collect(),
        };
        if views.is_empty() && sql.views.names.is_empty() {
            let hint = "name feature views, or write one into sql/features".to_owned();
            self.note(&at("views"), format!("model `{name}` has no feature view"), Some(hint));
        }
        self.all_known(&at("views"), "feature view", &views, sql.views.names());
        for view in views.iter().filter_map(|view| sql.views.sound.get(view)) {
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
                .at_line(&view.file, view.key_line);
                self.faults.push(fault);
            }
        }
        if let Some(evaluation) = &model.evaluation {
            self.all_known(
                &at("evaluation"),
                "evaluation",
                std::slice::from_ref(evaluation),
                sql.evaluations.names(),
            );
        }
        let checks = if let Some(checks) = &model.checks {
            self.all_known(&at("checks"), "check", checks, sql.checks.names());
            checks.clone()
        } else {
            let reads = |check: &Check| {
                let on = check.on.as_str();
                stream_name.is_some_and(|stream| stream.as_str() == on)
                    || label.is_some_and(|label| label.stream.as_str() == on)
                    || views.iter().any(|view| view.as_str() == on)
            };
            let of_model = sql.checks.sound.values().filter(|check| reads(check));
            of_model.map(|check| check.name.clone()).collect()
        };
        self.features(name, model, label);
        self.rest(name, model, stream);
        let predictions = self.predictions(name, model, stream, streams);
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
            predictions,
            threshold: model.threshold,
            compare: model.compare.clone(),
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

    fn stream_named(&mut self, at: &[&str], settings: &Settings, stream: &StreamName) {
        let there = settings.streams.keys().map(StreamName::as_str);
        self.all_known(at, "stream", std::slice::from_ref(stream), there);
    }
}
