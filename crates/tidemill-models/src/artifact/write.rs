//! The body of an artifact, written.
//!
//! ```text
//! algorithm        text (u32 length, UTF-8)
//! output           text
//! label            text ×3: column, negative, positive
//! missing allowed  u8, 0 or 1
//! features         u32 count, then per feature: text, u8 kind
//! scorer           u8: 1 linear, 2 trees
//!   linear         f64 intercept, then per feature f64 mean, deviation, weight, as three arrays
//!   trees          u8 output (1 mean, 2 logistic), f64 base (0 for mean), u32 trees, u32 nodes,
//!                  u32 root per tree, then per node, as four arrays: f32 threshold, u32 child, u32 feature, f32 value
//! golden rows      u32 count, f32 values row by row, then f64 scores
//! ```

use super::Artifact;
use crate::{FlatTrees, LinearModel, Scorer, TreeOutput};

pub(super) const LINEAR: u8 = 1;
pub(super) const TREES: u8 = 2;
pub(super) const MEAN: u8 = 1;
pub(super) const LOGISTIC: u8 = 2;

pub(super) fn body(artifact: &Artifact) -> Vec<u8> {
    let mut body = Body(Vec::new());
    let model = artifact.model();
    let signature = model.signature();
    body.text(model.algorithm().as_str());
    body.text(&signature.output);
    body.text(&signature.label.column);
    body.text(&signature.label.negative);
    body.text(&signature.label.positive);
    body.0.push(u8::from(signature.missing_allowed));
    body.count(signature.features.len());
    for feature in &signature.features {
        body.text(&feature.name);
        body.0.push(feature.kind.tag());
    }
    match model.scorer() {
        Scorer::Linear(linear) => body.linear(linear),
        Scorer::Trees(trees) => body.trees(trees),
    }
    body.count(artifact.golden.len());
    for row in &artifact.golden {
        body.f32s(row.values.iter().copied());
    }
    body.f64s(artifact.golden.iter().map(|row| row.score));
    body.0
}

struct Body(Vec<u8>);

impl Body {
    /// Everything that is counted here has a limit far below 2³².
    fn count(&mut self, count: usize) {
        self.u32s([count as u32]);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn u32s(&mut self, values: impl IntoIterator<Item = u32>) {
        self.0.extend(values.into_iter().flat_map(u32::to_le_bytes));
    }

    fn f32s(&mut self, values: impl IntoIterator<Item = f32>) {
        self.0.extend(values.into_iter().flat_map(f32::to_le_bytes));
    }

    fn f64s(&mut self, values: impl IntoIterator<Item = f64>) {
        self.0.extend(values.into_iter().flat_map(f64::to_le_bytes));
    }

    fn linear(&mut self, linear: &LinearModel) {
        self.0.push(LINEAR);
        self.f64s([linear.intercept()]);
        self.f64s(linear.standardizer().means().iter().copied());
        self.f64s(linear.standardizer().deviations().iter().copied());
        self.f64s(linear.weights().iter().copied());
    }

    fn trees(&mut self, trees: &FlatTrees) {
        self.0.push(TREES);
        let (tag, base) = match trees.output() {
            TreeOutput::Mean => (MEAN, 0.0),
            TreeOutput::Logistic { base } => (LOGISTIC, base),
        };
        self.0.push(tag);
        self.f64s([base]);
        self.count(trees.trees());
        self.count(trees.nodes().len());
        self.u32s(trees.roots().iter().copied());
        self.f32s(trees.nodes().iter().map(|node| node.threshold));
        self.u32s(trees.nodes().iter().map(|node| node.child));
        self.u32s(trees.nodes().iter().map(|node| node.feature));
        self.f32s(trees.values().iter().copied());
    }
}
