//! The engine over a small lake in a folder of its own: what SQL answers, what it refuses, what stops it.

mod bench_lake;
mod errors;
mod functions;
mod limits;
mod scopes;
mod sql_files;
