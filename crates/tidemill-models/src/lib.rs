//! Estimators, the flat model form and its artifact bytes.
