//! The command line: what can be typed, with an example in every help text. What a command does stands in its module.

mod args;

pub use args::*;
