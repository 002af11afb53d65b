//! Power cuts and kills at chosen moments, on a disk that forgets what was not forced to it.

mod disk;

pub(crate) use disk::noted;
