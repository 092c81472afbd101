//! One binary for all tests of the crate from outside.

mod cluster;
mod executor;
