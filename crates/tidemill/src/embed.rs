//! tidemill inside another program: one value that holds a project, with the five things that a program wants of it.
//!
//! Whatever else there is, [`Tidemill::house`] answers as [`Operations`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use serde::Serialize;
use serde_json::Value;
use tidemill_api::{DeployRequest, Deployment, Operations, SqlRequest, TrainOutcome, TrainRequest};
use tidemill_kafka::{Producer, ProducerRecord};
use tidemill_project::{Format, Overrides, Project, Stream};
use tidemill_sources::producer_limits;
use tidemill_types::{
    Clock, DeploymentName, ErrorCode, Explain, Micros, ModelName, Problem, StreamName, SystemClock, VersionNumber,
};

use crate::house::{House, Parts, infer_request};
use crate::lock::{ProjectLock, Taken, held_by};

/// Longest wait for what was sent to be acknowledged by the broker.
const ACKNOWLEDGE_WAIT_MAX: Duration = Duration::from_mins(2);
/// Longest wait for what was sent to land.
const LANDING_WAIT_MAX: Duration = Duration::from_mins(10);
/// Who acts, in the audit log.
const ACTOR: &str = "embedded";

/// A project, opened: broker, ingest, lake, engine, registry and slots run in this process until it is closed.
pub struct Tidemill {
    house: House,
    producer: Option<Producer>,
    /// Keeps every other process out.
    _lock: ProjectLock,
}

impl Tidemill {
    /// Opens the project in `dir` with everything: the broker, in this process unless the settings name one, and ingest.
    ///
    /// Errors with the faults of the project, or with who holds it.
    pub async fn open(dir: impl AsRef<Path>) -> Result<Tidemill, Problem> {
        let project = Project::load(dir.as_ref(), &Overrides::default()).map_err(|error| error.problem())?;
        Tidemill::open_project(project, Parts::all()).await
    }

    /// Opens a project that was read with settings of your own, with the parts that you want.
    pub async fn open_project(project: Project, parts: Parts) -> Result<Tidemill, Problem> {
        let lock = match ProjectLock::take(&project.state_dir(), ACTOR, SystemClock.now())? {
            Taken::Ours(lock) => lock,
            Taken::Theirs(holder) => return Err(held_by(holder.as_ref())),
        };
        let house = House::open(Arc::new(project), parts).await?;
        let producer = match house.kafka() {
            Some(kafka) => Some(Producer::new(kafka.client(), &producer_limits()).map_err(|error| error.problem())?),
            None => None,
        };
        Ok(Tidemill {
            house,
            producer,
            _lock: lock,
        })
    }

    /// Everything else that can be asked: it implements [`Operations`].
    pub fn house(&self) -> &House {
        &self.house
    }

    /// Sends records to a stream's topic as JSON, each with the time at which it was known, and returns when the broker has
    /// them: how many there were. They land a moment later; [`Tidemill::landed`] waits for that.
    ///
    /// Errors when the stream is not there or not JSON, a record is no JSON object, or the broker does not answer.
    pub async fn produce<R: Serialize>(
        &self,
        stream: &str,
        records: impl IntoIterator<Item = (Micros, R)>,
    ) -> Result<u64, Problem> {
        let producer = self.producer.as_ref().ok_or_else(|| {
            Problem::new(ErrorCode::NotReady, "this house was opened without Kafka")
                .with_hint("open it with `Parts::all()`")
        })?;
        let name: StreamName = named(stream)?;
        let streams = &self.house.project().streams;
        let stream = streams
            .get(&name)
            .ok_or_else(|| Problem::new(ErrorCode::NotFound, format!("no stream is called `{name}`")))?;
        if stream.format != Format::Json {
            let what = format!("`{name}` does not take JSON");
            return Err(Problem::new(ErrorCode::InvalidInput, what).with_hint("use a producer of your own for it"));
        }
        let mut sent = 0;
        for (known, record) in records {
            let (key, value) = encode(stream, &record)?;
            let record = ProducerRecord {
                topic: &stream.topic,
                partition: None,
                key: key.as_deref().map(str::as_bytes),
                value: Some(&value),
                headers: &[],
                timestamp: known,
            };
            producer.send(record).await.map_err(|error| error.problem())?;
            sent += 1;
        }
        let flushed = producer.flush(ACKNOWLEDGE_WAIT_MAX).await;
        flushed.map_err(|error| error.problem())?;
        Ok(sent)
    }

    /// Returns when everything that is in the topics now is in the tables.
    pub async fn landed(&self) -> Result<(), Problem> {
        match self.house.kafka() {
            Some(kafka) => kafka.wait_until_landed(LANDING_WAIT_MAX).await,
            None => Ok(()),
        }
    }

    /// Answers a read-only query as Arrow batches. An answer that a limit of the settings cuts is an error, not a part.
    pub async fn sql(&self, query: &str) -> Result<Vec<RecordBatch>, Problem> {
        let answer = self.house.sql(SqlRequest::new(query)).await?;
        if answer.truncated {
            let what = format!("a limit cut the answer after {} rows", answer.rows());
            let problem = Problem::new(ErrorCode::LimitReached, what);
            return Err(problem.with_hint("engine.query_rows and engine.query_bytes set it"));
        }
        Ok(answer.batches)
    }

    /// Trains a model as the project says: checks, training set, fit, evaluation, gate, version. A check or a gate that does
    /// not pass is an outcome without a version, not an error.
    pub async fn train(&self, model: &str) -> Result<TrainOutcome, Problem> {
        let mut request = TrainRequest::new(named::<ModelName>(model)?);
        request.actor = Some(ACTOR.to_owned());
        self.house.train(request).await
    }

    /// Serves a version of a model in the deployment of the model's own name.
    pub async fn deploy(&self, model: &str, version: VersionNumber) -> Result<Deployment, Problem> {
        let request = DeployRequest {
            model: named(model)?,
            version: Some(version),
            alias: None,
            deployment: None,
            reason: None,
            actor: Some(ACTOR.to_owned()),
        };
        self.house.deploy(request).await
    }

    /// Scores rows with what a deployment serves, in this process: a row is an object with the features by name, a score the
    /// probability of the positive class. What is no feature of the model is passed over; a missing value is null.
    pub async fn score<R: Serialize>(&self, deployment: &str, rows: &[R]) -> Result<Vec<f64>, Problem> {
        let deployment: DeploymentName = named(deployment)?;
        let rows = rows.iter().map(object).collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let metadata = self.house.inference_metadata(&deployment, None).await?;
        let features: Vec<String> = metadata.inputs.into_iter().map(|input| input.name).collect();
        let answer = self
            .house
            .infer(&deployment, None, infer_request(&features, &rows)?)
            .await?;
        Ok(answer
            .outputs
            .into_iter()
            .next()
            .map(|output| output.data)
            .unwrap_or_default())
    }

    /// Stops: what was read has landed, what was acknowledged is on disk.
    pub async fn close(self) -> Result<(), Problem> {
        self.house.close().await
    }
}

fn named<N: TryFrom<String, Error = tidemill_types::InvalidName>>(text: &str) -> Result<N, Problem> {
    N::try_from(text.to_owned()).map_err(|error| Problem::new(ErrorCode::InvalidInput, error.to_string()))
}

fn object<R: Serialize>(row: &R) -> Result<serde_json::Map<String, Value>, Problem> {
    match serde_json::to_value(row) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(Problem::new(
            ErrorCode::InvalidInput,
            format!("a row is a JSON object, not {other}"),
        )),
        Err(error) => Err(Problem::new(
            ErrorCode::InvalidInput,
            format!("a row cannot be written as JSON: {error}"),
        )),
    }
}

/// The record's value, and the key that its partition is chosen by.
fn encode<R: Serialize>(stream: &Stream, record: &R) -> Result<(Option<String>, Vec<u8>), Problem> {
    let object = object(record)?;
    let key = stream
        .partition_by
        .as_ref()
        .and_then(|column| object.get(column.as_str()));
    let key = match key {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let value = serde_json::to_vec(&object).map_err(|error| {
        Problem::new(
            ErrorCode::InvalidInput,
            format!("a record cannot be written as JSON: {error}"),
        )
    })?;
    Ok((key, value))
}
