//! The rows of a stream with their features beside them, and with their labels where wanted: what training sets and
//! predictions have in common.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use tidemill_engine::{Engine, Rows, Scope, ScopedSession};
use tidemill_project::{FeatureView, ModelSpec, Project, Stream};
use tidemill_types::{ColumnName, KafkaColumn, Micros, StreamRange, TableName, TimeRange, TrainingInput, ViewName};

use crate::FeaturesError;
use crate::columns::view_columns;
use crate::join::{KEEP, all_true};
use crate::lineage::ReadTables;
use crate::quote::{listed, quoted};
use crate::sources::{time_column, view_scope};

/// A condition that rows must meet to be used: a check that quarantines what breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCondition {
    /// The stream or the view of the model that it looks at. Conditions on other tables change nothing.
    pub on: TableName,
    /// A boolean expression over its columns; rows for which it is not true are left out.
    pub expression: String,
}

/// What to assemble.
pub(crate) struct Assembly<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) project: &'a Project,
    pub(crate) model: &'a ModelSpec,
    pub(crate) range: TimeRange,
    pub(crate) as_of: Option<Micros>,
    pub(crate) conditions: &'a [RowCondition],
    /// Delta versions to read instead of the newest.
    pub(crate) versions: &'a BTreeMap<TableName, i64>,
    pub(crate) with_label: bool,
    /// Whether each row says where it comes from and when it was known.
    pub(crate) with_origin: bool,
}

/// Rows of the stream in the order (event time, key).
pub(crate) struct Assembled {
    /// Columns of the stream, then where a row comes from where wanted ([`ORIGIN_COLUMNS`]), then the label as `Float64` under its
    /// own name where wanted, then the features as `Float64`. A column of the stream that is a feature stands among the features only.
    pub(crate) batch: RecordBatch,
    pub(crate) key: Vec<ColumnName>,
    pub(crate) time: ColumnName,
    pub(crate) features: Vec<ColumnName>,
    /// Which view gives each feature; those of the stream itself are not in it.
    pub(crate) homes: BTreeMap<ColumnName, ViewName>,
    /// Rows that a condition left out.
    pub(crate) excluded: u64,
    /// Rows that no known label was found for.
    pub(crate) unlabelled: u64,
    pub(crate) inputs: Vec<TrainingInput>,
    pub(crate) streams: Vec<StreamRange>,
}

/// Where a row of a stream comes from: topic, Kafka partition, offset, and when it was known.
pub(crate) const ORIGIN_COLUMNS: [KafkaColumn; 4] = [
    KafkaColumn::Topic,
    KafkaColumn::Partition,
    KafkaColumn::Offset,
    KafkaColumn::KnownTime,
];

fn homes_of(views: &[ComputedView<'_>]) -> BTreeMap<ColumnName, ViewName> {
    let features = views.iter().flat_map(|computed| {
        let names = computed.features.iter();
        names.map(|name| (name.clone(), computed.view.name.clone()))
    });
    features.collect()
}

/// A view whose rows are in memory.
pub(crate) struct ComputedView<'a> {
    pub(crate) view: &'a FeatureView,
    pub(crate) table: TableName,
    pub(crate) features: Vec<ColumnName>,
    pub(crate) rows: Rows,
}

impl Assembly<'_> {
    pub(crate) async fn run(&self) -> Result<Assembled, FeaturesError> {
        let stream = self.stream()?;
        let views = self.views()?;
        let versions = self.pin().await?;
        let mut read = ReadTables::default();

        let mut session_of_view = Vec::new();
        let mut columns = Vec::new();
        for view in &views {
            let session = self.view_session(view, &versions).await?;
            columns.push(view_columns(&session, view).await?);
            session_of_view.push(session);
        }
        let chosen = self.choose_features(stream, &views, &columns)?;
        let mut computed = Vec::new();
        for ((view, columns), session) in views.iter().zip(&columns).zip(session_of_view) {
            let wanted: Vec<ColumnName> = chosen.iter().filter(|name| columns.has(name)).cloned().collect();
            let conditions = self.conditions_on(&TableName::from(view.name.clone()));
            if wanted.is_empty() && conditions.is_empty() {
                continue;
            }
            computed.push(
                self.compute_view(view, wanted, &conditions, &session, computed.len())
                    .await?,
            );
            let bounds = self.engine.catalog().bounds(self.range, view.lookback.as_micros());
            for table in session.read_versions().await.into_keys() {
                if let Some(bounds) = bounds.get(&table) {
                    read.add(table, bounds.range);
                }
            }
        }

        let (batch, excluded, unlabelled) = self.join(stream, &computed, &chosen, &versions).await?;
        read.add(TableName::from(stream.name.clone()), self.range);
        if self.with_label && self.model.label.stream != stream.name {
            read.add(TableName::from(self.model.label.stream.clone()), TimeRange::ALL);
        }
        let (inputs, streams) = read.lineage(self.engine, self.project, self.as_of, &versions).await?;
        Ok(Assembled {
            batch,
            key: stream.key.clone(),
            time: time_column(stream),
            homes: homes_of(&computed),
            features: chosen,
            excluded,
            unlabelled,
            inputs,
            streams,
        })
    }

    fn stream(&self) -> Result<&Stream, FeaturesError> {
        let name = &self.model.stream;
        self.project
            .streams
            .get(name)
            .ok_or_else(|| FeaturesError::UnknownStream(name.clone()))
    }

    pub(crate) fn label_stream(&self) -> Result<&Stream, FeaturesError> {
        let name = &self.model.label.stream;
        self.project
            .streams
            .get(name)
            .ok_or_else(|| FeaturesError::UnknownStream(name.clone()))
    }

    fn views(&self) -> Result<Vec<&FeatureView>, FeaturesError> {
        let find = |name: &ViewName| {
            self.project
                .views
                .get(name)
                .ok_or_else(|| FeaturesError::UnknownView(name.clone()))
        };
        self.model.views.iter().map(find).collect()
    }

    /// Opens every stream's table once: whatever lands from now on, all of this reads the same versions.
    async fn pin(&self) -> Result<BTreeMap<TableName, i64>, FeaturesError> {
        let action = || FeaturesError::engine("open the streams' tables");
        let scope = Scope {
            versions: self.versions.clone(),
            ..Scope::default()
        };
        let session = self.engine.scope(scope).await.map_err(action())?;
        let tables = self.project.streams.keys().map(|name| TableName::from(name.clone()));
        session.open(&tables.collect::<Vec<_>>()).await.map_err(action())?;
        Ok(session.read_versions().await)
    }

    async fn view_session(
        &self,
        view: &FeatureView,
        versions: &BTreeMap<TableName, i64>,
    ) -> Result<ScopedSession, FeaturesError> {
        let scope = Scope {
            versions: versions.clone(),
            ..view_scope(self.engine, view, self.range, self.as_of)
        };
        let session = self.engine.scope(scope).await;
        session.map_err(FeaturesError::engine(format!("read feature view `{}`", view.name)))
    }

    pub(crate) fn conditions_on(&self, table: &TableName) -> Vec<&str> {
        let conditions = self.conditions.iter().filter(|condition| condition.on == *table);
        conditions.map(|condition| condition.expression.as_str()).collect()
    }

    async fn compute_view<'v>(
        &self,
        view: &'v FeatureView,
        features: Vec<ColumnName>,
        conditions: &[&str],
        session: &ScopedSession,
        number: usize,
    ) -> Result<ComputedView<'v>, FeaturesError> {
        let casts = features.iter().map(|feature| {
            let name = quoted(feature);
            format!(", cast(v.{name} as double) as {name}")
        });
        let sql = format!(
            "select {key}{casts}, {keep} as {KEEP} from {table} as v",
            key = listed("v", &view.key),
            casts = casts.collect::<String>(),
            keep = all_true(conditions),
            table = view.name,
        );
        let rows = session.query(&sql).await;
        let rows = rows.map_err(FeaturesError::engine(format!("compute feature view `{}`", view.name)))?;
        let table = TableName::new(format!("_tm_view_{number}")).expect("the name obeys the rule for tables");
        Ok(ComputedView {
            view,
            table,
            features,
            rows,
        })
    }
}
