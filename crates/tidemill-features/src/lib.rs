//! Feature views and training sets.
