//! Tests of the whole: a seeded simulation of the offset plan, and streams from a broker into a lake.

mod audit;
mod end_to_end;
mod simulation;
