//! One binary for all tests of the crate from outside.

mod common;
mod properties;
mod reference;
