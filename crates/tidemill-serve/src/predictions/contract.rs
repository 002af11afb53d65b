//! What the columns of a predictions stream hold.

use tidemill_project::{Field, FieldType, Format, Stream};
use tidemill_sources::{EncodedColumn, quoted_names};
use tidemill_types::{ColumnName, ErrorCode, Explain, StreamName, TopicName};

/// What a column of a predictions stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnRole {
    /// What identifies the prediction: `DEPLOYMENT:TOPIC:PARTITION:OFFSET` of an event, `ID#ROW` of a request.
    PredictionId,
    /// The model.
    Model,
    /// Its version, a plain number.
    ModelVersion,
    /// The deployment that scored.
    Deployment,
    /// The score, from 0 to 1.
    Score,
    /// 1 where the score reaches the model's threshold, else 0.
    Decision,
    /// `stream` or `request`.
    Source,
    /// When it was scored: the tick, or the wall clock of a request.
    ScoredAt,
    /// When the event happened; of a request, when it was scored.
    EventTime,
    /// Milliseconds between event and score; null for requests, whose features have an age that nobody told.
    FeatureAge,
    /// SHA-256 of what the score was made from, see [`super::row_hash`].
    FeatureHash,
    /// The feature values as a JSON object.
    Features,
    /// A column of the model's stream.
    Carried,
}

/// A role with its column's name, whether a stream must have it, and the types that the column may have.
const ROLES: [(ColumnRole, &str, bool, &[FieldType]); 12] = [
    (ColumnRole::PredictionId, "prediction_id", true, &[FieldType::String]),
    (ColumnRole::Model, "model", true, &[FieldType::String]),
    (ColumnRole::ModelVersion, "model_version", true, &[FieldType::Long]),
    (ColumnRole::Deployment, "deployment", true, &[FieldType::String]),
    (ColumnRole::Score, "score", true, &[FieldType::Double]),
    (ColumnRole::Decision, "decision", true, &[FieldType::Int]),
    (ColumnRole::Source, "source", true, &[FieldType::String]),
    (ColumnRole::ScoredAt, "scored_at", true, &[FieldType::TimestampMicros]),
    (ColumnRole::EventTime, "event_time", true, &[FieldType::TimestampMicros]),
    (ColumnRole::FeatureAge, "feature_age_ms", false, &[FieldType::Long]),
    (ColumnRole::FeatureHash, "feature_hash", false, &[FieldType::String]),
    (ColumnRole::Features, "features", false, &[FieldType::String]),
];

impl ColumnRole {
    /// The role of a column of this name; [`ColumnRole::Carried`] for every name that is none of ours.
    pub fn of(column: &ColumnName) -> ColumnRole {
        let ours = ROLES.iter().find(|(_, name, _, _)| *name == column.as_str());
        ours.map_or(ColumnRole::Carried, |(role, ..)| *role)
    }
}

/// A predictions stream that has what it needs, beside the stream whose rows are scored.
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

/// Why a stream cannot hold a model's predictions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractFault {
    /// A column is not there.
    #[error("stream `{stream}` cannot hold predictions: it has no column `{column}` of type {wanted}")]
    Missing {
        /// The predictions stream.
        stream: StreamName,
        /// The column.
        column: &'static str,
        /// Its type.
        wanted: &'static str,
    },
    /// A column has another type.
    #[error("stream `{stream}` cannot hold predictions: its column `{column}` is {found}, not {wanted}")]
    WrongType {
        /// The predictions stream.
        stream: StreamName,
        /// The column.
        column: ColumnName,
        /// Its type.
        found: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// A column that is neither ours nor the source's.
    #[error("stream `{stream}` cannot hold predictions: nothing fills its column `{column}`")]
    Unknown {
        /// The predictions stream.
        stream: StreamName,
        /// The column.
        column: ColumnName,
        /// The stream whose rows are scored.
        scored: StreamName,
    },
    /// Requests from outside do not have it.
    #[error("stream `{stream}` cannot hold predictions: its column `{column}` must allow null")]
    NotNullable {
        /// The predictions stream.
        stream: StreamName,
        /// The column.
        column: ColumnName,
    },
    /// A key column of the source is not carried.
    #[error("stream `{stream}` cannot hold predictions: it lacks the key column `{column}` of `{scored}`")]
    KeyNotCarried {
        /// The predictions stream.
        stream: StreamName,
        /// The key column.
        column: ColumnName,
        /// The stream whose rows are scored.
        scored: StreamName,
    },
    /// It is written in a form that predictions are not sent in.
    #[error("stream `{stream}` cannot hold predictions: they are written as JSON")]
    Format {
        /// The predictions stream.
        stream: StreamName,
    },
}

impl Explain for ContractFault {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            ContractFault::Unknown { scored, .. } => {
                format!("a column that is none of a prediction's own must be one of `{scored}`, of the same type")
            }
            ContractFault::NotNullable { .. } => r#"write ["null", TYPE] in its schema: requests do not have it"#.to_owned(),
            ContractFault::Format { stream } => format!("set streams.{stream}.format to \"json\""),
            ContractFault::Missing { stream, .. }
            | ContractFault::WrongType { stream, .. }
            | ContractFault::KeyNotCarried { stream, .. } => format!("see schemas/{stream}.avsc"),
        })
    }
}

impl PredictionContract {
    /// Holds the schema of a predictions stream against what a prediction of a row of `source` has.
    pub fn new(predictions: &Stream, source: &Stream) -> Result<PredictionContract, ContractFault> {
        let stream = predictions.name.clone();
        if predictions.format != Format::Json {
            return Err(ContractFault::Format { stream });
        }
        for (_, column, required, types) in &ROLES {
            if *required && predictions.schema.field(column).is_none() {
                return Err(ContractFault::Missing {
                    stream,
                    column,
                    wanted: types[0].as_str(),
                });
            }
        }
        for field in &predictions.schema.fields {
            check_column(field, predictions, source)?;
        }
        if let Some(column) = source.key.iter().find(|key| predictions.schema.field(key.as_str()).is_none()) {
            return Err(ContractFault::KeyNotCarried {
                stream,
                column: column.clone(),
                scored: source.name.clone(),
            });
        }
        let fields = predictions.schema.fields.iter().enumerate();
        let encoded: Vec<EncodedColumn> = fields
            .map(|(place, field)| EncodedColumn {
                place,
                field: field.clone(),
            })
            .collect();
        let place_of = |wanted: &ColumnName| encoded.iter().position(|column| column.field.name == *wanted);
        Ok(PredictionContract {
            stream,
            topic: predictions.topic.clone(),
            roles: encoded.iter().map(|column| ColumnRole::of(&column.field.name)).collect(),
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

fn check_column(field: &Field, predictions: &Stream, source: &Stream) -> Result<(), ContractFault> {
    let stream = || predictions.name.clone();
    let column = || field.name.clone();
    let of_other_type = |wanted: &'static str| ContractFault::WrongType {
        stream: stream(),
        column: column(),
        found: field.kind.as_str(),
        wanted,
    };
    let ours = ROLES.iter().find(|(_, name, _, _)| *name == field.name.as_str());
    if let Some((role, _, required, types)) = ours {
        let lists_both = |symbols: &[String]| ["stream", "request"].iter().all(|one| symbols.iter().any(|s| s == one));
        let fits = match &field.kind {
            FieldType::Enum(symbols) if *role == ColumnRole::Source => lists_both(symbols),
            kind => types.contains(kind),
        };
        if !fits {
            return Err(of_other_type(types[0].as_str()));
        }
        if !required && !field.nullable {
            return Err(ContractFault::NotNullable {
                stream: stream(),
                column: column(),
            });
        }
        return Ok(());
    }
    match source.schema.field(field.name.as_str()) {
        None => Err(ContractFault::Unknown {
            stream: stream(),
            column: column(),
            scored: source.name.clone(),
        }),
        Some(carried) if carried.kind != field.kind => Err(of_other_type(carried.kind.as_str())),
        Some(_) if !field.nullable => Err(ContractFault::NotNullable {
            stream: stream(),
            column: column(),
        }),
        Some(_) => Ok(()),
    }
}
