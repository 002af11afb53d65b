//! The DataFusion session.
