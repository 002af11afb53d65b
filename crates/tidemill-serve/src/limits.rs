//! The limits of one request.

/// Most rows of one request.
pub const ROWS_PER_REQUEST_MAX: usize = 65_536;
/// Most tensors of one request; a model of more features takes them as one tensor of two dimensions.
pub const TENSORS_PER_REQUEST_MAX: usize = 4_096;
/// Up to this many values (rows × features) a request is scored where it arrives; more go to a blocking thread.
///
/// At some 1 µs a row of 30 features this is below half a millisecond.
pub const VALUES_INLINE_MAX: usize = 8_192;
