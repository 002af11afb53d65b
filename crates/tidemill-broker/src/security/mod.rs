//! Who may speak with the broker: what it demands of a connection, the exchanges that SASL knows, and the files of TLS.
//!
//! Invariants: a password is kept as what is derived from it, never as itself; whether a user is known shows neither in an
//! answer nor in the work that is done for it. Decisions are bytes in, bytes out: sockets, clocks and randomness are the
//! connection's. Absent on purpose: who may do what (whoever is let in may do everything), new files or users without a
//! restart, authenticating again on a connection.

pub(crate) mod exchange;
mod plain;
mod scram;
mod settings;
pub(crate) mod tls;
pub(crate) mod users;

pub use settings::{BrokerSecurity, Password, SaslMechanism, SaslSettings, TlsSettings};
