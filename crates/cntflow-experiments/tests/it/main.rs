//! Simulations of the whole evaluation, on tables whose truth is known.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; acceptance figures are printed"
)]
#![allow(dead_code, reason = "an example uses the rest of the synthetic tables")]

mod coverage;
mod flow;
mod leaks;
mod learned_from_training;
mod permutations;
mod synthetic;
