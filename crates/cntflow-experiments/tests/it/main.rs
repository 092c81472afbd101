//! Tests through the public interface, on made-up populations: saved models, and simulations of the
//! whole evaluation on tables whose truth is known.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should, and simulations print their figures"
)]

mod coverage;
mod declared_pairs;
mod designs;
mod flow;
mod labels;
mod leaks;
mod learned_from_training;
mod learning_curve;
mod permutations;
mod predictions;
mod saved_models;
mod simulated;
mod synthetic;
mod targets;
mod trajectory;
