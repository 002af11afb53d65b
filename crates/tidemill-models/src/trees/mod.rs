//! Decision trees in the flat form that scores them: one array of nodes, siblings adjacent, no pointers.
//!
//! A node is a threshold, a child and a feature, 12 bytes. At a node a row goes to `child` where `value <= threshold` and
//! to `child + 1` where it is greater. A missing value goes left where the node's default bit is set, else right. A leaf
//! is its own child with a threshold of infinity and the default bit, so that a walk of a fixed number of steps ends in a
//! leaf and stays there: no branch depends on the data, and 16 trees are walked side by side.

mod check;
mod error;
mod flat;
mod flatten;
mod score;
mod source;
mod threshold;

pub use error::FlatTreesError;
pub(crate) use flat::DEPTH_MAX;
pub use flat::{FlatNode, FlatTrees, TreeOutput};
pub(crate) use source::{SourceNode, SourceTree};
pub(crate) use threshold::{at_most, below};
