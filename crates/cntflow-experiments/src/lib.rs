#![doc = include_str!("../README.md")]

mod description;
mod error;
pub mod evaluation;
pub mod features;
pub mod frames;
pub mod population;
mod random;
pub mod saved;
pub mod spec;
mod split;
pub mod target;

pub use description::{ClassDescription, ExperimentDescription};
pub use error::{ExperimentError, Result};
