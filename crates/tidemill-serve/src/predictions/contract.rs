//! What the columns of a predictions stream hold: those of the project's contract, and those that are carried over.

use tidemill_project::{Field, Format, PredictionColumn, Stream, contract_faults};
use tidemill_sources::{EncodedColumn, quoted_names};
use tidemill_types::{ColumnName, ErrorCode, Explain, StreamName, TopicName};

/// A predictions stream that keeps the contract, beside the stream whose rows are scored.
#[derive(Debug, Clone)]
pub struct PredictionContract {
    stream: StreamName,
    topic: TopicName,
    /// In the order of the schema.
    roles: Vec<ColumnRole>,
    encoded: Vec<EncodedColumn>,
    names: Vec<Vec<u8>>,
    /// Where among the columns the Kafka key's is.
    key: Option<usize>,
}

/// What a column of a predictions stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnRole {
    /// What the contract says.
    Ours(PredictionColumn),
    /// What the model's stream has in the column of this name.
    Carried,
}

/// Why a stream cannot hold a model's predictions: the first reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream `{stream}` cannot take predictions: {fault}")]
pub struct ContractFault {
    /// The predictions stream.
    pub stream: StreamName,
    /// What is wrong with it.
    pub fault: String,
    /// What to do about it.
    pub hint: String,
}

impl Explain for ContractFault {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

impl PredictionContract {
    /// Holds a predictions stream against what a prediction of a row of `source` has. A project that was loaded has done so
    /// already; what is made here cannot exist without it.
    pub fn new(predictions: &Stream, source: &Stream) -> Result<PredictionContract, ContractFault> {
        let fault = |(fault, hint)| ContractFault {
            stream: predictions.name.clone(),
            fault,
            hint,
        };
        if predictions.format != Format::Json {
            let hint = format!("set `streams.{}.format` to json", predictions.name);
            return Err(fault(("predictions are written as JSON".to_owned(), hint)));
        }
        let key: Vec<String> = source.key.iter().map(ToString::to_string).collect();
        let mut faults = contract_faults(&predictions.schema, &source.schema, &key).into_iter();
        if let Some(first) = faults.next() {
            return Err(fault(first));
        }
        let fields = predictions.schema.fields.iter().enumerate();
        let encoded: Vec<EncodedColumn> = fields
            .map(|(place, field)| EncodedColumn {
                place,
                field: field.clone(),
            })
            .collect();
        let place_of = |wanted: &ColumnName| encoded.iter().position(|column| column.field.name == *wanted);
        let role_of = |column: &EncodedColumn| {
            let ours = PredictionColumn::named(column.field.name.as_str());
            ours.map_or(ColumnRole::Carried, ColumnRole::Ours)
        };
        Ok(PredictionContract {
            stream: predictions.name.clone(),
            topic: predictions.topic.clone(),
            roles: encoded.iter().map(role_of).collect(),
            names: quoted_names(&encoded),
            key: predictions.partition_by.as_ref().and_then(place_of),
            encoded,
        })
    }

    /// The predictions stream.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// Its topic.
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Its columns in the order of the schema, and what each holds.
    pub fn columns(&self) -> impl Iterator<Item = (&Field, ColumnRole)> {
        let fields = self.encoded.iter().map(|column| &column.field);
        fields.zip(self.roles.iter().copied())
    }

    /// The columns that come from the model's stream.
    pub fn carried(&self) -> impl Iterator<Item = &Field> {
        let carried = self.columns().filter(|(_, role)| *role == ColumnRole::Carried);
        carried.map(|(field, _)| field)
    }

    pub(super) fn encoded(&self) -> &[EncodedColumn] {
        &self.encoded
    }

    pub(super) fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    pub(super) fn key(&self) -> Option<usize> {
        self.key
    }
}
