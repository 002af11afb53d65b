//! Runs as they are looked for: lists, one with everything that is known of it, ids that were cut short.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Serialize;
use tidemill_types::{ExperimentName, Lineage, Metrics, ModelName, RunId, VersionNumber};

use crate::artifact::ArtifactEntry;
use crate::db::{Arguments, Row, Session, Sql, sql};
use crate::limits::RUN_PREFIX_CHARS_MIN;
use crate::registry::page;
use crate::run::run;
use crate::{Registry, RegistryError, Run, artifact, lineage, metric};

/// Which runs are wanted, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFilter {
    /// Those of one experiment, or of all.
    pub experiment: Option<ExperimentName>,
    /// In which order.
    pub order: RunOrder,
    /// How many at most.
    pub limit: usize,
}

/// The order of a list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOrder {
    /// The newest first.
    Newest,
    /// The largest value of a metric first; runs without it, or with NaN, come last, the newest first.
    Highest(String),
    /// The smallest value of a metric first; runs without it, or with NaN, come last, the newest first.
    Lowest(String),
}

/// Everything that is known of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetails {
    /// The run with its latest metrics.
    #[serde(flatten)]
    pub run: Run,
    /// Its parameters by name.
    pub params: IndexMap<String, String>,
    /// Its tags by name.
    pub tags: IndexMap<String, String>,
    /// What it was made from: tables, windows, offsets.
    pub lineage: Option<Lineage>,
    /// Its artifacts by path.
    pub artifacts: Vec<ArtifactEntry>,
    /// The model versions that it produced.
    pub versions: Vec<ProducedVersion>,
}

/// A model version that came out of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProducedVersion {
    /// The model.
    pub model: ModelName,
    /// The version.
    pub version: VersionNumber,
}

impl Default for RunFilter {
    /// The newest hundred runs of all experiments.
    fn default() -> RunFilter {
        RunFilter {
            experiment: None,
            order: RunOrder::Newest,
            limit: 100,
        }
    }
}

impl Registry {
    /// The runs that the filter asks for, with their latest metrics.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, RegistryError> {
        let mut session = self.readers().session().await?;
        let experiment_key = match &filter.experiment {
            None => None,
            Some(name) => match session
                .row(sql!("experiments/key"), Arguments::new().text(name))
                .await?
            {
                Some(row) => Some(row.int("experiment_key")?),
                None => return Err(RegistryError::not_found("experiment", name)),
            },
        };
        let limit = page(filter.limit);
        let rows = match &filter.order {
            RunOrder::Newest => newest(&mut session, experiment_key, limit).await?,
            RunOrder::Highest(metric) => {
                let sql = sql!("runs/by_highest_metric");
                by_metric(&mut session, sql, metric, experiment_key, limit).await?
            }
            RunOrder::Lowest(metric) => {
                let sql = sql!("runs/by_lowest_metric");
                by_metric(&mut session, sql, metric, experiment_key, limit).await?
            }
        };
        with_metrics(&mut session, &rows).await
    }

    /// The run with everything that is known of it. Errors when there is none of that id.
    pub async fn run(&self, id: &RunId) -> Result<RunDetails, RegistryError> {
        let mut session = self.readers().session().await?;
        let rows = session.rows(sql!("runs/by_id"), Arguments::new().text(id)).await?;
        let run = with_metrics(&mut session, &rows).await?.pop();
        let (Some(run), Some(row)) = (run, rows.first()) else {
            return Err(RegistryError::not_found("run", id));
        };
        let run_key = row.int("run_key")?;
        let of_run = Arguments::new().int(run_key);
        let params = session.rows(sql!("runs/params"), of_run.clone()).await?;
        let tags = session.rows(sql!("runs/tags"), of_run.clone()).await?;
        let versions = session.rows(sql!("runs/versions"), of_run).await?;
        Ok(RunDetails {
            run,
            params: texts(&params)?,
            tags: texts(&tags)?,
            lineage: lineage::of_run(&mut session, run_key).await?,
            artifacts: artifact::of_root(&mut session, &artifact::root_of_run(id)).await?,
            versions: versions
                .iter()
                .map(|row| {
                    Ok(ProducedVersion {
                        model: row.name("model")?,
                        version: row.version("version")?,
                    })
                })
                .collect::<Result<_, RegistryError>>()?,
        })
    }

    /// The one run whose public id starts with `prefix`, of at least [`RUN_PREFIX_CHARS_MIN`] digits.
    ///
    /// Errors when there is none, or more than one.
    pub async fn resolve_run(&self, prefix: &str) -> Result<RunId, RegistryError> {
        let hex = prefix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !hex || prefix.len() < RUN_PREFIX_CHARS_MIN {
            return Err(RegistryError::not_found("run", prefix));
        }
        let rows = self
            .readers()
            .rows(sql!("runs/by_prefix"), Arguments::new().text(prefix))
            .await?;
        match rows.as_slice() {
            [] => Err(RegistryError::not_found("run", prefix)),
            [row] => row.name("public_id"),
            [first, second, ..] => Err(RegistryError::AmbiguousRun {
                prefix: prefix.to_owned(),
                first: first.name("public_id")?,
                second: second.name("public_id")?,
            }),
        }
    }
}

async fn newest(session: &mut Session, experiment_key: Option<i64>, limit: i64) -> Result<Vec<Row>, RegistryError> {
    match experiment_key {
        Some(key) => {
            let arguments = Arguments::new().int(key).int(limit);
            session.rows(sql!("runs/newest_of_experiment"), arguments).await
        }
        None => session.rows(sql!("runs/newest"), Arguments::new().int(limit)).await,
    }
}

/// Those with the metric from its index, then, where there is room, those without.
async fn by_metric(
    session: &mut Session,
    sql: Sql,
    metric: &str,
    experiment_key: Option<i64>,
    limit: i64,
) -> Result<Vec<Row>, RegistryError> {
    let metric_key = match session.row(sql!("metrics/key"), Arguments::new().text(metric)).await? {
        Some(row) => row.int("metric_key")?,
        None => return newest(session, experiment_key, limit).await,
    };
    let arguments = |limit: i64| Arguments::new().int(metric_key).int(experiment_key).int(limit);
    let mut rows = session.rows(sql, arguments(limit)).await?;
    let room = limit - rows.len() as i64;
    if room > 0 {
        rows.extend(session.rows(sql!("runs/without_metric"), arguments(room)).await?);
    }
    Ok(rows)
}

/// The runs of those rows, in their order.
async fn with_metrics(session: &mut Session, rows: &[Row]) -> Result<Vec<Run>, RegistryError> {
    let keys = rows
        .iter()
        .map(|row| row.int("run_key"))
        .collect::<Result<Vec<i64>, _>>()?;
    let mut metrics: HashMap<i64, Metrics> = HashMap::new();
    for row in session.rows_of_keys(sql!("metrics/latest_of_runs"), &keys).await? {
        let value = metric::value(row.float("value")?, row.flag("is_nan")?);
        metrics
            .entry(row.int("run_key")?)
            .or_default()
            .set(row.text("name")?, value);
    }
    rows.iter()
        .map(|row| {
            let run = run(row)?;
            let metrics = metrics.remove(&row.int("run_key")?).unwrap_or_default();
            Ok(Run { metrics, ..run })
        })
        .collect()
}

fn texts(rows: &[Row]) -> Result<IndexMap<String, String>, RegistryError> {
    rows.iter()
        .map(|row| Ok((row.text("name")?, row.text("value")?)))
        .collect()
}
