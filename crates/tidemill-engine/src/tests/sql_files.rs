//! Runs `tests/sql/*.slt` of the repository over the lake of these tests.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use tidemill_stats::drift::{CategoricalProfile, NumericProfile, ReferenceProfile, ReferenceSet};
use tidemill_types::Explain;

use super::bench_lake::{house, transactions, view};
use crate::{Engine, Rows, Scope};

struct Session(Engine);

/// An error in the words that a `.slt` file holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

#[async_trait]
impl AsyncDB for Session {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        let session = self.0.scope(Scope::default()).await;
        let session = session.map_err(|error| Failed(error.problem().message))?;
        let rows = session
            .query(sql)
            .await
            .map_err(|error| Failed(error.problem().message))?;
        Ok(DBOutput::Rows {
            types: rows
                .schema
                .fields()
                .iter()
                .map(|field| column_type(field.data_type()))
                .collect(),
            rows: texts(&rows),
        })
    }

    async fn shutdown(&mut self) {}
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    if data_type.is_integer() {
        DefaultColumnType::Integer
    } else if data_type.is_floating() {
        DefaultColumnType::FloatingPoint
    } else {
        DefaultColumnType::Text
    }
}

fn texts(rows: &Rows) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut all = Vec::new();
    for batch in &rows.batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap());
        let columns: Vec<_> = columns.collect();
        for row in 0..batch.num_rows() {
            all.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    all
}

/// The reference of which `drift.slt` speaks.
fn first_ten_payments() -> ReferenceSet {
    let batch = transactions(0..10);
    let amounts = batch.column_by_name("TX_AMOUNT").unwrap();
    let amounts = NumericProfile::new(amounts.as_primitive::<Float64Type>()).unwrap();
    let customers = CategoricalProfile::from_counts([("0", 4), ("1", 3), ("2", 3)], 0).unwrap();
    let columns = [
        ("TX_AMOUNT".to_owned(), ReferenceProfile::Numeric(amounts)),
        ("CUSTOMER_ID".to_owned(), ReferenceProfile::Categorical(customers)),
    ];
    ReferenceSet {
        columns: columns.into(),
    }
}

#[tokio::test]
async fn sql_files_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sql");
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "slt"));
    files.sort();
    assert!(!files.is_empty(), "there are no .slt files in {}", folder.display());
    let spending = "select TRANSACTION_ID, TX_DATETIME, sum(TX_AMOUNT) over (partition by CUSTOMER_ID order by TX_DATETIME) \
                    as spent from transactions";
    let house = house(vec![view("spending", spending)]).await;
    house.engine.references().insert("payments/1", first_ten_payments());
    for file in files {
        let engine = house.engine.clone();
        let mut runner = Runner::new(|| async { Ok(Session(engine.clone())) });
        if let Err(error) = runner.run_file_async(&file).await {
            panic!("{}", error.display(false));
        }
    }
}
