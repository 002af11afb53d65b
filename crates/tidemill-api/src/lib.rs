//! The house over HTTP: REST, the Open Inference Protocol, metrics and the documentation page. And the way there: the
//! [`Operations`] that can be asked, and a client that asks them of a server.
//!
//! No business rule lives here: an answer is what [`Operations`] say, or why the request never reached them.

mod operations;
mod schema;

pub use operations::*;
