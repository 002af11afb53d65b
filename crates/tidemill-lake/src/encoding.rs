//! How the columns of a file are encoded: by a look at a sample of what is to be written.
//!
//! A dictionary of values that hardly ever come twice costs a hash of each and is thrown away when it is full. Offsets,
//! ids and times are such columns; whole numbers among them are written as differences in the place.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

/// Effort of zstd: the first level is three times smaller than none at all and as fast as snappy.
const ZSTD_LEVEL: i32 = 1;
/// Rows that are looked at, spread over all of them.
const SAMPLE_ROWS: usize = 4_096;
/// Rows below which no dictionary is large.
const SAMPLE_ROWS_MIN: usize = 1_024;
/// The share of different values in a sample above which a dictionary does not pay.
const DISTINCT_MAX: f64 = 0.9;

/// The properties of a file whose rows are not known beforehand.
pub(crate) fn writer_properties() -> WriterProperties {
    properties_for(&[])
}

/// The properties of a file of these rows, which have the same columns.
pub(crate) fn properties_for(batches: &[RecordBatch]) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("tidemill ", env!("CARGO_PKG_VERSION")).to_owned());
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows < SAMPLE_ROWS_MIN {
        return builder.build();
    }
    let step = rows.div_ceil(SAMPLE_ROWS);
    let hasher = RandomState::new();
    for field in batches[0].schema_ref().fields() {
        let mut hashes = Vec::with_capacity(SAMPLE_ROWS);
        for batch in batches {
            if let Some(column) = batch.column_by_name(field.name()) {
                hash_rows(column.as_ref(), step, &hasher, &mut hashes);
            }
        }
        if hashes.len() < SAMPLE_ROWS_MIN {
            continue;
        }
        let distinct = hashes.iter().collect::<HashSet<_>>().len();
        if distinct as f64 <= DISTINCT_MAX * hashes.len() as f64 {
            continue;
        }
        let path = ColumnPath::from(field.name().as_str());
        builder = builder.set_column_dictionary_enabled(path.clone(), false);
        if is_whole(field.data_type()) {
            builder = builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    builder.build()
}

fn is_whole(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _)
    )
}

/// The hashes of every `step`th value that is not null; none for types that have no large dictionaries or are rare.
fn hash_rows(column: &dyn Array, step: usize, hasher: &RandomState, hashes: &mut Vec<u64>) {
    let places = (0..column.len()).step_by(step).filter(|place| column.is_valid(*place));
    match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>().values();
            hashes.extend(places.map(|place| hasher.hash_one(values[place])));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            hashes.extend(places.map(|place| hasher.hash_one(values[place])));
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().values();
            hashes.extend(places.map(|place| hasher.hash_one(values[place].to_bits())));
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            hashes.extend(places.map(|place| hasher.hash_one(values.value(place))));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

    use super::*;

    fn properties(rows: i64) -> WriterProperties {
        let columns: [(&str, ArrayRef); 5] = [
            ("offset", Arc::new(Int64Array::from_iter_values(0..rows))),
            (
                "customer",
                Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row % 500))),
            ),
            (
                "amount",
                Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64 / 7.0))),
            ),
            (
                "id",
                Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("p-{row}")))),
            ),
            (
                "mostly_null",
                Arc::new(
                    (0..rows)
                        .map(|row| (row % 99 == 0).then_some(row))
                        .collect::<Int64Array>(),
                ),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        properties_for(&[batch.slice(0, 7), batch.slice(7, rows as usize - 7)])
    }

    fn told(properties: &WriterProperties, column: &str) -> (bool, Option<Encoding>) {
        let path = ColumnPath::from(column);
        (properties.dictionary_enabled(&path), properties.encoding(&path))
    }

    #[test]
    fn a_dictionary_is_for_values_that_come_again() {
        let many = properties(100_000);
        assert_eq!(told(&many, "offset"), (false, Some(Encoding::DELTA_BINARY_PACKED)));
        assert_eq!(told(&many, "amount"), (false, None));
        assert_eq!(told(&many, "id"), (false, None));
        assert_eq!(told(&many, "customer"), (true, None));
        // Too few values to tell.
        assert_eq!(told(&many, "mostly_null"), (true, None));
        assert_eq!(told(&properties(100), "offset"), (true, None));
    }
}
