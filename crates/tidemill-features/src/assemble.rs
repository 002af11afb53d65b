//! The rows of a stream with their features beside them, and with their labels where wanted: what training sets and
//! predictions have in common.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{and, filter_record_batch, is_not_null};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use tidemill_engine::{Engine, Rows, Scope, ScopedSession, TableBounds};
use tidemill_project::{FeatureView, ModelSpec, Project, Stream};
use tidemill_types::{ColumnName, KafkaColumn, Micros, StreamRange, TableName, TimeRange, TrainingInput, ViewName};

use crate::FeaturesError;
use crate::columns::{ViewColumns, fits_model, view_columns};
use crate::lineage::ReadTables;
use crate::quote::{listed, quoted, same_key};
use crate::sources::{time_column, view_scope};

/// The column that says whether every condition on a row holds.
const KEEP: &str = "_tm_keep";
/// The column of the label while rows are assembled.
const LABEL: &str = "_tm_label";

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
    pub(crate) with_label: bool,
}

/// Rows of the stream in the order (event time, key).
pub(crate) struct Assembled {
    /// Columns of the stream, then the label as `Float64` under its own name where wanted, then the features as `Float64`. A
    /// column of the stream that is a feature stands among the features only.
    pub(crate) batch: RecordBatch,
    pub(crate) key: Vec<ColumnName>,
    pub(crate) time: ColumnName,
    pub(crate) features: Vec<ColumnName>,
    /// Rows that a condition left out.
    pub(crate) excluded: u64,
    /// Rows that no known label was found for.
    pub(crate) unlabelled: u64,
    pub(crate) inputs: Vec<TrainingInput>,
    pub(crate) streams: Vec<StreamRange>,
}

/// A view whose rows are in memory.
struct ComputedView<'a> {
    view: &'a FeatureView,
    table: TableName,
    features: Vec<ColumnName>,
    rows: Rows,
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

    fn label_stream(&self) -> Result<&Stream, FeaturesError> {
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
        let session = self.engine.scope(Scope::default()).await.map_err(action())?;
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

    /// The model's features in its order; those it leaves open are all of its views.
    fn choose_features(
        &self,
        stream: &Stream,
        views: &[&FeatureView],
        columns: &[ViewColumns],
    ) -> Result<Vec<ColumnName>, FeaturesError> {
        let mut home: BTreeMap<&str, &ViewName> = BTreeMap::new();
        let mut all = Vec::new();
        let wanted = self.model.features.as_deref();
        for (view, columns) in views.iter().zip(columns) {
            for field in &columns.features {
                let Ok(feature) = ColumnName::new(field.name().clone()) else {
                    continue;
                };
                if wanted.is_some_and(|wanted| !wanted.contains(&feature)) {
                    continue;
                }
                if let Some(first) = home.insert(field.name(), &view.name) {
                    return Err(FeaturesError::AmbiguousFeature {
                        feature,
                        first: first.clone(),
                        second: view.name.clone(),
                    });
                }
                if !fits_model(field.data_type()) {
                    return Err(FeaturesError::NotNumeric {
                        feature: field.name().clone(),
                        data_type: field.data_type().to_string(),
                    });
                }
                all.push(feature);
            }
        }
        let Some(wanted) = wanted else {
            return Ok(all);
        };
        for feature in wanted {
            if all.contains(feature) {
                continue;
            }
            match stream.schema.field(feature.as_str()) {
                Some(field) if fits_model(&field.kind.arrow()) => (),
                Some(field) => {
                    return Err(FeaturesError::NotNumeric {
                        feature: feature.to_string(),
                        data_type: field.kind.arrow().to_string(),
                    });
                }
                None => {
                    let known = columns.iter().flat_map(|columns| &columns.features);
                    return Err(FeaturesError::UnknownFeature {
                        feature: feature.clone(),
                        known: known.map(|field| field.name().clone()).collect(),
                    });
                }
            }
        }
        Ok(wanted.to_vec())
    }

    fn conditions_on(&self, table: &TableName) -> Vec<&str> {
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

    /// One statement: the stream's rows, the latest label of each, and every view's features; then what is not kept is cut.
    async fn join(
        &self,
        stream: &Stream,
        views: &[ComputedView<'_>],
        features: &[ColumnName],
        versions: &BTreeMap<TableName, i64>,
    ) -> Result<(RecordBatch, u64, u64), FeaturesError> {
        let spine = TableName::from(stream.name.clone());
        let bounds = TableBounds {
            column: time_column(stream),
            range: self.range,
        };
        let scope = Scope {
            bounds: BTreeMap::from([(spine.clone(), bounds)]),
            known_before: self.as_of,
            versions: versions.clone(),
            tables: views
                .iter()
                .map(|view| (view.table.clone(), view.rows.clone()))
                .collect(),
            ..Scope::default()
        };
        let failed = || FeaturesError::engine(format!("join the rows of `{spine}` with their features"));
        let session = self.engine.scope(scope).await.map_err(failed())?;
        one_row_a_key(&session, &spine, spine.as_str(), &stream.key).await?;
        for view in views {
            one_row_a_key(&session, &view.table, view.view.name.as_str(), &view.view.key).await?;
        }
        let sql = self.join_sql(stream, views, features)?;
        let rows = session.query(&sql).await.map_err(failed())?;
        let batch = rows.concat().map_err(failed())?;
        self.cut(&batch)
    }

    fn join_sql(
        &self,
        stream: &Stream,
        views: &[ComputedView<'_>],
        features: &[ColumnName],
    ) -> Result<String, FeaturesError> {
        let spine = TableName::from(stream.name.clone());
        let is_feature = |name: &ColumnName| features.contains(name);
        let label_name = &self.model.label.column;
        // A label that is a column of the stream itself stands once, as the label.
        let own = stream.schema.fields.iter().map(|field| &field.name);
        let own: Vec<&ColumnName> = own
            .filter(|name| !(is_feature(name) || self.with_label && *name == label_name))
            .collect();
        let mut select = vec![listed("s", own)];
        let mut joins = String::new();
        if self.with_label {
            let labels = self.label_stream()?;
            select.push(format!("l.{LABEL} as {LABEL}"));
            joins.push_str(&format!(
                "\nleft join known as l on {} and l._tm_newest = 1",
                same_key("s", "l", &labels.key)
            ));
        }
        for view in views {
            let on = same_key("s", view.table.as_str(), &view.view.key);
            joins.push_str(&format!("\nleft join {table} on {on}", table = view.table));
        }
        for feature in features {
            let name = quoted(feature);
            let home = views.iter().find(|view| view.features.contains(feature));
            let table = home.map_or("s", |view| view.table.as_str());
            select.push(format!("cast({table}.{name} as double) as {name}"));
        }
        let mut keeps = vec![format!("s.{KEEP}")];
        keeps.extend(
            views
                .iter()
                .map(|view| format!("coalesce({}.{KEEP}, true)", view.table)),
        );
        select.push(format!("{} as {KEEP}", keeps.join(" and ")));
        let time = time_column(stream);
        Ok(format!(
            "with s as (select *, {keep} as {KEEP} from {spine} as t){known}\nselect {select}\nfrom s{joins}\norder by s.{time}, {key}",
            keep = all_true(&self.conditions_on(&spine)),
            known = self.known_labels_sql()?,
            select = select.join(", "),
            time = quoted(&time),
            key = listed("s", &stream.key),
        ))
    }

    /// The labels of the rows, numbered from the newest by (event time, known time); offsets decide between equals.
    fn known_labels_sql(&self) -> Result<String, FeaturesError> {
        if !self.with_label {
            return Ok(String::new());
        }
        let labels = self.label_stream()?;
        Ok(format!(
            ",\nknown as (select {key}, cast(t.{label} as double) as {LABEL}, row_number() over (partition by {key} order by \
             t.{time} desc, t.{known} desc, t.{partition} desc, t.{offset} desc) as _tm_newest from {table} as t \
             where exists (select 1 from s where {same}))",
            key = listed("t", &labels.key),
            label = quoted(&self.model.label.column),
            time = quoted(time_column(labels)),
            known = KafkaColumn::KnownTime.name(),
            partition = KafkaColumn::Partition.name(),
            offset = KafkaColumn::Offset.name(),
            table = labels.name,
            same = same_key("s", "t", &labels.key),
        ))
    }

    /// Cuts rows that a condition or a missing label leaves out, counts them, and gives the label its name.
    fn cut(&self, batch: &RecordBatch) -> Result<(RecordBatch, u64, u64), FeaturesError> {
        let failed = || FeaturesError::arrow("cut the rows of a training set");
        let mut batch = batch.clone();
        let keep = batch.remove_column(batch.num_columns() - 1);
        let mut keep: BooleanArray = keep.as_boolean().clone();
        let excluded = (keep.len() - keep.true_count()) as u64;
        let mut unlabelled = 0;
        if let Some(label) = batch.column_by_name(LABEL) {
            let labelled = and(&keep, &is_not_null(label).map_err(failed())?).map_err(failed())?;
            unlabelled = (keep.true_count() - labelled.true_count()) as u64;
            keep = labelled;
        }
        let batch = filter_record_batch(&batch, &keep).map_err(failed())?;
        let fields = batch.schema_ref().fields().iter().map(|field| {
            if field.name() == LABEL {
                let named = field.as_ref().clone().with_name(self.model.label.column.as_str());
                named.with_nullable(false).into()
            } else {
                field.clone()
            }
        });
        let schema = arrow::datatypes::Schema::new(fields.collect::<Vec<arrow::datatypes::FieldRef>>());
        let batch = RecordBatch::try_new(schema.into(), batch.columns().to_vec()).map_err(failed())?;
        Ok((batch, excluded, unlabelled))
    }
}

/// That all of the expressions are true, as one that is never null. Each stands on lines of its own, as it may end in a comment.
fn all_true(expressions: &[&str]) -> String {
    if expressions.is_empty() {
        return "true".to_owned();
    }
    let parts = expressions
        .iter()
        .map(|expression| format!("(\n{expression}\n) is true"));
    parts.collect::<Vec<_>>().join(" and ")
}

/// Errors when two rows of a table in the session share a key; `shown` is what people call the table.
async fn one_row_a_key(
    session: &ScopedSession,
    table: &TableName,
    shown: &str,
    key: &[ColumnName],
) -> Result<(), FeaturesError> {
    let columns = listed("t", key);
    let sql = format!(
        "select {columns}, count(*) as times from {table} as t group by {columns} having count(*) > 1 order by {columns} limit 1"
    );
    let rows = session.query(&sql).await;
    let rows = rows.map_err(FeaturesError::engine(format!("look for keys that `{shown}` has twice")))?;
    let Some(batch) = rows.batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(());
    };
    let mut parts = Vec::new();
    for (place, column) in key.iter().enumerate() {
        let value = array_value_to_string(batch.column(place), 0);
        parts.push(format!(
            "{column} = {}",
            value.map_err(FeaturesError::arrow("print a key"))?
        ));
    }
    Err(FeaturesError::DuplicateKey {
        table: shown.to_owned(),
        key: parts.join(", "),
        rows: batch.column(key.len()).as_primitive::<Int64Type>().value(0),
    })
}
