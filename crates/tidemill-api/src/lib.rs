//! Axum: REST, inference, the documentation page.
