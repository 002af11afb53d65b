//! The join of a stream's rows with their labels and the features of every view, in one statement.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{and, filter_record_batch, is_not_null};
use arrow::datatypes::{FieldRef, Int64Type, Schema};
use arrow::util::display::array_value_to_string;
use tidemill_engine::{Scope, ScopedSession, TableBounds};
use tidemill_project::Stream;
use tidemill_types::{ColumnName, KafkaColumn, TableName};

use crate::FeaturesError;
use crate::assemble::{Assembly, ComputedView, ORIGIN_COLUMNS};
use crate::quote::{listed, quoted, same_key};
use crate::sources::time_column;

/// The column that says whether every condition on a row holds.
pub(crate) const KEEP: &str = "_tm_keep";
/// The column of the label while rows are assembled.
const LABEL: &str = "_tm_label";

impl Assembly<'_> {
    /// One statement: the stream's rows, the latest label of each, and every view's features; then what is not kept is cut.
    pub(crate) async fn join(
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
        if self.with_origin {
            select.extend(ORIGIN_COLUMNS.map(|column| format!("s.{0} as {0}", column.name())));
        }
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
        let schema = Schema::new(fields.collect::<Vec<FieldRef>>());
        let batch = RecordBatch::try_new(schema.into(), batch.columns().to_vec()).map_err(failed())?;
        Ok((batch, excluded, unlabelled))
    }
}

/// That all of the expressions are true, as one that is never null. Each stands on lines of its own, as it may end in a comment.
pub(crate) fn all_true(expressions: &[&str]) -> String {
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
