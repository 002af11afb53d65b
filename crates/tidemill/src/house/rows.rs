//! Rows of a statement of the house's own, as values.

use arrow::array::RecordBatch;
use arrow::json::ArrayWriter;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tidemill_engine::{Parameter, Scope};
use tidemill_types::{ErrorCode, Micros, Problem};

use super::House;
use super::convert::problem;

/// Before every event and tick: the year 1.
const EARLIEST: Micros = Micros(-62_135_596_800_000_000);
/// After every event and tick: the last instant of the year 9999.
const LATEST: Micros = Micros(253_402_300_799_999_999);

/// A value for `$name`.
pub type Given = (&'static str, Parameter);

/// A text, or the empty one that asks for all.
pub fn text_or_all<T: ToString>(name: &'static str, text: Option<&T>) -> Given {
    (name, Parameter::Text(text.map(ToString::to_string).unwrap_or_default()))
}

/// The first instant that is asked for.
pub fn from(at: Option<Micros>) -> Given {
    ("from", Parameter::Time(at.unwrap_or(EARLIEST)))
}

/// The first instant that is not.
pub fn to(at: Option<Micros>) -> Given {
    ("to", Parameter::Time(at.unwrap_or(LATEST)))
}

impl House {
    /// The rows of a statement, by the names of its columns. Errors when there are more than `rows_max`: `narrower` says what
    /// to ask instead.
    pub(super) async fn rows<T: DeserializeOwned>(
        &self,
        statement: &str,
        given: impl IntoIterator<Item = Given>,
        rows_max: usize,
        narrower: &str,
    ) -> Result<Vec<T>, Problem> {
        let (rows, more) = self.first_rows(statement, given, rows_max).await?;
        if more {
            let what = format!("the answer has more than {rows_max} figures");
            return Err(Problem::new(ErrorCode::LimitReached, what).with_hint(narrower));
        }
        Ok(rows)
    }

    /// The first rows of a statement, and whether there are more.
    pub(super) async fn first_rows<T: DeserializeOwned>(
        &self,
        statement: &str,
        given: impl IntoIterator<Item = Given>,
        rows_max: usize,
    ) -> Result<(Vec<T>, bool), Problem> {
        let scope = Scope {
            parameters: given
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Scope::default()
        };
        let session = self.engine.scope(scope).await.map_err(problem)?;
        let mut batches = session.stream(statement).await.map_err(problem)?;
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(problem)?;
            let places_left = rows_max - rows.len();
            let more = batch.num_rows() > places_left;
            rows.extend(values(&batch.slice(0, batch.num_rows().min(places_left)))?);
            if more {
                return Ok((rows, true));
            }
        }
        Ok((rows, false))
    }
}

fn values<T: DeserializeOwned>(batch: &RecordBatch) -> Result<Vec<T>, Problem> {
    let unreadable = |why: String| {
        Problem::new(
            ErrorCode::Corrupt,
            format!("a table of the house holds what it must not: {why}"),
        )
    };
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let mut json = Vec::new();
    let mut writer = ArrayWriter::new(&mut json);
    let written = writer.write(batch).and_then(|()| writer.finish());
    written.map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))
}
