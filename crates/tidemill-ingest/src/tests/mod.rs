//! Tests of the whole: seeded simulations of the offset plan and of batch stages, malformed messages, and streams from a
//! broker into a lake.

mod audit;
mod end_to_end;
mod framed_avro;
mod malformed;
mod power_cut;
mod sharing;
mod simulation;
mod stages;
