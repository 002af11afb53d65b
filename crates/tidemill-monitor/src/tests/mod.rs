//! Checks over a small lake, each project made for its test.

mod house;
mod monitored;
mod quarantined;
mod reports;
mod validated;
