//! `tidemill train`.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tidemill_api::{TrainOutcome, TrainRequest, TrainStatus};
use tidemill_models::Hyperparameters;
use tidemill_training::TrainStep;
use tidemill_types::{Algorithm, ErrorCode, Explain, Micros, Problem, TimeRange, UnknownAlgorithm};

use super::args::TrainArgs;
use super::context::{Context, Reached};
use super::failure::{Failure, json, line};
use crate::render::{Progress, Table, count, figure};

pub async fn run(context: &Context, args: TrainArgs) -> Result<(), Failure> {
    let mut request = TrainRequest::new(args.model);
    request.seed = args.seed;
    request.train = args.train.as_deref().map(window).transpose()?;
    request.evaluate = args.evaluate.as_deref().map(window).transpose()?;
    request.as_of = args.as_of.as_deref().map(as_of).transpose()?;
    request.register = Some(!args.no_register);
    request.actor = Some(Context::actor());
    for text in &args.params {
        let (name, value) = param(text)?;
        request.params.insert(name, value);
    }
    let algorithms: Vec<Option<String>> = match args.algorithm.is_empty() {
        true => vec![None],
        false => args.algorithm.into_iter().map(Some).collect(),
    };

    // All of them before the first is fitted: a typo must not cost a training.
    for name in algorithms.iter().flatten() {
        let algorithm: Algorithm = name.parse().map_err(|error: UnknownAlgorithm| error.problem())?;
        let settings = request.params.clone().into_iter().collect();
        Hyperparameters::parse(algorithm, &settings).map_err(|error| error.problem())?;
    }

    let mut reached = context.reach("train").await?;
    let bar: Arc<Mutex<Option<Progress>>> = Arc::default();
    if let Reached::Here { house, .. } = &mut reached {
        let bar = Arc::clone(&bar);
        house.on_train_step(Arc::new(move |step| {
            if let Some(bar) = bar.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                bar.say(describe(step));
            }
        }));
    }
    let mut outcomes = Vec::new();
    let mut failure = None;
    for algorithm in algorithms {
        let name = algorithm.clone().unwrap_or_else(|| request.model.to_string());
        let progress = Progress::spinner(context.global.quiet, &format!("training {name}"));
        *bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone());
        let outcome = reached
            .operations()
            .train(TrainRequest {
                algorithm,
                ..request.clone()
            })
            .await;
        progress.finish();
        match outcome {
            Ok(outcome) => outcomes.push(outcome),
            Err(problem) => {
                failure = Some(problem);
                break;
            }
        }
    }
    reached.close().await?;
    show(context, &outcomes)?;
    if let Some(problem) = failure {
        return Err(problem.into());
    }
    let refused = |outcome: &TrainOutcome| {
        matches!(
            outcome.status,
            TrainStatus::StoppedByChecks | TrainStatus::RefusedByGate
        )
    };
    if outcomes.iter().all(refused) {
        Err(Failure::Found(ErrorCode::NotReady))
    } else {
        Ok(())
    }
}

fn show(context: &Context, outcomes: &[TrainOutcome]) -> Result<(), Failure> {
    if context.global.json {
        return match outcomes {
            [outcome] => json(outcome),
            outcomes => json(&outcomes),
        };
    }
    let fitted: Vec<&TrainOutcome> = outcomes
        .iter()
        .filter(|outcome| outcome.status != TrainStatus::StoppedByChecks)
        .collect();
    if let Some(first) = fitted.first() {
        line(format!(
            "trained on {} ({} rows, {} positive), judged on {} ({} rows, {} positive)",
            first.train,
            count(first.train_rows.rows),
            count(first.train_rows.positives),
            first.evaluate,
            count(first.evaluate_rows.rows),
            count(first.evaluate_rows.positives),
        ))?;
        line(as_table(fitted).to_string())?;
    }
    for outcome in outcomes {
        match outcome.status {
            TrainStatus::StoppedByChecks => {
                line(format!("{}: a check stopped the training", outcome.run_name))?;
                super::check::show(&outcome.checks)?;
            }
            TrainStatus::RefusedByGate => {
                line(format!(
                    "{}: the gate was not passed: {}",
                    outcome.run_name,
                    outcome.gate.describe()
                ))?;
            }
            TrainStatus::Finished | TrainStatus::Registered | TrainStatus::Deployed => {}
        }
    }
    Ok(())
}

/// Outcomes side by side, one row each.
pub fn as_table<'a>(outcomes: impl IntoIterator<Item = &'a TrainOutcome>) -> Table {
    let outcomes: Vec<&TrainOutcome> = outcomes.into_iter().collect();
    let mut metrics: Vec<&String> = Vec::new();
    for outcome in &outcomes {
        for name in outcome.metrics.0.keys() {
            if !metrics.contains(&name) {
                metrics.push(name);
            }
        }
    }
    let heads = ["algorithm", "run", "version"]
        .into_iter()
        .chain(metrics.iter().map(|name| name.as_str()));
    let mut table = Table::new(heads.chain(["seconds"]));
    for outcome in outcomes {
        let mut row = vec![
            outcome.algorithm.clone(),
            outcome.run.as_str().chars().take(8).collect(),
            outcome
                .version
                .map_or_else(|| "–".to_owned(), |version| version.to_string()),
        ];
        row.extend(
            metrics
                .iter()
                .map(|name| outcome.metrics.get(name).map(figure).unwrap_or_default()),
        );
        row.push(format!("{:.1}", outcome.elapsed_ms as f64 / 1e3));
        table.row(row);
    }
    table
}

fn describe(step: TrainStep) -> String {
    match step {
        TrainStep::Checks => "checking the training window".to_owned(),
        TrainStep::TrainingSet => "computing the training set".to_owned(),
        TrainStep::EvaluationSet => "computing the evaluation set".to_owned(),
        TrainStep::Fit(progress) => format!("fitting ({} of {})", progress.done, progress.total),
        TrainStep::Evaluate => "evaluating".to_owned(),
        TrainStep::Register => "registering".to_owned(),
    }
}

/// `FROM..TO` as a range.
pub fn window(text: &str) -> Result<TimeRange, Problem> {
    let invalid = |why: String| {
        Problem::new(ErrorCode::InvalidInput, format!("`{text}` is not a window: {why}"))
            .with_hint("write 2018-07-25..2018-08-01; the end is the first time after")
    };
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| invalid("`..` is missing".to_owned()))?;
    let instant = |text: &str| text.parse::<Micros>().map_err(|error| invalid(error.to_string()));
    Ok(TimeRange::new(instant(from)?, instant(to)?))
}

/// The time that a training is done as of.
fn as_of(text: &str) -> Result<Micros, Problem> {
    text.parse().map_err(|error| {
        Problem::new(
            ErrorCode::InvalidInput,
            format!("`--as-of {text}` is not a time: {error}"),
        )
        .with_hint("write 2018-08-22 or 2018-08-22T12:00:00Z")
    })
}

/// `NAME=VALUE`; the value is a number or a truth where it reads as one, and else a text.
fn param(text: &str) -> Result<(String, Value), Problem> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Problem::new(ErrorCode::InvalidInput, format!("`--param {text}` has no value"))
            .with_hint("write --param n_estimators=200")
    })?;
    let parsed = match serde_json::from_str(value) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(value.to_owned()),
    };
    Ok((name.to_owned(), parsed))
}
