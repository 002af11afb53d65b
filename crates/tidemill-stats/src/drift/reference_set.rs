//! The profiles of a whole reference, by column.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ReferenceProfile;

/// The path of a version's reference among its artifacts: a [`ReferenceSet`] as JSON.
pub const REFERENCE_PATH: &str = "reference.json";

/// What a version was trained on, column by column, frozen: what later data is held against.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReferenceSet {
    /// The columns by name.
    pub columns: BTreeMap<String, ReferenceProfile>,
}

impl ReferenceSet {
    /// The profile of a column.
    pub fn get(&self, column: &str) -> Option<&ReferenceProfile> {
        self.columns.get(column)
    }
}
