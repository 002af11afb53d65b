//! The pipeline itself: one order in, one run out.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use serde_json::{Map, Value};
use tidemill_engine::{Engine, Scope};
use tidemill_features::{
    EvaluationWindows, RowCondition, SCORE_COLUMN, TrainingSet, TrainingSetRequest, evaluation_mask, training_set,
};
use tidemill_models::{Artifact, Fit, FitOptions, FitProgress, Hyperparameters, fit};
use tidemill_monitor::{CheckReport, CheckSelection, quarantine_conditions, run_checks};
use tidemill_project::{ModelSpec, Project};
use tidemill_registry::{MetricPoint, NewRun, Registry, RunEnd};
use tidemill_types::{CodeVersion, Explain, GateVerdict, Lineage, Metrics, Micros, RunId, TableName, TimeRange};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::{debug, info, warn};

use crate::evaluation::{Evaluation, evaluate};
use crate::order::{Opponent, TrainEnd, TrainOrder, TrainStep, Trained};
use crate::registering::reference_of_sets;
use crate::sets::{KeptSets, SetCounts, Sets, SetsKey, counts, matrix_for, training_data};
use crate::windows::known_at;
use crate::{TrainError, Windows, decide_windows};

/// The parameter of a run that names its algorithm.
pub const ALGORITHM_PARAM: &str = "algorithm";
/// The parameter of a run that was trained as of a time.
pub const AS_OF_PARAM: &str = "as_of";
/// The parameter of a run that says where its training window ends.
pub const TRAIN_TO_PARAM: &str = "train_to";
/// The parameter of a run that says where its evaluation window ends.
pub const EVALUATE_TO_PARAM: &str = "evaluate_to";
/// The tag of a run that names its model.
pub const MODEL_TAG: &str = "model";
/// When the newest row of `{table}` became known.
const NEWEST_KNOWN: &str = include_str!("../sql/newest_known.sql");
/// What runs of a training are, among others.
const RUN_KIND: &str = "training";
/// Trainings that run at a time, the others wait for their turn: each has the machine's cores and its own sets in memory.
const TRAININGS_AT_ONCE: usize = 1;
/// Longest reason that a run is ended with, in characters.
const REASON_CHARS_MAX: usize = 900;

/// Trains the models of one project. Cheap to clone.
#[derive(Clone)]
pub struct Trainer {
    pub(crate) project: Arc<Project>,
    engine: Engine,
    pub(crate) registry: Registry,
    owner: String,
    code_version: CodeVersion,
    kept: Arc<KeptSets>,
    turns: Arc<Semaphore>,
}

/// Hears how far a training is; called from several threads.
pub type OnStep<'a> = &'a (dyn Fn(TrainStep) + Send + Sync);

/// An order with everything filled in.
pub(crate) struct Plan {
    pub(crate) spec: ModelSpec,
    pub(crate) parameters: Hyperparameters,
    seed: u64,
    pub(crate) windows: Windows,
    run_name: String,
    pub(crate) order: TrainOrder,
}

impl Trainer {
    /// A trainer. `owner` names the process in the registry, `code_version` the binary in the lineage.
    pub fn new(
        project: Arc<Project>,
        engine: Engine,
        registry: Registry,
        owner: impl Into<String>,
        code_version: CodeVersion,
    ) -> Trainer {
        Trainer {
            project,
            engine,
            registry,
            owner: owner.into(),
            code_version,
            kept: Arc::default(),
            turns: Arc::new(Semaphore::new(TRAININGS_AT_ONCE)),
        }
    }

    /// Trains. A failing check, a gate that is not passed and a wrong order are told apart: the first two are outcomes of a
    /// run, the last is an error. Whatever fails after the run has begun ends the run as failed.
    ///
    /// One training at a time; another waits until the one before it has ended.
    pub async fn train(&self, order: TrainOrder, on_step: OnStep<'_>) -> Result<Trained, TrainError> {
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let plan = self.plan(order).await?;
        let run = self.start(&plan).await?;
        match self.carry_out(&plan, &run, on_step).await {
            Ok(trained) => Ok(trained),
            Err(error) => {
                let reason: String = error.problem().message.chars().take(REASON_CHARS_MAX).collect();
                if let Err(second) = self.registry.finish_run(&run, RunEnd::Failed(reason)).await {
                    warn!(run = %run, "run {run} failed and could not be ended: {second}");
                }
                Err(error)
            }
        }
    }

    async fn plan(&self, order: TrainOrder) -> Result<Plan, TrainError> {
        let spec = self
            .project
            .models
            .get(&order.model)
            .cloned()
            .ok_or_else(|| TrainError::UnknownModel {
                model: order.model.clone(),
                known: self.project.models.keys().cloned().collect(),
            })?;
        let algorithm = order.algorithm.unwrap_or(spec.algorithm);
        // The settings' hyperparameters are those of the settings' algorithm; another one starts from its own defaults.
        let mut settings: Map<String, Value> = match algorithm == spec.algorithm {
            true => spec.params.clone().into_iter().collect(),
            false => Map::new(),
        };
        settings.extend(order.params.clone());
        let parameters = Hyperparameters::parse(algorithm, &settings)?;
        let label_table = TableName::from(spec.label.stream.clone());
        let newest = match (order.evaluate, order.as_of) {
            (Some(_), _) => None,
            (None, Some(as_of)) => Some(as_of),
            (None, None) => self.newest_known(&label_table).await?,
        };
        let windows = decide_windows(&spec, order.train, order.evaluate, newest)?;
        let seed = order.seed.unwrap_or(spec.seed);
        let run_name = order.name.clone().unwrap_or_else(|| match order.as_of {
            Some(as_of) => format!("{}-{algorithm}@{as_of}", spec.name),
            None => format!("{}-{algorithm}", spec.name),
        });
        Ok(Plan {
            spec,
            parameters,
            seed,
            windows,
            run_name,
            order,
        })
    }

    /// When the newest row of a table became known; nothing where it has none.
    async fn newest_known(&self, table: &TableName) -> Result<Option<Micros>, TrainError> {
        let session = self.engine.scope(Scope::default()).await?;
        let batch = session
            .query(&NEWEST_KNOWN.replace("{table}", table.as_str()))
            .await?
            .concat()?;
        let newest = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        Ok((batch.num_rows() == 1 && newest.is_valid(0)).then(|| Micros(newest.value(0))))
    }

    async fn start(&self, plan: &Plan) -> Result<RunId, TrainError> {
        let mut params = vec![(ALGORITHM_PARAM.to_owned(), plan.parameters.algorithm().to_string())];
        params.extend(
            plan.parameters
                .to_json()
                .into_iter()
                .map(|(name, value)| (name, plain(&value))),
        );
        for (name, window) in [("train", plan.windows.train), ("evaluate", plan.windows.evaluate)] {
            let ends = [("from", window.from), ("to", window.to)];
            params.extend(
                ends.into_iter()
                    .filter_map(|(end, at)| Some((format!("{name}_{end}"), at?.to_string()))),
            );
        }
        if let Some(as_of) = plan.order.as_of {
            params.push((AS_OF_PARAM.to_owned(), as_of.to_string()));
        }
        let run = NewRun {
            experiment: plan
                .order
                .experiment
                .clone()
                .unwrap_or_else(|| plan.spec.experiment.clone()),
            name: plan.run_name.clone(),
            kind: RUN_KIND.to_owned(),
            params,
            tags: vec![
                (MODEL_TAG.to_owned(), plan.spec.name.to_string()),
                ("actor".to_owned(), plan.order.actor.clone()),
            ],
            seed: Some(plan.seed),
            code_version: Some(self.code_version.clone()),
            owner: self.owner.clone(),
        };
        let id = self.registry.start_run(run).await?;
        info!(run = %id, model = %plan.spec.name, "run {id} of `{}` begins", plan.spec.name);
        Ok(id)
    }

    async fn carry_out(&self, plan: &Plan, run: &RunId, on_step: OnStep<'_>) -> Result<Trained, TrainError> {
        let told = |step: TrainStep| {
            // A fit tells hundreds of times how far it is.
            if !matches!(step, TrainStep::Fit(_)) {
                debug!(run = %run, "run {run} comes to {step:?}");
            }
            on_step(step);
        };
        let on_step: OnStep<'_> = &told;
        let known_at = plan.known_at();
        on_step(TrainStep::Checks);
        let checks = run_checks(&self.engine, &self.project, plan.checks(), plan.windows.train, known_at).await?;
        if checks.stops_training() {
            let reason: String = stopped_by(&checks).chars().take(REASON_CHARS_MAX).collect();
            self.registry.finish_run(run, RunEnd::Stopped(reason)).await?;
            return Ok(plan.trained(run, TrainEnd::StoppedByChecks, checks));
        }
        let sets = self.sets(plan, on_step).await?;
        let (train_rows, evaluated) = (counts(&sets.train)?, counts(&sets.evaluate)?);
        for (which, window, set) in [
            ("training", plan.windows.train, train_rows),
            ("evaluation", plan.windows.evaluate, evaluated),
        ] {
            if set.rows == 0 {
                return Err(TrainError::Empty { which, window });
            }
        }
        let lineage = plan.lineage(&sets.train, &self.code_version);
        self.registry.record_lineage(run, &lineage).await?;

        let (artifact, summary) = self.fit(plan, &sets, on_step).await?;
        on_step(TrainStep::Evaluate);
        let scored = self.scored(plan, &sets, &artifact).await?;
        let mask = self.counted(plan, &sets, &scored).await?;
        let evaluation = self.evaluation(plan, &sets, &scored, mask.as_ref()).await?;
        let comparison = match plan.order.opponent {
            Opponent::Nobody => None,
            _ => Some(self.compare(plan, &sets, &evaluation, mask.as_ref(), &artifact).await?),
        };
        if let Some(comparison) = &comparison {
            self.log_comparison(run, comparison).await?;
        }
        self.log_figures(run, &evaluation, train_rows).await?;
        let verdict = plan.spec.gate.judge(&evaluation.metrics);

        let content_hash = artifact.content_hash();
        let end = if !verdict.passed() {
            let reason = format!("the gate was not passed: {}", verdict.describe());
            self.registry
                .finish_run(run, RunEnd::Stopped(reason.chars().take(REASON_CHARS_MAX).collect()))
                .await?;
            TrainEnd::RefusedByGate
        } else if plan.order.register {
            on_step(TrainStep::Register);
            let reference = reference_of_sets(&sets, &scored).await?;
            self.register(plan, run, &artifact, &reference, lineage, &verdict)
                .await?
        } else {
            self.registry.finish_run(run, RunEnd::Finished).await?;
            TrainEnd::Unregistered
        };
        info!(run = %run, model = %plan.spec.name, "run {run} of `{}` ended: {end:?}", plan.spec.name);
        let mut trained = plan.trained(run, end, checks);
        trained.train_rows = train_rows;
        trained.evaluate_rows = SetCounts {
            rows: evaluation.rows,
            positives: evaluation.positives,
        };
        trained.metrics = evaluation.metrics;
        trained.gate = verdict;
        trained.comparison = comparison;
        trained.content_hash = Some(content_hash);
        trained.fit = Some(summary);
        Ok(trained)
    }

    /// The sets of the plan's windows: those of the last run where nothing has changed since.
    async fn sets(&self, plan: &Plan, on_step: OnStep<'_>) -> Result<Arc<Sets>, TrainError> {
        let key = self.sets_key(plan).await?;
        if let Some(kept) = self.kept.get(&key) {
            return Ok(kept);
        }
        // The last run's sets go before the next are built, so that memory holds one pair at a time.
        self.kept.clear();
        let conditions: Vec<RowCondition> = quarantine_conditions(&self.project, plan.checks())?
            .into_iter()
            .map(|condition| RowCondition {
                on: condition.on,
                expression: condition.expression,
            })
            .collect();
        let request = |range: TimeRange, as_of: Option<Micros>| TrainingSetRequest {
            model: &plan.spec,
            range,
            as_of,
            conditions: &conditions,
        };
        on_step(TrainStep::TrainingSet);
        let learnt = request(plan.windows.train, plan.known_at());
        let train = training_set(&self.engine, &self.project, learnt).await?;
        on_step(TrainStep::EvaluationSet);
        let evaluated = request(plan.windows.evaluate, plan.order.as_of);
        let evaluate = training_set(&self.engine, &self.project, evaluated).await?;
        let sets = Arc::new(Sets { train, evaluate });
        // A challenger is trained once at its time: nobody comes for its sets again.
        if matches!(plan.order.opponent, Opponent::Nobody) {
            self.kept.put(key, &sets);
        }
        Ok(sets)
    }

    async fn sets_key(&self, plan: &Plan) -> Result<SetsKey, TrainError> {
        let tables: Vec<TableName> = self.project.streams.keys().cloned().map(TableName::from).collect();
        let session = self.engine.scope(Scope::default()).await?;
        session.open(&tables).await?;
        let versions = session.read_versions().await;
        Ok(SetsKey {
            model: plan.spec.name.clone(),
            windows: plan.windows,
            as_of: plan.order.as_of,
            versions: versions
                .into_iter()
                .map(|(table, version)| (table.to_string(), version))
                .collect(),
        })
    }

    async fn fit(
        &self,
        plan: &Plan,
        sets: &Arc<Sets>,
        on_step: OnStep<'_>,
    ) -> Result<(Artifact, tidemill_models::FitSummary), TrainError> {
        let (spec, sets) = (plan.spec.clone(), Arc::clone(sets));
        let (parameters, options) = (plan.parameters.clone(), FitOptions::with_seed(plan.seed));
        let (progress, mut heard) = tokio::sync::watch::channel(FitProgress { done: 0, total: 1 });
        let work = spawn_blocking(move || {
            let data = training_data(&spec, &sets.train)?;
            let model = spec.name;
            let mut tell = |step: FitProgress| {
                progress.send_replace(step);
                ControlFlow::Continue(())
            };
            let fitted = fit(&parameters, &data, options, &mut tell);
            let Fit { model: fitted, summary } = fitted.map_err(|source| TrainError::Fit {
                model: model.clone(),
                source,
            })?;
            let artifact =
                Artifact::new(fitted, data.matrix()).map_err(|source| TrainError::Score { model, source })?;
            Ok((artifact, summary))
        });
        // The channel closes when the work is done.
        while heard.changed().await.is_ok() {
            on_step(TrainStep::Fit(*heard.borrow_and_update()));
        }
        work.await?
    }

    /// The evaluated rows with the scores of a model, which finds its features by name.
    pub(crate) async fn scored(
        &self,
        plan: &Plan,
        sets: &Arc<Sets>,
        artifact: &Artifact,
    ) -> Result<RecordBatch, TrainError> {
        let (spec, scorer, to_score) = (plan.spec.clone(), artifact.clone(), Arc::clone(sets));
        spawn_blocking(move || {
            let matrix = matrix_for(&spec, &to_score.evaluate, scorer.model().signature())?;
            let scores = scorer.model().score(&matrix).map_err(|source| TrainError::Score {
                model: spec.name,
                source,
            })?;
            with_scores(&to_score.evaluate.batch, scores)
        })
        .await?
    }

    /// Which of the evaluated rows the evaluation's SQL counts; none where all count.
    async fn counted(
        &self,
        plan: &Plan,
        sets: &Arc<Sets>,
        scored: &RecordBatch,
    ) -> Result<Option<BooleanArray>, TrainError> {
        let name = plan.spec.evaluation.as_ref();
        let Some(evaluation) = name.and_then(|name| self.project.evaluations.get(name)) else {
            return Ok(None);
        };
        let windows = EvaluationWindows {
            train: plan.windows.train_bounds(),
            evaluate: plan.windows.evaluate_bounds(),
        };
        let key = &sets.evaluate.key_columns;
        let as_of = plan.order.as_of;
        Ok(Some(
            evaluation_mask(&self.engine, evaluation, scored, key, &windows, as_of).await?,
        ))
    }

    pub(crate) async fn evaluation(
        &self,
        plan: &Plan,
        sets: &Arc<Sets>,
        scored: &RecordBatch,
        mask: Option<&BooleanArray>,
    ) -> Result<Evaluation, TrainError> {
        let counted = match mask {
            Some(mask) => filter_record_batch(scored, mask)?,
            None => scored.clone(),
        };
        let (spec, time) = (plan.spec.clone(), sets.evaluate.time_column.clone());
        spawn_blocking(move || evaluate(&spec, time.as_str(), &[counted])).await?
    }

    async fn log_figures(&self, run: &RunId, evaluation: &Evaluation, train: SetCounts) -> Result<(), TrainError> {
        let mut points: Vec<MetricPoint> = evaluation
            .metrics
            .0
            .iter()
            .map(|(name, value)| MetricPoint::new(name, *value, 0))
            .collect();
        for (name, count) in [
            ("train_rows", train.rows),
            ("train_positives", train.positives),
            ("evaluate_rows", evaluation.rows),
            ("evaluate_positives", evaluation.positives),
        ] {
            points.push(MetricPoint::new(name, count as f64, 0));
        }
        Ok(self.registry.log_metrics(run, points).await?)
    }
}

impl Plan {
    /// When what is learnt from had to be known: before the rows that it is judged on, and never after `as_of`.
    fn known_at(&self) -> Option<Micros> {
        known_at(&self.windows, self.order.as_of)
    }

    fn checks(&self) -> CheckSelection<'_> {
        CheckSelection::Named(&self.spec.checks)
    }

    fn lineage(&self, set: &TrainingSet, code_version: &CodeVersion) -> Lineage {
        Lineage {
            inputs: set.inputs.clone(),
            streams: set.streams.clone(),
            feature_hash: set.feature_hash.clone(),
            seed: self.seed,
            code_version: code_version.clone(),
        }
    }

    fn trained(&self, run: &RunId, end: TrainEnd, checks: CheckReport) -> Trained {
        Trained {
            end,
            run: run.clone(),
            run_name: self.run_name.clone(),
            experiment: self
                .order
                .experiment
                .clone()
                .unwrap_or_else(|| self.spec.experiment.clone()),
            algorithm: self.parameters.algorithm(),
            params: self.parameters.to_json(),
            seed: self.seed,
            windows: self.windows,
            train_rows: SetCounts::default(),
            evaluate_rows: SetCounts::default(),
            metrics: Metrics::default(),
            gate: GateVerdict::default(),
            comparison: None,
            content_hash: None,
            fit: None,
            checks,
        }
    }
}

/// The failing checks in one sentence, with the first row of each.
fn stopped_by(report: &CheckReport) -> String {
    let failing = report.outcomes.iter().filter(|outcome| !outcome.passed);
    let parts = failing.map(|outcome| {
        let first = outcome
            .sample
            .first()
            .map(|row| format!(", first {}", Value::Object(row.clone())));
        format!(
            "`{}`: {} of {} rows break it{}",
            outcome.check,
            outcome.broken,
            outcome.rows,
            first.unwrap_or_default()
        )
    });
    format!("checks failed: {}", parts.collect::<Vec<_>>().join("; "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn with_scores(batch: &RecordBatch, scores: Vec<f64>) -> Result<RecordBatch, TrainError> {
    let mut fields: Vec<_> = batch.schema_ref().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(SCORE_COLUMN, DataType::Float64, false)));
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns.push(Arc::new(Float64Array::from(scores)));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
