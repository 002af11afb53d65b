//! Power cuts and kills at chosen moments, on a disk that forgets what was not forced to it: what is left, and what clients
//! and ingest can tell of it.

mod directed;
mod disk;
mod histories;
mod world;

pub(crate) use disk::noted;
