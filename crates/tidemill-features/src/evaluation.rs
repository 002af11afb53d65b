//! Which scored rows an evaluation counts, by a file of `sql/evaluation`.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::row::{RowConverter, SortField};
use tidemill_engine::{Engine, Parameter, Rows, Scope};
use tidemill_project::Evaluation;
use tidemill_types::{ColumnName, Micros, TableName, TimeRange};

use crate::FeaturesError;

/// The table of scored rows that an evaluation's query reads.
pub const EVALUATION_ROWS: &str = "evaluation_rows";
/// The column of the score in it.
pub const SCORE_COLUMN: &str = "score";

/// The windows that an evaluation's query knows as `$train_from`, `$train_to`, `$evaluate_from` and `$evaluate_to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationWindows {
    /// What was learnt from.
    pub train: (Micros, Micros),
    /// What is judged.
    pub evaluate: (Micros, Micros),
}

impl EvaluationWindows {
    /// The parameters of the query.
    pub(crate) fn parameters(&self) -> BTreeMap<String, Parameter> {
        let named = [
            ("train_from", self.train.0),
            ("train_to", self.train.1),
            ("evaluate_from", self.evaluate.0),
            ("evaluate_to", self.evaluate.1),
        ];
        let named = named
            .into_iter()
            .map(|(name, time)| (name.to_owned(), Parameter::Time(time)));
        named.collect()
    }

    /// The range of the rows that are judged.
    pub fn evaluate_range(&self) -> TimeRange {
        TimeRange::new(self.evaluate.0, self.evaluate.1)
    }
}

/// The session scope of an evaluation over `rows`.
pub(crate) fn evaluation_scope(rows: Rows, windows: &EvaluationWindows, as_of: Option<Micros>) -> Scope {
    let table = TableName::new(EVALUATION_ROWS).expect("the name obeys the rule for tables");
    Scope {
        known_before: as_of,
        tables: BTreeMap::from([(table, rows)]),
        parameters: windows.parameters(),
        ..Scope::default()
    }
}

/// For each of `rows` (with the key columns, the columns of the stream, the label and [`SCORE_COLUMN`]) whether it counts: its
/// key is among those that the evaluation's query gives. The streams are read as they were known at `as_of`.
pub async fn evaluation_mask(
    engine: &Engine,
    evaluation: &Evaluation,
    rows: &RecordBatch,
    key: &[ColumnName],
    windows: &EvaluationWindows,
    as_of: Option<Micros>,
) -> Result<BooleanArray, FeaturesError> {
    let failed = || FeaturesError::engine(format!("run evaluation `{}`", evaluation.name));
    let scope = evaluation_scope(Rows::from(rows.clone()), windows, as_of);
    let session = engine.scope(scope).await.map_err(failed())?;
    let counted = session.query(&evaluation.sql).await.map_err(failed())?;
    let wrong = || FeaturesError::arrow("match the rows of an evaluation by key");

    let own = key_columns(rows, key).map_err(wrong())?;
    let fields = own.iter().map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(wrong())?;
    let mut keys: HashSet<Vec<u8>> = HashSet::new();
    for batch in &counted.batches {
        let columns = key_columns(batch, key).map_err(wrong())?;
        let same_types = columns
            .iter()
            .zip(&own)
            .map(|(column, own)| cast(column, own.data_type()));
        let same_types: Vec<ArrayRef> = same_types.collect::<Result<_, _>>().map_err(wrong())?;
        let rows = converter.convert_columns(&same_types).map_err(wrong())?;
        keys.extend(rows.iter().map(|row| row.as_ref().to_vec()));
    }
    let own = converter.convert_columns(&own).map_err(wrong())?;
    Ok(own.iter().map(|row| Some(keys.contains(row.as_ref()))).collect())
}

fn key_columns(batch: &RecordBatch, key: &[ColumnName]) -> Result<Vec<ArrayRef>, arrow::error::ArrowError> {
    let columns = key.iter().map(|name| {
        let place = batch.schema_ref().index_of(name.as_str())?;
        Ok(batch.column(place).clone())
    });
    columns.collect()
}
