//! `tidemill validate` for what this crate runs: feature views, the models' features, evaluations.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use tidemill_engine::{Engine, EngineError, Rows, Scope, ScopedSession};
use tidemill_project::{Evaluation, Fault, FeatureView, ModelSpec, Origin, Project};
use tidemill_types::{ColumnName, ErrorCode, Explain, Micros};

use crate::columns::{ViewColumns, fits_model};
use crate::error::known_features;
use crate::evaluation::{EVALUATION_ROWS, EvaluationWindows, SCORE_COLUMN, evaluation_scope};

/// Plans every feature view and evaluation and looks whether the models' features are there. Reads no rows; a project whose
/// streams have not landed yet can be validated.
pub async fn validate(engine: &Engine, project: &Project) -> Result<Vec<Fault>, EngineError> {
    let session = engine.scope(Scope::default()).await?;
    let mut faults = Vec::new();
    let mut planned = Vec::new();
    for view in project.views.values() {
        match session.plan(&view.sql).await {
            Ok(schema) => {
                check_view(view, &schema, &mut faults);
                planned.push((view, schema));
            }
            Err(error) => faults.push(at_position(
                &view.file,
                &format!("feature view `{}`", view.name),
                &error,
            )),
        }
    }
    for model in project.models.values() {
        let views: Vec<(&FeatureView, &Schema)> = planned
            .iter()
            .filter(|(view, _)| model.views.contains(&view.name))
            .map(|(view, schema)| (*view, schema.as_ref()))
            .collect();
        if views.len() == model.views.len() {
            check_model(project, model, &views, &mut faults);
            if let Some(evaluation) = model.evaluation.as_ref().and_then(|name| project.evaluations.get(name)) {
                check_evaluation(&session, engine, project, model, evaluation, &mut faults).await?;
            }
        }
    }
    Ok(faults)
}

/// What the engine says about an SQL file, at its line of the file.
fn at_position(file: &Path, what: &str, error: &EngineError) -> Fault {
    let problem = error.problem();
    Fault {
        code: problem.code,
        message: format!("{what}: {}", problem.message),
        hint: problem.hint,
        // Of an error inside another view the place is in that view's file, which has its own fault.
        origin: Some(match (error, error.position()) {
            (EngineError::View { .. }, _) | (_, None) => Origin::line(file, 1),
            (_, Some(position)) => Origin::line(file, position.line as usize),
        }),
    }
}

fn fault(origin: Option<Origin>, message: String, hint: &str) -> Fault {
    Fault {
        code: ErrorCode::InvalidInput,
        message,
        hint: Some(hint.to_owned()),
        origin,
    }
}

fn check_view(view: &FeatureView, schema: &Schema, faults: &mut Vec<Fault>) {
    let origin = || Some(Origin::line(&view.file, 1));
    let name = &view.name;
    match ViewColumns::of(view, schema) {
        Err(error) => faults.push(fault(origin(), error.to_string(), &error.hint().unwrap_or_default())),
        Ok(columns) if columns.features.is_empty() => faults.push(fault(
            origin(),
            format!("feature view `{name}` has no feature"),
            "let the query give columns beside the key and the event time",
        )),
        Ok(_) => (),
    }
    if let Ok(field) = schema.field_with_name(view.event_time.as_str())
        && !matches!(field.data_type(), DataType::Timestamp(_, _))
    {
        let message = format!(
            "feature view `{name}`: its event time `{}` is {}",
            field.name(),
            field.data_type()
        );
        faults.push(fault(
            origin(),
            message,
            "name a column of instants in the header, as `-- event time: TX_DATETIME`",
        ));
    }
    let mut seen: Vec<&str> = Vec::new();
    for field in schema.fields() {
        if seen.contains(&field.name().as_str()) {
            let message = format!("feature view `{name}` has two columns called `{}`", field.name());
            faults.push(fault(origin(), message, "name one of them with `as`"));
        }
        seen.push(field.name());
        if ColumnName::new(field.name().clone()).is_err() {
            let message = format!("feature view `{name}` has a column called `{}`", field.name());
            faults.push(fault(origin(), message, "give the expression a name with `as`"));
        }
    }
}

fn check_model(project: &Project, model: &ModelSpec, views: &[(&FeatureView, &Schema)], faults: &mut Vec<Fault>) {
    let name = &model.name;
    let setting = |key: &str| {
        let found = project.provenance.get(&format!("models.{name}.{key}"));
        found.map(|setting| setting.origin.clone())
    };
    let mut all: Vec<(String, DataType, &FeatureView)> = Vec::new();
    for (view, schema) in views {
        let Ok(columns) = ViewColumns::of(view, schema) else {
            continue;
        };
        all.extend(
            columns
                .features
                .iter()
                .map(|field| (field.name().clone(), field.data_type().clone(), *view)),
        );
    }
    let is_wanted = |feature: &str| match &model.features {
        Some(features) => features.iter().any(|wanted| wanted.as_str() == feature),
        None => true,
    };
    for (place, (feature, data_type, view)) in all.iter().enumerate() {
        if !is_wanted(feature) {
            continue;
        }
        if !fits_model(data_type) {
            let message = format!(
                "model `{name}`: feature `{feature}` of view `{}` is {data_type}",
                view.name
            );
            let hint = "models take numbers: cast it, or name the model's `features` without it";
            faults.push(fault(Some(Origin::line(&view.file, 1)), message, hint));
        }
        if let Some((_, _, first)) = all[..place].iter().find(|(other, _, _)| other == feature) {
            let message = format!(
                "model `{name}`: views `{}` and `{}` both give `{feature}`",
                first.name, view.name
            );
            faults.push(fault(
                Some(Origin::line(&view.file, 1)),
                message,
                "rename it in one of them",
            ));
        }
        if feature == model.label.column.as_str() {
            let message = format!(
                "model `{name}`: view `{}` gives the label `{feature}` as a feature",
                view.name
            );
            faults.push(fault(
                Some(Origin::line(&view.file, 1)),
                message,
                "leave it out of the view",
            ));
        }
    }
    let stream = project.streams.get(&model.stream);
    for feature in model.features.iter().flatten() {
        let of_view = all.iter().any(|(known, _, _)| known == feature.as_str());
        let of_stream = stream.and_then(|stream| stream.schema.field(feature.as_str()));
        if of_view || of_stream.is_some_and(|field| fits_model(&field.kind.arrow())) {
            continue;
        }
        let message = match of_stream {
            Some(field) => format!(
                "model `{name}`: feature `{feature}` is {}, not a number",
                field.kind.as_str()
            ),
            None => format!("model `{name}`: no view of it gives the feature `{feature}`"),
        };
        let known: Vec<String> = all.iter().map(|(known, _, _)| known.clone()).collect();
        let hint = known_features(feature, &known).unwrap_or_default();
        faults.push(fault(setting("features"), message, &hint));
    }
}

async fn check_evaluation(
    session: &ScopedSession,
    engine: &Engine,
    project: &Project,
    model: &ModelSpec,
    evaluation: &Evaluation,
    faults: &mut Vec<Fault>,
) -> Result<(), EngineError> {
    let Some(stream) = project.streams.get(&model.stream) else {
        return Ok(());
    };
    let mut fields: Vec<Field> = Vec::new();
    for field in stream.schema.arrow().fields() {
        if field.name() != model.label.column.as_str() {
            fields.push(field.as_ref().clone());
        }
    }
    fields.push(Field::new(model.label.column.as_str(), DataType::Float64, false));
    for name in &model.views {
        let Some(view) = project.views.get(name) else {
            continue;
        };
        let schema = session.plan(&view.sql).await?;
        for field in ViewColumns::of(view, &schema)
            .iter()
            .flat_map(|columns| &columns.features)
        {
            if !fields.iter().any(|known| known.name() == field.name()) {
                fields.push(Field::new(field.name(), DataType::Float64, true));
            }
        }
    }
    fields.push(Field::new(SCORE_COLUMN, DataType::Float64, false));
    let rows = Rows::from(RecordBatch::new_empty(Arc::new(Schema::new(fields))));
    let windows = EvaluationWindows {
        train: (Micros(0), Micros(1)),
        evaluate: (Micros(1), Micros(2)),
    };
    let session = engine.scope(evaluation_scope(rows, &windows, None)).await?;
    match session.plan(&evaluation.sql).await {
        Err(error) => {
            faults.push(at_position(
                &evaluation.file,
                &format!("evaluation `{}`", evaluation.name),
                &error,
            ));
        }
        Ok(schema) => {
            for column in &stream.key {
                if schema.column_with_name(column.as_str()).is_none() {
                    let message = format!(
                        "evaluation `{}` does not give the key column `{column}`",
                        evaluation.name
                    );
                    let hint = format!("select the key of `{EVALUATION_ROWS}`: rows that count are found by it");
                    faults.push(fault(Some(Origin::line(&evaluation.file, 1)), message, &hint));
                }
            }
        }
    }
    Ok(())
}
