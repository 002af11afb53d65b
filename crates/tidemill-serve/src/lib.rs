//! Online inference.
