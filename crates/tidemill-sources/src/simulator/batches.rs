//! The simulator as a source of rows, with the columns of the handbook's tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int8Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{DAY_SECONDS, Simulator, SimulatorSettings, Transaction};
use crate::SourceError;
use crate::rows::{Batches, Order, RowSource};

/// Rows of a run of the simulator; each reader runs it anew.
#[derive(Debug)]
pub(crate) struct SimulatedRows {
    settings: SimulatorSettings,
    schema: SchemaRef,
}

impl SimulatedRows {
    pub(crate) fn new(settings: SimulatorSettings) -> Result<SimulatedRows, SourceError> {
        settings.check()?;
        Ok(SimulatedRows {
            settings,
            schema: schema(),
        })
    }
}

impl RowSource for SimulatedRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn rows(&self) -> Option<u64> {
        None
    }

    fn order(&self) -> Order {
        Order::ByTime
    }

    fn identity(&self) -> Result<String, SourceError> {
        // Fewer days are the beginning of more: a run with more of them goes on behind one with fewer.
        let endless = SimulatorSettings {
            days: None,
            ..self.settings.clone()
        };
        // The order of a struct's fields is fixed, so the text is.
        let text = serde_json::to_string(&endless).map_err(|source| SourceError::Json { row: 0, source })?;
        Ok(format!("simulator {text}"))
    }

    fn open(&self, columns: &[usize]) -> Result<Batches, SourceError> {
        let simulator = Simulator::new(self.settings.clone())?;
        let (schema, columns) = (Arc::clone(&self.schema), columns.to_vec());
        let start = self.settings.start_seconds();
        let mut simulator = simulator;
        Ok(Box::new(std::iter::from_fn(move || {
            let day = simulator.next_day()?;
            let batch = batch(&day, start, &schema).and_then(|batch| batch.project(&columns));
            Some(batch.map_err(|source| SourceError::Arrow {
                what: "simulated transactions".into(),
                source,
            }))
        })))
    }
}

fn schema() -> SchemaRef {
    let field = |name, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("TRANSACTION_ID", DataType::Int64),
        field("TX_DATETIME", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("CUSTOMER_ID", DataType::Int32),
        field("TERMINAL_ID", DataType::Int32),
        field("TX_AMOUNT", DataType::Float64),
        field("TX_TIME_SECONDS", DataType::Int32),
        field("TX_TIME_DAYS", DataType::Int32),
        field("TX_FRAUD", DataType::Int8),
        field("TX_FRAUD_SCENARIO", DataType::Int8),
    ]))
}

fn batch(day: &[Transaction], start: i64, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let int32 = |of: &dyn Fn(&Transaction) -> i32| Int32Array::from_iter_values(day.iter().map(of));
    let int8 = |of: &dyn Fn(&Transaction) -> i8| Int8Array::from_iter_values(day.iter().map(of));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(day.iter().map(|t| t.id))),
        Arc::new(TimestampMicrosecondArray::from_iter_values(
            day.iter().map(|t| t.time.0),
        )),
        Arc::new(int32(&|t| t.customer as i32)),
        Arc::new(int32(&|t| t.terminal as i32)),
        Arc::new(Float64Array::from_iter_values(day.iter().map(Transaction::amount))),
        // 68 years of seconds fit; a run that is longer than that repeats them.
        Arc::new(int32(&|t| {
            ((t.time.as_seconds() - start) % (i64::from(i32::MAX) / DAY_SECONDS * DAY_SECONDS)) as i32
        })),
        Arc::new(int32(&|t| t.day as i32)),
        Arc::new(int8(&|t| i8::from(t.scenario.is_some()))),
        Arc::new(int8(&|t| t.scenario.unwrap_or(0) as i8)),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}
