//! What a person sees: tables that fit the terminal, numbers that line up, problems with their hint.

mod arrow_rows;
mod number;
mod plot;
mod problem;
mod progress;
mod story;
mod table;

pub use arrow_rows::{rows_as_blocks, rows_as_table, write_csv, write_ipc, write_json, write_ndjson};
pub use number::{bytes, count, counted, figure, instant, share};
pub use plot::{Chart, Glyphs, Scale, moment, sparkline};
pub use problem::{exit_code, print_problem};
pub use progress::Progress;
pub use story::Story;
pub use table::{Table, terminal_width};
