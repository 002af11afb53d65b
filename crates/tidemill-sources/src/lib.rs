//! Events for demos, tests and backtests.
