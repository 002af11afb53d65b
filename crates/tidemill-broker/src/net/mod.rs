//! Connections: who comes in, frames in and out, what may be decoded at all, and which requests are known.
//!
//! Invariants: nothing is allocated on the word of a client; answers leave in the order of the requests; nothing but the
//! versions and SASL itself is read from a client that is not known, where clients must be.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod gate;
mod handshake;
pub(crate) mod listener;
pub(crate) mod shape;
pub(crate) mod shapes;
pub(crate) mod versions;
