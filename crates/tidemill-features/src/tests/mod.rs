//! Features over generated payments: the repository's own project, and small projects that are wrong in one way.

mod ahead;
mod computed;
mod faults;
mod house;
mod training_sets;
