//! Integration tests of the crate, one module for each subject.

mod architectures;
mod dataset;
mod population;
mod threads;
mod training;
