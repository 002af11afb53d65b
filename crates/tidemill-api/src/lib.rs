//! The house over HTTP: REST, the Open Inference Protocol, metrics and the documentation page. And the way there: the
//! [`Operations`] that can be asked, and a client that asks them of a server.
//!
//! Invariants:
//! - No business rule lives here: an answer is what [`Operations`] say, or why the request never reached them.
//! - Every route is in the OpenAPI document; every error has one shape; every wait and every size has a limit.
//! - A change that was begun runs to its end, whoever goes away in the middle.
//! - Nothing is loaded from elsewhere: the documentation page comes from the binary.
//!
//! Absent on purpose: TLS (a proxy has it), users and roles (there is one token).

mod arrow_codec;
mod client;
mod operations;
mod routes;
mod schema;
mod server;
mod token;

pub use client::HttpClient;
pub use operations::*;
pub use server::{Server, ServerError, ServerMetrics, ServerSettings};
pub use token::{InvalidToken, TOKEN_BYTES_MAX, TOKEN_BYTES_MIN, Token};

#[cfg(test)]
mod tests;
