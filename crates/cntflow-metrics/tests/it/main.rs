//! One binary for all tests of the crate from outside.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod common;
mod invariants;
mod layers;
mod open_sides;
mod parts;
mod population_properties;
mod population_reference;
mod properties;
mod reference;
mod side_by_side;
mod twins;
