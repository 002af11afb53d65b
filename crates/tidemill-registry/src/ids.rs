//! Where the public ids of runs come from.

use std::sync::atomic::{AtomicU64, Ordering};

use tidemill_types::RunId;
use uuid::Uuid;

/// Makes run ids that were never made before.
pub trait IdSource: Send + Sync {
    /// The next id.
    fn next_run_id(&self) -> RunId;
}

/// Random ids (UUID version 4): what everything but a test wants.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next_run_id(&self) -> RunId {
        run_id(&Uuid::new_v4())
    }
}

/// Ids that are the same each time: 1, 2, 3 … in hexadecimal, for output that must not change.
///
/// For a new registry only: on one that has runs the first id is taken already, and starting a run fails.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl IdSource for CountedIds {
    fn next_run_id(&self) -> RunId {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        run_id(&Uuid::from_u128(u128::from(number)))
    }
}

fn run_id(uuid: &Uuid) -> RunId {
    RunId::new(uuid.simple().to_string()).expect("a UUID's simple form is 32 lower-case hexadecimal digits")
}
