//! A look into a table's rows for whoever writes it. Queries belong to the engine.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::common::{Column, DataFusionError};
use datafusion::prelude::{Expr, SessionContext, lit};
use deltalake::DeltaTableError;

use crate::{LakeError, LakeSnapshot, LakeTable};

/// Rows whose whole-number column lies in `[from, to)`.
#[derive(Debug, Clone, Copy)]
pub struct Within<'a> {
    /// The column, an int32 or int64.
    pub column: &'a str,
    /// Smallest value.
    pub from: i64,
    /// First value above.
    pub to: i64,
}

/// Rows whose text column holds one text.
#[derive(Debug, Clone, Copy)]
pub struct Only<'a> {
    /// The column.
    pub column: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl LakeTable {
    /// The values of an int64 column in the rows that lie within all the ranges, in no order. Nulls are left out.
    pub async fn longs(&self, column: &str, within: &[Within<'_>]) -> Result<Vec<i64>, LakeError> {
        let snapshot = self.snapshot(None).await?;
        self.longs_of(&snapshot, column, None, within).await
    }

    /// The same at one version, and of the rows of one text only.
    pub async fn longs_of(
        &self,
        snapshot: &LakeSnapshot,
        column: &str,
        only: Option<Only<'_>>,
        within: &[Within<'_>],
    ) -> Result<Vec<i64>, LakeError> {
        let provider = Arc::clone(&snapshot.provider);
        let read = async {
            let mut rows = SessionContext::new().read_table(provider)?;
            if let Some(only) = only {
                rows = rows.filter(named(only.column).eq(lit(only.text)))?;
            }
            for range in within {
                let bounded = named(range.column);
                rows = rows.filter(bounded.clone().gt_eq(lit(range.from)).and(bounded.lt(lit(range.to))))?;
            }
            rows.select(vec![named(column)])?.collect().await
        };
        let batches = read.await.map_err(|e: DataFusionError| LakeError::Delta {
            action: "read",
            table: self.name().clone(),
            source: Box::new(DeltaTableError::from(e)),
        })?;
        let mut values = Vec::new();
        for batch in &batches {
            let found = batch.column(0).as_primitive_opt::<Int64Type>();
            let found = found.ok_or_else(|| LakeError::Schema {
                table: self.name().clone(),
                reason: format!("`{column}` is not int64"),
            })?;
            values.extend(found.iter().flatten());
        }
        Ok(values)
    }
}

/// A column by its exact name: no folding of cases, no dots.
fn named(column: &str) -> Expr {
    Expr::Column(Column::from_name(column))
}
