//! The tables of the lake that the house itself writes: what monitors found. They are known before anything landed in them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The table of what drift monitors measured: a row for each column and run.
pub const DRIFT: &str = "drift";
/// The table of what performance monitors measured: a row for each figure, segment and run.
pub const PERFORMANCE: &str = "performance";

/// A table that the house writes.
#[derive(Debug, Clone)]
pub struct HouseTable {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub schema: SchemaRef,
    /// What a row of it is.
    pub comment: &'static str,
}

/// All of them.
pub fn house_tables() -> [HouseTable; 2] {
    [
        HouseTable {
            name: DRIFT,
            schema: drift_schema(),
            comment: "what drift monitors measured, a row for each column and run",
        },
        HouseTable {
            name: PERFORMANCE,
            schema: performance_schema(),
            comment: "what performance monitors measured, a row for each figure, segment and run",
        },
    ]
}

/// The house's table of that name.
pub(crate) fn house_table(name: &str) -> Option<HouseTable> {
    house_tables().into_iter().find(|table| table.name == name)
}

fn time(name: &str) -> Field {
    Field::new(
        name,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        false,
    )
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn count(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn figure(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn drift_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("monitor"),
        time("at"),
        text("model"),
        count("reference_version"),
        time("window_from"),
        time("window_to"),
        text("column_name"),
        text("measure"),
        figure("value"),
        text("status"),
        count("n_reference"),
        count("n_current"),
        figure("null_share"),
        figure("psi"),
        figure("psi_of_values"),
        figure("psi_p"),
        figure("ks_lower"),
        figure("ks_upper"),
        figure("ks_p"),
        figure("jensen_shannon"),
        figure("hellinger"),
        figure("wasserstein"),
        figure("mean_reference"),
        figure("mean_current"),
    ]))
}

fn performance_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("monitor"),
        time("at"),
        text("model"),
        count("version"),
        Field::new("segment", DataType::Utf8, true),
        time("window_from"),
        time("window_to"),
        count("rows"),
        count("labelled"),
        figure("maturity"),
        count("positives"),
        text("metric"),
        figure("value"),
        text("status"),
    ]))
}
