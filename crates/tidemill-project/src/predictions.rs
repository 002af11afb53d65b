//! The contract of a stream of predictions: the columns that tidemill fills, and those that it carries over.

use crate::schema::{FieldType, StreamSchema};

/// A column that tidemill fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PredictionColumn {
    /// What identifies the prediction: deployment, topic, partition and offset of its event, or of its request id and row.
    PredictionId,
    /// The model.
    Model,
    /// Its version.
    ModelVersion,
    /// The deployment that answered.
    Deployment,
    /// From 0 to 1.
    Score,
    /// 1 where the score has reached the model's threshold, else 0.
    Decision,
    /// `stream` or `request`.
    Source,
    /// When it was scored: the tick of the event clock, or the present for a request.
    ScoredAt,
    /// When the event happened; for a request, when it came.
    EventTime,
    /// How long before the scoring the row's features held: `scored_at` less the event time. Null for requests.
    FeatureAgeMs,
    /// What identifies what the score was made from: SHA-256 over the views' SQL and the values, in hexadecimal.
    FeatureHash,
    /// The features by name, as a JSON object.
    Features,
}

/// All of them, with the name and type that they have, and whether a stream of predictions must have them.
pub const PREDICTION_COLUMNS: [(PredictionColumn, &str, FieldType, bool); 12] = [
    (PredictionColumn::PredictionId, "prediction_id", FieldType::String, true),
    (PredictionColumn::Model, "model", FieldType::String, true),
    (PredictionColumn::ModelVersion, "model_version", FieldType::Long, true),
    (PredictionColumn::Deployment, "deployment", FieldType::String, true),
    (PredictionColumn::Score, "score", FieldType::Double, true),
    (PredictionColumn::Decision, "decision", FieldType::Int, true),
    (PredictionColumn::Source, "source", FieldType::String, true),
    (
        PredictionColumn::ScoredAt,
        "scored_at",
        FieldType::TimestampMicros,
        true,
    ),
    (
        PredictionColumn::EventTime,
        "event_time",
        FieldType::TimestampMicros,
        true,
    ),
    (PredictionColumn::FeatureAgeMs, "feature_age_ms", FieldType::Long, false),
    (PredictionColumn::FeatureHash, "feature_hash", FieldType::String, false),
    (PredictionColumn::Features, "features", FieldType::String, false),
];

impl PredictionColumn {
    /// The column of this name.
    pub fn named(name: &str) -> Option<PredictionColumn> {
        let column = PREDICTION_COLUMNS.iter().find(|(_, other, ..)| *other == name);
        column.map(|(column, ..)| *column)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        PREDICTION_COLUMNS[self as usize].1
    }
}

/// What keeps a schema from being that of predictions for rows of `source`, each with what to do about it.
pub fn contract_faults(schema: &StreamSchema, source: &StreamSchema, key: &[String]) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    for (_, name, kind, needed) in &PREDICTION_COLUMNS {
        match schema.field(name) {
            None if *needed => faults.push((
                format!("it has no column `{name}`"),
                format!("add `{name}`, which is {}", kind.as_str()),
            )),
            Some(field) if field.kind != *kind => faults.push((
                format!("its column `{name}` is {}", field.kind.as_str()),
                format!("make it {}", kind.as_str()),
            )),
            Some(field) if !needed && !field.nullable => faults.push((
                format!("its column `{name}` cannot be null"),
                format!("make it `[\"null\", \"{}\"]`", kind.as_str()),
            )),
            _ => {}
        }
    }
    for field in &schema.fields {
        let name = field.name.as_str();
        if PredictionColumn::named(name).is_some() {
            continue;
        }
        match source.field(name) {
            None => faults.push((
                format!("nobody fills its column `{name}`"),
                "columns beside those of the contract are carried over from the model's stream".to_owned(),
            )),
            Some(carried) if carried.kind != field.kind => faults.push((
                format!("its column `{name}` is {}", field.kind.as_str()),
                format!("it is {} in the model's stream", carried.kind.as_str()),
            )),
            Some(_) if !field.nullable => faults.push((
                format!("its column `{name}` cannot be null"),
                "a request from outside may lack it".to_owned(),
            )),
            Some(_) => {}
        }
    }
    for column in key.iter().filter(|column| schema.field(column.as_str()).is_none()) {
        faults.push((
            format!("it lacks `{column}`, by which labels are joined"),
            "carry the key of the model's stream over".to_owned(),
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_at_its_own_place() {
        for (column, name, ..) in &PREDICTION_COLUMNS {
            assert_eq!(column.name(), *name);
            assert_eq!(PredictionColumn::named(name), Some(*column));
        }
        assert_eq!(PredictionColumn::named("CUSTOMER_ID"), None);
    }
}
