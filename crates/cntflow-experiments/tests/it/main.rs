//! Simulations of the whole evaluation, on tables whose truth is known.

mod coverage;
mod flow;
mod leaks;
mod learned_from_training;
mod permutations;
mod synthetic;
