//! The published files, read without the house.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::needs::shared_data;

/// What the file of transactions adds up to.
#[derive(Debug, PartialEq, Eq)]
pub struct Totals {
    /// Its rows.
    pub rows: i64,
    /// The sum of its amounts, in cents.
    pub cents: i64,
    /// Its frauds.
    pub frauds: i64,
}

/// A column as 64-bit floats.
pub fn floats(batch: &RecordBatch, name: &str) -> Vec<f64> {
    let column = batch
        .column_by_name(name)
        .unwrap_or_else(|| panic!("no column `{name}`"));
    let column = cast(column, &DataType::Float64).expect("a number");
    assert_eq!(column.null_count(), 0, "`{name}` has nulls");
    column.as_primitive::<Float64Type>().values().to_vec()
}

/// A column as 64-bit integers.
pub fn integers(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch
        .column_by_name(name)
        .unwrap_or_else(|| panic!("no column `{name}`"));
    let column = cast(column, &DataType::Int64).expect("an integer");
    assert_eq!(column.null_count(), 0, "`{name}` has nulls");
    column.as_primitive::<Int64Type>().values().to_vec()
}

/// Adds up the published transactions.
pub fn totals() -> Totals {
    let path = shared_data().join("fraud_transactions.parquet");
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(&path)).expect("a Parquet file");
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["TX_AMOUNT", "TX_FRAUD"]);
    let mut totals = Totals {
        rows: 0,
        cents: 0,
        frauds: 0,
    };
    for batch in builder.with_projection(columns).build().expect("its columns") {
        let batch = batch.expect("its rows");
        totals.rows += batch.num_rows() as i64;
        totals.cents += floats(&batch, "TX_AMOUNT")
            .iter()
            .map(|amount| (amount * 100.0).round() as i64)
            .sum::<i64>();
        totals.frauds += integers(&batch, "TX_FRAUD").iter().sum::<i64>();
    }
    totals
}

/// The published features: transaction ids, and every feature by its name.
pub fn published_features() -> (Vec<i64>, BTreeMap<String, Vec<f64>>) {
    let path = shared_data().join("oracle_features.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(open(&path))
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .expect("a Parquet file");
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("its rows");
    let all = concat_batches(&batches[0].schema(), &batches).expect("of one schema");
    let names = all.schema();
    let features = names
        .fields()
        .iter()
        .map(|field| field.name())
        .filter(|name| name.ends_with("_WINDOW") || name.starts_with("TX_DURING"))
        .map(|name| (name.clone(), floats(&all, name)))
        .collect();
    (integers(&all, "TRANSACTION_ID"), features)
}

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
