//! Which schema a table may take: the pure plan of additive evolution, and batches brought into the table's shape.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Most columns that statistics are kept for without being told: Delta's own default.
const INDEXED_COLUMNS_DEFAULT: usize = 32;

/// Why not one of Delta's types is meant: a type that tidemill does not land.
pub(crate) fn check_types(schema: &Schema) -> Result<(), String> {
    for field in schema.fields() {
        let name = field.name();
        match field.data_type() {
            DataType::Boolean
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Utf8
            | DataType::Binary
            | DataType::Date32 => (),
            // Without a zone it would be Delta's timestampNtz, which needs a table feature that many readers lack.
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => (),
            DataType::Timestamp(_, _) => {
                return Err(format!("`{name}` must be a timestamp in UTC microseconds"));
            }
            other => return Err(format!("`{name}` has type {other}, which is not landed")),
        }
    }
    Ok(())
}

/// The schema that a table of schema `held` needs to take rows of schema `wanted`: none where it fits as it is.
///
/// New columns must be nullable, and a column may lose its `not null`; nothing else changes.
pub(crate) fn plan_evolution(held: &Schema, wanted: &Schema) -> Result<Option<SchemaRef>, String> {
    let mut fields: Vec<Field> = Vec::with_capacity(held.fields().len());
    let mut changed = false;
    for field in held.fields() {
        let mut field = field.as_ref().clone();
        let relaxed = match wanted.field_with_name(field.name()) {
            Ok(want) if want.data_type() != field.data_type() => {
                return Err(format!(
                    "`{}` is {} in the table and {} in the schema",
                    field.name(),
                    field.data_type(),
                    want.data_type()
                ));
            }
            Ok(want) => want.is_nullable(),
            Err(_) => true,
        };
        if relaxed && !field.is_nullable() {
            field = field.with_nullable(true);
            changed = true;
        }
        fields.push(field);
    }
    for want in wanted.fields() {
        if held.field_with_name(want.name()).is_err() {
            if !want.is_nullable() {
                return Err(format!("the new column `{}` must be nullable", want.name()));
            }
            fields.push(want.as_ref().clone());
            changed = true;
        }
    }
    Ok(changed.then(|| Arc::new(Schema::new(fields))))
}

/// The batch with the table's columns in the table's order; nullable columns that it lacks are null.
pub(crate) fn conform(batch: &RecordBatch, table: &SchemaRef) -> Result<RecordBatch, String> {
    for field in batch.schema_ref().fields() {
        if table.field_with_name(field.name()).is_err() {
            return Err(format!("the table has no column `{}`", field.name()));
        }
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(table.fields().len());
    for field in table.fields() {
        let column = match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => {
                return Err(format!(
                    "`{}` is {} in the table and {} in the rows",
                    field.name(),
                    field.data_type(),
                    column.data_type()
                ));
            }
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(format!("`{}` must not be null", field.name()));
        }
        columns.push(column);
    }
    RecordBatch::try_new(Arc::clone(table), columns).map_err(|e| e.to_string())
}

/// How many columns Delta must keep statistics for, where its default would leave some out.
pub(crate) fn indexed_columns(schema: &Schema) -> Option<usize> {
    let columns = schema.fields().len();
    (columns > INDEXED_COLUMNS_DEFAULT).then_some(columns)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use expect_test::{Expect, expect};

    use super::*;

    /// `a!` is a required int64 `a`, `b` a nullable one, `c:text` a nullable text.
    fn schema(text: &str) -> Schema {
        let fields = text.split_whitespace().map(|column| {
            let required = column.ends_with('!');
            let column = column.trim_end_matches('!');
            match column.strip_suffix(":text") {
                Some(name) => Field::new(name, DataType::Utf8, !required),
                None => Field::new(column, DataType::Int64, !required),
            }
        });
        Schema::new(fields.collect::<Vec<_>>())
    }

    fn shown(schema: &Schema) -> String {
        let columns = schema.fields().iter().map(|field| {
            let kind = if field.data_type() == &DataType::Utf8 {
                ":text"
            } else {
                ""
            };
            format!("{}{kind}{}", field.name(), if field.is_nullable() { "" } else { "!" })
        });
        columns.collect::<Vec<_>>().join(" ")
    }

    fn check(held: &str, wanted: &str, expected: &Expect) {
        let told = match plan_evolution(&schema(held), &schema(wanted)) {
            Ok(None) => "fits".to_owned(),
            Ok(Some(schema)) => shown(&schema),
            Err(reason) => reason,
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_table_grows_by_nullable_columns_only() {
        check("a! b", "a! b", &expect!["fits"]);
        check("a! b", "b a!", &expect!["fits"]);
        check("a b", "a! b!", &expect!["fits"]);
        check("a!", "a! b", &expect!["a! b"]);
        check("a!", "a", &expect!["a"]);
        check("a! b!", "a!", &expect!["a! b"]);
        check("a!", "a! b!", &expect!["the new column `b` must be nullable"]);
        check(
            "a!",
            "a:text!",
            &expect!["`a` is Int64 in the table and Utf8 in the schema"],
        );
    }

    #[test]
    fn rows_take_the_tables_shape_by_name() {
        let rows = RecordBatch::try_new(
            Arc::new(schema("b a")),
            vec![
                Arc::new(Int64Array::from(vec![2, 3])),
                Arc::new(Int64Array::from(vec![Some(1), None])),
            ],
        )
        .unwrap();
        let shaped = conform(&rows, &Arc::new(schema("a b! c"))).unwrap();
        assert_eq!(shown(shaped.schema_ref()), "a b! c");
        assert_eq!(shaped.column(2).null_count(), 2);
        let refused = |table: &str| conform(&rows, &Arc::new(schema(table))).unwrap_err();
        expect!["`a` must not be null"].assert_eq(&refused("a! b"));
        expect!["the table has no column `b`"].assert_eq(&refused("a"));
        expect!["`b` is Utf8 in the table and Int64 in the rows"].assert_eq(&refused("a b:text"));
    }

    #[test]
    fn times_without_a_zone_are_refused() {
        let naive = Schema::new(vec![Field::new(
            "t",
            DataType::Timestamp(TimeUnit::Microsecond, None),
            true,
        )]);
        expect!["`t` must be a timestamp in UTC microseconds"].assert_eq(&check_types(&naive).unwrap_err());
    }
}
