//! How DataFusion is set up: names keep their case, places are kept for errors, memory is shared, nothing reads files by name.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::catalog::{CATALOG, SCHEMA};
use crate::explain::explain;
use crate::functions::{self, References};
use crate::growth::limit_growth;
use crate::settings::BATCH_ROWS;
use crate::{EngineError, EngineSettings};

/// Memory consumers that an error about exhausted memory names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// The state that every session starts from; it has no catalog yet.
pub(crate) fn template(settings: &EngineSettings, references: &Arc<References>) -> Result<SessionState, EngineError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.threads.max(1))
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".to_owned());

    let spill = match &settings.spill_dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(EngineError::Start)?;
            DiskManagerMode::Directories(vec![dir.clone()])
        }
        None => DiskManagerMode::OsTmpDirectory,
    };
    let pool = TrackConsumersPool::new(FairSpillPool::new(settings.memory_bytes), CONSUMERS_NAMED);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(
            DiskManagerBuilder::default()
                .with_mode(spill)
                .with_max_temp_directory_size(settings.spill_bytes),
        )
        .build_arc()
        .map_err(|error| explain(error, ""))?;

    let mut state = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .build();
    limit_growth(&mut state).map_err(|error| explain(error, ""))?;
    functions::register(&mut state, references).map_err(|error| explain(error, ""))?;
    Ok(state)
}
