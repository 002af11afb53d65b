//! The broker over a real socket, by the client side of the codec.

mod certificates;
mod client;
mod groups;
mod hardness;
mod librdkafka;
mod malformed;
mod restart;
mod sasl;
mod sasl_client;
mod tls;
mod topics;
mod versions;
