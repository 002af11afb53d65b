//! Online inference: slots that hold what serves, the checks of a request's columns, the scores.
//!
//! Invariants:
//! - A request reads one slot once: it is answered by one version as a whole, whatever is swapped meanwhile.
//! - The hot path takes no lock and asks no database; an install never makes a request wait.
//! - Nothing is installed whose golden rows do not come out as when it was trained; what served before goes on serving.
//!
//! Absent on purpose: HTTP (the api has it), the registry (what shall serve comes as bytes), decisions (a threshold
//! belongs to a release).

pub mod protocol;
