//! What rows were made from: Delta versions, the Kafka offsets behind them, the SQL.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use sha2::{Digest, Sha256};
use tidemill_engine::{Engine, Scope, TableBounds};
use tidemill_project::{FeatureView, Project};
use tidemill_types::{
    FeatureHash, KafkaPartition, Micros, NextOffset, StreamRange, TableName, TimeRange, TopicName, TrainingInput,
};

use crate::FeaturesError;
use crate::sources::time_column;

/// SHA-256 over the names and the SQL of views, in their order.
pub fn feature_hash<'a>(views: impl IntoIterator<Item = &'a FeatureView>) -> FeatureHash {
    let mut hash = Sha256::new();
    for view in views {
        // A length before each text: no two lists of views run into the same bytes.
        for text in [view.name.as_str(), &view.sql] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    FeatureHash(hex::encode(hash.finalize()))
}

/// The tables that were read, each with the widest range that anything read of it.
#[derive(Debug, Default)]
pub(crate) struct ReadTables {
    windows: BTreeMap<TableName, TimeRange>,
}

impl ReadTables {
    /// Notes that `range` of `table` was read.
    pub(crate) fn add(&mut self, table: TableName, range: TimeRange) {
        let widest = self.windows.entry(table).or_insert(range);
        widest.from = widest.from.zip(range.from).map(|(one, other)| one.min(other));
        widest.to = widest.to.zip(range.to).map(|(one, other)| one.max(other));
    }

    /// Rows and offsets of every table that is a landed stream, at the versions given.
    pub(crate) async fn lineage(
        &self,
        engine: &Engine,
        project: &Project,
        as_of: Option<Micros>,
        versions: &BTreeMap<TableName, i64>,
    ) -> Result<(Vec<TrainingInput>, Vec<StreamRange>), FeaturesError> {
        let mut inputs = Vec::new();
        let mut ranges = Vec::new();
        for stream in project.streams.values() {
            let table = TableName::from(stream.name.clone());
            let (Some(window), Some(version)) = (self.windows.get(&table), versions.get(&table)) else {
                continue;
            };
            let bounds = TableBounds {
                column: time_column(stream),
                range: *window,
            };
            let scope = Scope {
                bounds: BTreeMap::from([(table.clone(), bounds)]),
                known_before: as_of,
                versions: versions.clone(),
                ..Scope::default()
            };
            let read = offsets(engine, &table, scope).await?;
            inputs.push(TrainingInput {
                table: table.clone(),
                delta_version: *version,
                window: *window,
                rows: read.iter().map(|(_, rows)| rows).sum(),
            });
            ranges.extend(read.into_iter().map(|(range, _)| range));
        }
        Ok((inputs, ranges))
    }
}

/// For each topic and Kafka partition the offsets behind the rows in scope, and how many rows they are.
async fn offsets(engine: &Engine, table: &TableName, scope: Scope) -> Result<Vec<(StreamRange, u64)>, FeaturesError> {
    let action = || format!("find the offsets behind `{table}`");
    let session = engine.scope(scope).await.map_err(FeaturesError::engine(action()))?;
    let sql = include_str!("sql/offsets.sql").replace("{table}", table.as_str());
    let rows = session.query(&sql).await.map_err(FeaturesError::engine(action()))?;
    let mut found = Vec::new();
    for batch in &rows.batches {
        let topics = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)
            .map_err(FeaturesError::arrow("read the topics of a table"))?;
        let topics = topics.as_string::<i32>();
        let partitions = batch.column(1).as_primitive::<Int32Type>();
        let starts = batch.column(2).as_primitive::<Int64Type>();
        let ends = batch.column(3).as_primitive::<Int64Type>();
        let counts = batch.column(4).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let Ok(topic) = TopicName::new(topics.value(row)) else {
                continue;
            };
            let range = StreamRange {
                table: table.clone(),
                topic,
                partition: KafkaPartition(partitions.value(row)),
                start: NextOffset(starts.value(row)),
                end: NextOffset(ends.value(row)),
            };
            found.push((range, counts.value(row).max(0) as u64));
        }
    }
    Ok(found)
}
