//! The user's folder.
