//! The broker over a real socket, by the client side of the codec.

mod client;
mod groups;
mod hardness;
mod malformed;
mod restart;
mod topics;
mod versions;
