//! Numbers in, numbers out: the statistics that the floors above report and decide by.
//!
//! Owns the evaluation metrics of binary classifiers ([`evaluation`]) and the measures of drift between a reference and
//! what came later ([`drift`]). Everything is a pure function of numbers: same input, same bits, in any order of calls.
//! Absent on purpose: Arrow, files, clocks, randomness.

pub mod drift;
pub mod evaluation;
