//! What a session looks up before it can decode: the schemas that framed records name.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};

use super::Session;
use crate::IngestError;
use crate::decode::WriterText;

/// Questions to the schema registry at once.
const LOOKUPS_AT_ONCE: usize = 8;

impl Session<'_> {
    /// Asks for schemas. A shutdown ends the asking with an error: the session must not go on without the batch.
    pub(super) async fn schemas(&mut self, ids: BTreeSet<u32>) -> Result<Vec<(u32, WriterText)>, IngestError> {
        let Some(registry) = self.context.schema_registry.clone() else {
            return Err(IngestError::NoSchemaRegistry(self.context.stream.name.clone()));
        };
        let topic = &self.context.stream.topic;
        let lookups = futures::stream::iter(ids).map(|id| {
            let registry = &registry;
            async move {
                let text = registry.schema(id).await;
                let text = text.map_err(|source| IngestError::Schema {
                    topic: topic.clone(),
                    id,
                    source: Box::new(source),
                })?;
                Ok((id, text))
            }
        });
        let asked = lookups.buffer_unordered(LOOKUPS_AT_ONCE).try_collect();
        tokio::select! {
            asked = asked => asked,
            _ = self.lifeline.shutdown.changed() => Err(self.internal("it was stopped while it asked for a schema")),
        }
    }
}
