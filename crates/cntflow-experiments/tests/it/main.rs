//! Simulations of the whole evaluation, on tables whose truth is known.

mod coverage;
mod leaks;
mod learned_from_training;
mod permutations;
mod synthetic;
