//! Integration tests of the crate, one module for each subject.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod architectures;
mod colour;
mod dataset;
mod idx_files;
mod options;
mod population;
mod threads;
mod training;
mod variants;
