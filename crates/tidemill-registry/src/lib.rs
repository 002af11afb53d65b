//! Experiments, runs, models, versions, deployments, lineage, audit.
