//! The references that functions name: profiles by `MODEL/VERSION`, looked up while a query runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use tidemill_stats::drift::{ReferenceProfile, ReferenceSet};

use crate::EngineError;
use crate::explain::nearest;

/// References that are held at once; beyond that the one that came first goes. One of 30 columns takes about 600 KB.
pub const REFERENCES_MAX: usize = 64;

/// Profiles of a reference, by column.
pub(crate) type Profiles = Arc<BTreeMap<String, Arc<ReferenceProfile>>>;

/// What functions such as `psi` look up. All sessions of an engine share it.
#[derive(Debug, Default)]
pub struct References {
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    profiles: BTreeMap<String, Profiles>,
    /// The names, the oldest first.
    order: VecDeque<String>,
}

/// `MODEL/VERSION/COLUMN`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReferenceName {
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) column: String,
}

impl ReferenceName {
    /// Errors when it has not three parts.
    pub(crate) fn parse(text: &str) -> Result<ReferenceName, EngineError> {
        let mut parts = text.splitn(3, '/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (Some(model), Some(version), Some(column)) => Ok(ReferenceName {
                model: model.to_owned(),
                version: version.to_owned(),
                column: column.to_owned(),
            }),
            _ => Err(EngineError::UnknownReference {
                reference: text.to_owned(),
                suggestion: None,
                known: Vec::new(),
            }),
        }
    }

    /// `MODEL/VERSION`.
    pub(crate) fn set(&self) -> String {
        format!("{}/{}", self.model, self.version)
    }
}

impl References {
    /// Makes a reference known under a name, `MODEL/VERSION`. A name that is taken gets the new one.
    pub fn insert(&self, name: &str, set: ReferenceSet) {
        let profiles = set
            .columns
            .into_iter()
            .map(|(column, profile)| (column, Arc::new(profile)));
        self.hold(name, Arc::new(profiles.collect()));
    }

    pub(crate) fn hold(&self, name: &str, profiles: Profiles) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.profiles.insert(name.to_owned(), profiles).is_none() {
            held.order.push_back(name.to_owned());
        }
        while held.order.len() > REFERENCES_MAX {
            if let Some(oldest) = held.order.pop_front() {
                held.profiles.remove(&oldest);
            }
        }
    }

    pub(crate) fn held(&self, set: &str) -> Option<Profiles> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.profiles.get(set).map(Arc::clone)
    }

    /// The profile that a text names. Errors when there is none, with the nearest that there is.
    pub(crate) fn profile(&self, text: &str) -> Result<Arc<ReferenceProfile>, EngineError> {
        let name = ReferenceName::parse(text)?;
        let set = name.set();
        let Some(profiles) = self.held(&set) else {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            let near = nearest(&set, held.profiles.keys().map(String::as_str));
            return Err(EngineError::UnknownReference {
                reference: text.to_owned(),
                suggestion: near.map(|set| format!("{set}/{}", name.column)),
                known: Vec::new(),
            });
        };
        let unknown = || EngineError::UnknownReference {
            reference: text.to_owned(),
            suggestion: nearest(&name.column, profiles.keys().map(String::as_str))
                .map(|column| format!("{set}/{column}")),
            known: profiles.keys().map(|column| format!("{set}/{column}")).collect(),
        };
        profiles.get(&name.column).map(Arc::clone).ok_or_else(unknown)
    }
}
