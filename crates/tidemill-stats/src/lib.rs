//! Numbers in, numbers out: the statistics that the floors above report and decide by.
//!
//! Owns the evaluation metrics of binary classifiers ([`evaluation`]). Everything is a pure function of slices: same
//! input, same bits, in any order of calls. Absent on purpose: Arrow, files, clocks, randomness.

pub mod evaluation;
