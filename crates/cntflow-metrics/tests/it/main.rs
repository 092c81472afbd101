//! One binary for all tests of the crate from outside.

mod common;
mod invariants;
mod layers;
mod population_properties;
mod population_reference;
mod properties;
mod reference;
