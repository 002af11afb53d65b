//! Lifecycle: deploy, roll back, reconcile.
