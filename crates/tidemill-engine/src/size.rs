//! How many bytes rows take, counted by what they show and not by the buffers they share with other rows.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

/// Bytes of one view of a text or binary value, beside the value.
const VIEW_BYTES: usize = 16;

/// Bytes of the array's values, offsets and validity.
pub(crate) fn array_bytes(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View => array
            .as_string_view()
            .lengths()
            .map(|length| length as usize + VIEW_BYTES)
            .sum(),
        DataType::BinaryView => array
            .as_binary_view()
            .lengths()
            .map(|length| length as usize + VIEW_BYTES)
            .sum(),
        _ => array
            .to_data()
            .get_slice_memory_size()
            .unwrap_or_else(|_| array.get_array_memory_size()),
    }
}

/// Bytes of a batch's columns.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(array_bytes).sum()
}
