//! The binary and the facade.
