//! One binary for all tests of the crate from outside.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should"
)]

mod corrected_simulation;
mod data;
mod ends;
mod oracle;
mod properties;
mod simulation;
