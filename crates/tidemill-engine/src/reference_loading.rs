//! Before a query runs: the references that it names are read from the registry, where they are not known yet.

use std::sync::Arc;

use tidemill_registry::{Registry, RegistryError, VersionRef};
use tidemill_stats::drift::{REFERENCE_PATH, ReferenceSet};
use tidemill_types::{AliasName, ModelName, VersionNumber};

use crate::EngineError;
use crate::functions::{ReferenceName, References};

/// Makes the reference known that `text` names. Without a registry there is only what was put there.
///
/// Errors when it is no reference's name, or the registry has no such version, or the version no such column.
pub(crate) async fn load_reference(
    references: &References,
    registry: Option<&Arc<Registry>>,
    text: &str,
) -> Result<(), EngineError> {
    let name = ReferenceName::parse(text)?;
    let Some(registry) = registry else {
        return Ok(());
    };
    let set = name.set();
    let number: Option<VersionNumber> = name.version.parse().ok();
    // A version never changes; an alias may have moved.
    if number.is_none() || references.held(&set).is_none() {
        load(references, registry, &name, number, text).await?;
    }
    references.profile(text).map(|_| ())
}

async fn load(
    references: &References,
    registry: &Registry,
    name: &ReferenceName,
    number: Option<VersionNumber>,
    text: &str,
) -> Result<(), EngineError> {
    let unknown = || EngineError::UnknownReference {
        reference: text.to_owned(),
        suggestion: None,
        known: Vec::new(),
    };
    let failed = |source: RegistryError| EngineError::Reference {
        reference: text.to_owned(),
        source: Box::new(source),
    };
    let model = ModelName::new(name.model.as_str()).map_err(|_| unknown())?;
    let wanted = match number {
        Some(number) => VersionRef::Number(number),
        None => VersionRef::Alias(AliasName::new(name.version.as_str()).map_err(|_| unknown())?),
    };
    let details = registry.version(&model, &wanted).await.map_err(failed)?;
    let numbered = format!("{model}/{}", details.version.version.0);
    if references.held(&numbered).is_none() {
        let Some(file) = details.artifacts.iter().find(|file| file.path == REFERENCE_PATH) else {
            return Err(EngineError::NoReference {
                model,
                version: details.version.version,
            });
        };
        let bytes = registry.get_blob(&file.hash).await.map_err(failed)?;
        let parsed = tokio::task::spawn_blocking(move || serde_json::from_slice::<ReferenceSet>(&bytes)).await;
        let storage = |message: String| EngineError::Storage {
            message: format!("the reference `{numbered}`: {message}"),
        };
        let parsed = parsed.map_err(|error| storage(error.to_string()))?;
        references.insert(&numbered, parsed.map_err(|error| storage(error.to_string()))?);
    }
    if let Some(profiles) = references.held(&numbered) {
        references.hold(&name.set(), profiles);
    }
    Ok(())
}
