//! Tests of saved models through the public interface, on synthetic populations.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should"
)]

mod predictions;
mod saved_models;
mod synthetic;
mod targets;
